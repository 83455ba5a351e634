"""Keys that end, keys that are changed for new ones, and the record of who did it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from db.local_key import ensure_local_key
from db.schema import Key
from db.store.keys import Scope


def me(api: Any, secret: str) -> httpx.Response:
    return httpx.get(f"{api.url}/v1/me", headers={"X-API-Key": secret})


def move(api: Any, key: str, **seconds: float) -> None:
    """Moves times of a key, as if so much had passed."""
    with api.database.write() as session:
        for name, by in seconds.items():
            session.execute(update(Key).where(Key.id == key).values({name: getattr(Key, name) - by}))


@pytest.fixture
def admin(api: Any) -> Iterator[httpx.Client]:
    with api.client(Scope.ADMIN, owner="root") as found:
        yield found


def made(admin: httpx.Client, **wanted: Any) -> dict[str, Any]:
    answer = admin.post("/v1/keys", json={"name": "phone", "scopes": ["read"], "owner": "ann", **wanted})
    assert answer.status_code == 201, answer.text
    return answer.json()


def listed(admin: httpx.Client, key: str) -> dict[str, Any]:
    return next(one for one in admin.get("/v1/keys").json()["data"] if one["id"] == key)


def test_a_key_ends_by_itself_and_says_so(api: Any, admin: httpx.Client) -> None:
    key = made(admin, expires_in_days=2)
    assert me(api, key["secret"]).status_code == 200 and listed(admin, key["id"])["expires_at"] == key["expires_at"]
    move(api, key["id"], expires_at=2 * 86400 + 1)
    answer = until_refused(api, key["secret"])
    assert (answer.status_code, answer.json()["code"]) == (401, "ended_key")
    assert "ended" in answer.json()["detail"] and answer.headers["WWW-Authenticate"]
    assert admin.post(f"/v1/keys/{key['id']}/rotate").status_code == 404


def until_refused(api: Any, secret: str) -> httpx.Response:
    """The answer once it is none; a process may remember a good key for 3 seconds."""
    until = time.monotonic() + 5
    while (answer := me(api, secret)).is_success and time.monotonic() < until:
        time.sleep(0.2)
    return answer


def test_a_key_without_an_end_has_none(admin: httpx.Client) -> None:
    assert made(admin)["expires_at"] is None


@pytest.mark.parametrize("days", [0, -1, 36_501, 1.5, True, "soon"])
def test_ends_that_make_no_sense_are_refused(admin: httpx.Client, days: object) -> None:
    answer = admin.post("/v1/keys", json={"name": "x", "expires_in_days": days})
    assert answer.status_code == 422 and "expires_in_days" in answer.json()["errors"][0]["field"]


def test_a_changed_key_has_two_secrets_for_a_while(api: Any, admin: httpx.Client) -> None:
    key = made(admin)
    again = admin.post(f"/v1/keys/{key['id']}/rotate", json={"grace_seconds": 60}).json()
    assert again["id"] == key["id"] and again["secret"] != key["secret"] and again["previous_until"]
    assert me(api, key["secret"]).json() == me(api, again["secret"]).json()
    move(api, key["id"], previous_until=61)
    answer = until_refused(api, key["secret"])
    assert (answer.status_code, answer.json()["code"]) == (401, "ended_key")
    assert me(api, again["secret"]).status_code == 200


def test_without_grace_the_old_secret_ends_at_once(api: Any, admin: httpx.Client) -> None:
    key = made(admin)
    assert me(api, key["secret"]).is_success
    again = admin.post(f"/v1/keys/{key['id']}/rotate", json={"grace_seconds": 0}).json()
    assert me(api, key["secret"]).status_code == 401 and me(api, again["secret"]).is_success


def test_a_revocation_ends_both_secrets(api: Any, admin: httpx.Client) -> None:
    key = made(admin)
    again = admin.post(f"/v1/keys/{key['id']}/rotate").json()
    assert admin.delete(f"/v1/keys/{key['id']}").status_code == 204
    for secret in (key["secret"], again["secret"]):
        assert me(api, secret).json()["code"] == "wrong_key"
    assert admin.post(f"/v1/keys/{key['id']}/rotate").status_code == 404


def test_tickets_end_with_their_key(api: Any, admin: httpx.Client) -> None:
    key = made(admin, scopes=["submit"], expires_in_days=1)
    ticket = httpx.post(f"{api.url}/v1/uploads", headers={"X-API-Key": key["secret"]}).json()["ticket"]
    move(api, key["id"], expires_at=86401)
    answer = httpx.post(f"{api.url}/v1/jobs", params={"ticket": ticket}, content=b"x")
    assert answer.json()["code"] == "wrong_ticket"


def test_what_administrators_do_is_kept(api: Any, admin: httpx.Client) -> None:
    key = made(admin, expires_in_days=9)
    again = admin.post(f"/v1/keys/{key['id']}/rotate", json={"grace_seconds": 5}).json()
    admin.delete(f"/v1/keys/{key['id']}")
    assert admin.delete(f"/v1/keys/{key['id']}").status_code == 404
    first = admin.get("/v1/audit", params={"limit": 2}).json()
    second = admin.get("/v1/audit", params={"limit": 1, "after": first["next"]}).json()
    rows = first["data"] + second["data"]
    assert [row["action"] for row in rows] == ["key_revoked", "key_rotated", "key_made"]
    for row in rows:
        assert (row["actor"], row["address"], row["target"]) == ("root", "127.0.0.1", key["id"]) and row["key"]
    assert rows[2]["detail"] == {"name": "phone", "owner": "ann", "scopes": ["read"], "expires_in_days": 9}
    assert not any(secret in json.dumps(rows) for secret in (key["secret"], again["secret"]))
    assert admin.get("/v1/audit", params={"after": "nonsense"}).json()["code"] == "bad_cursor"


def test_secrets_for_webhooks_are_in_the_record_with_who_really_made_them(api: Any, admin: httpx.Client) -> None:
    own = admin.post("/v1/webhook-secret").json()["secret"]
    for_ann = {"X-Act-For": "ann"}
    secrets = [own, *(admin.post("/v1/webhook-secret", headers=for_ann).json()["secret"] for _ in range(2))]
    rows = admin.get("/v1/audit", params={"limit": 3}).json()["data"]
    assert [(row["action"], row["actor"], row["target"]) for row in rows] == [
        ("webhook_secret_made", "root", "ann"),
        ("webhook_secret_made", "root", "ann"),
        ("webhook_secret_made", "root", "root"),
    ]
    assert [row["detail"]["replaced"] for row in rows] == [True, False, False]
    assert not any(secret in json.dumps(rows) for secret in secrets)


def test_the_first_key_of_a_machine_is_in_the_record(api: Any, admin: httpx.Client, tmp_path: Any) -> None:
    assert ensure_local_key(api.database, tmp_path / "key")
    row = admin.get("/v1/audit").json()["data"][0]
    assert (row["actor"], row["action"], row["key"]) == ("local", "key_made", None)
