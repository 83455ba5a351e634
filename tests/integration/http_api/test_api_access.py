"""Who may do what, and how refusals look."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.store.keys import Scope
from settings import Settings

Make = Callable[..., bytes]
NOBODY = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D"
SCOPES = [
    ("POST", "/v1/jobs", Scope.SUBMIT),
    ("POST", "/v1/uploads", Scope.SUBMIT),
    ("POST", "/v1/classify", Scope.SUBMIT),
    ("GET", "/v1/jobs", Scope.READ),
    ("GET", f"/v1/jobs/{NOBODY}", Scope.READ),
    ("DELETE", f"/v1/jobs/{NOBODY}", Scope.SUBMIT),
    ("POST", f"/v1/jobs/{NOBODY}/cancel", Scope.SUBMIT),
    ("POST", f"/v1/jobs/{NOBODY}/retry", Scope.SUBMIT),
    ("POST", f"/v1/jobs/{NOBODY}/rerun", Scope.SUBMIT),
    ("POST", f"/v1/jobs/{NOBODY}/webhook", Scope.SUBMIT),
    ("GET", f"/v1/jobs/{NOBODY}/items", Scope.READ),
    ("GET", f"/v1/jobs/{NOBODY}/results.jsonl", Scope.READ),
    ("GET", f"/v1/jobs/{NOBODY}/results.csv", Scope.READ),
    ("GET", f"/v1/jobs/{NOBODY}/results.xlsx", Scope.READ),
    ("GET", f"/v1/jobs/{NOBODY}/sidecars.zip", Scope.READ),
    ("GET", "/v1/items", Scope.READ),
    ("GET", "/v1/items.jsonl", Scope.READ),
    ("GET", "/v1/items.csv", Scope.READ),
    ("GET", f"/v1/items/{NOBODY}-0", Scope.READ),
    ("GET", f"/v1/items/{NOBODY}-0/image", Scope.READ),
    ("POST", f"/v1/items/{NOBODY}-0/review", Scope.REVIEW),
    ("DELETE", f"/v1/items/{NOBODY}-0/review", Scope.REVIEW),
    ("POST", "/v1/reviews", Scope.REVIEW),
    ("GET", "/v1/scores", Scope.READ),
    ("GET", "/v1/stats", Scope.READ),
    ("GET", "/v1/stats/latency", Scope.READ),
    ("GET", "/v1/stats/reviews", Scope.READ),
    ("GET", "/v1/queue", Scope.READ),
    ("GET", "/v1/models", Scope.READ),
    ("GET", "/v1/models/tiny", Scope.READ),
    ("POST", "/v1/webhook-secret", Scope.SUBMIT),
    ("GET", "/v1/webhook-secret", Scope.READ),
    ("GET", "/v1/keys", Scope.ADMIN),
    ("POST", "/v1/keys", Scope.ADMIN),
    ("DELETE", f"/v1/keys/{NOBODY}", Scope.ADMIN),
    ("POST", f"/v1/keys/{NOBODY}/rotate", Scope.ADMIN),
    ("GET", "/v1/audit", Scope.ADMIN),
    ("GET", "/v1/workers", Scope.ADMIN),
    ("GET", "/v1/system", Scope.ADMIN),
    ("POST", "/v1/benchmark", Scope.ADMIN),
    ("GET", f"/v1/benchmark/{NOBODY}", Scope.ADMIN),
    ("GET", "/v1/benchmarks", Scope.ADMIN),
]


def is_problem(answer: httpx.Response, code: str) -> bool:
    said = answer.json()
    return (
        answer.headers["Content-Type"] == "application/problem+json"
        and said["code"] == code
        and said["status"] == answer.status_code
        and said["type"] == f"urn:shoebox:problem:{code}"
        and bool(said["title"])
        and bool(said["detail"])
        and said["request_id"] == answer.headers["X-Request-ID"]
    )


@pytest.mark.parametrize(("method", "path", "scope"), SCOPES)
def test_each_route_asks_for_its_scope(api: Any, method: str, path: str, scope: Scope) -> None:
    with httpx.Client(base_url=api.url) as nobody:
        answer = nobody.request(method, path)
        assert answer.status_code == 401 and is_problem(answer, "not_signed_in")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert is_problem(nobody.request(method, path, headers={"X-API-Key": "shoebox_wrong"}), "wrong_key")
    with api.client(*(set(Scope) - {scope, Scope.ADMIN})) as others:
        answer = others.request(method, path)
        assert answer.status_code == 403 and is_problem(answer, "missing_scope")
    for enough in (scope, Scope.ADMIN):
        with api.client(enough) as allowed:
            assert allowed.request(method, path).status_code in (200, 201, 404, 415, 422)


def test_every_route_is_in_the_table_above(api: Any) -> None:
    paths = httpx.get(f"{api.url}/openapi.json").json()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods if path.startswith("/v1")}
    names = {"{job_id}": NOBODY, "{item_id}": f"{NOBODY}-0", "{name}": "tiny", "{key_id}": NOBODY}
    for name, value in (names | {"{benchmark_id}": NOBODY}).items():
        there = {(method, path.replace(name, value)) for method, path in there}
    # Who the caller is, any key may ask (test_api_me.py).
    assert there - {("GET", "/v1/me")} == {(method, path) for method, path, _ in SCOPES}


def test_a_key_is_taken_in_three_ways(api: Any) -> None:
    secret = api.key(Scope.READ)
    basic = base64.b64encode(f"anyone:{secret}".encode()).decode()
    ways = [{"Authorization": f"Bearer {secret}"}, {"X-API-Key": secret}, {"Authorization": f"Basic {basic}"}]
    assert [httpx.get(f"{api.url}/v1/jobs", headers=way).status_code for way in ways] == [200, 200, 200]
    for odd in ("Basic !!!", "Bearer", "Basic", "Digest x"):
        assert httpx.get(f"{api.url}/v1/jobs", headers={"Authorization": odd}).status_code == 401


def test_keys_are_made_listed_and_revoked(api: Any) -> None:
    with api.client(Scope.ADMIN) as admin:
        made = admin.post("/v1/keys", json={"name": "ann's", "scopes": ["read"], "owner": "ann"})
        key = made.json()
        assert made.status_code == 201 and key["owner"] == "ann" and key["scopes"] == ["read"]
        listed = {one["id"]: one for one in admin.get("/v1/keys").json()["data"]}
        assert "secret" not in listed[key["id"]] and key["secret"] not in str(listed)
        mine = {"X-API-Key": key["secret"]}
        assert httpx.get(f"{api.url}/v1/jobs", headers=mine).status_code == 200
        assert admin.delete(f"/v1/keys/{key['id']}").status_code == 204
        assert httpx.get(f"{api.url}/v1/jobs", headers=mine).status_code == 401
        assert admin.delete(f"/v1/keys/{key['id']}").status_code == 404
        for bad in ({"name": ""}, {"name": "a", "scopes": ["rule"]}, {"name": "a", "owner": "a b"}, {"name": "a\x00"}):
            assert is_problem(admin.post("/v1/keys", json=bad), "invalid_request")


def test_a_key_revoked_elsewhere_ends_within_five_seconds(api: Any) -> None:
    from db.store.keys import digest, list_keys, revoke_key

    secret = api.key(Scope.READ)
    headers = {"X-API-Key": secret}
    assert httpx.get(f"{api.url}/v1/jobs", headers=headers).status_code == 200
    with api.database.write() as session:
        assert revoke_key(session, next(key.id for key in list_keys(session) if key.digest == digest(secret)))
    deadline = time.monotonic() + 5
    while httpx.get(f"{api.url}/v1/jobs", headers=headers).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_wrong_keys_are_limited_by_address_and_right_ones_pass(serve: Any, home: Path) -> None:
    settings = Settings(_env_file=None, data_dir=home, model="tiny", auth_failures_per_minute=3)
    with serve(settings) as api:
        answers = [httpx.get(f"{api.url}/v1/jobs", headers={"X-API-Key": f"bad{n}"}) for n in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert is_problem(answers[-1], "too_many_failures") and 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        with api.client(Scope.READ) as good:
            assert good.get("/v1/jobs").status_code == 200


def test_another_owners_things_are_not_there(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    job = client.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"}).json()["id"]
    api.judge(job, judged)
    with api.client(Scope.ADMIN) as other:
        paths = ["", "/items", "/results.jsonl", "/results.csv"]
        answers = [other.get(f"/v1/jobs/{job}{path}") for path in paths]
        answers += [other.get(f"/v1/items/{job}-0"), other.get(f"/v1/items/{job}-0/image")]
        answers += [other.post(f"/v1/items/{job}-0/review", json={"correct": True})]
        answers += [other.post(f"/v1/jobs/{job}/{verb}") for verb in ("cancel", "retry")] + [
            other.delete(f"/v1/jobs/{job}")
        ]
        assert all(answer.status_code == 404 and is_problem(answer, "not_found") for answer in answers)
        assert other.get("/v1/jobs").json()["data"] == other.get("/v1/items").json()["data"] == []
    assert client.get(f"/v1/jobs/{job}").status_code == 200


def test_errors_of_the_framework_are_problems_too(client: httpx.Client) -> None:
    assert is_problem(client.get("/v1/nothing"), "not_found")
    wrong = client.put("/v1/jobs")
    assert is_problem(wrong, "method_not_allowed") and "Allow" in wrong.headers
    bad = client.get("/v1/jobs?limit=none")
    assert is_problem(bad, "invalid_request") and bad.json()["errors"][0]["field"] == "query.limit"
    assert is_problem(
        client.post("/v1/items/x/review", content=b"{", headers={"Content-Type": "application/json"}), "invalid_request"
    )
    for path in (
        "/v1/jobs/x",
        "/v1/jobs/%00",
        "/v1/items/x",
        f"/v1/items/{NOBODY}-",
        f"/v1/items/{NOBODY}-1e3",
        "/v1/models/x",
    ):
        assert is_problem(client.get(path), "not_found"), path


def test_request_ids_are_kept_when_sane(client: httpx.Client) -> None:
    assert client.get("/v1/jobs", headers={"X-Request-ID": "trace.1-a_B"}).headers["X-Request-ID"] == "trace.1-a_B"
    for odd in ("", "a b", "x" * 65, "a\tb", "<script>"):
        given = client.get("/health/live", headers={"X-Request-ID": odd}).headers["X-Request-ID"]
        assert given != odd and len(given) == 26


def test_answers_are_neither_sniffed_nor_stored(client: httpx.Client) -> None:
    headers = client.get("/v1/jobs").headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
