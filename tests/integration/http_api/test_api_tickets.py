"""Uploads from a page: tickets instead of keys, and what another origin may do."""

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from running import wait_until
from sqlalchemy import update

from db.schema import Ticket
from db.store.keys import Scope

Make = Callable[..., bytes]
ORIGIN = "http://localhost:8501"
JPEG = {"Content-Type": "image/jpeg", "Origin": ORIGIN}
EXPOSED = "Location, X-Request-ID, Retry-After"


@pytest.fixture
def page(api: Any) -> Iterator[httpx.Client]:
    """A browser's page: it has no key."""
    with httpx.Client(base_url=api.url, timeout=30) as found:
        yield found


def ticket_of(client: httpx.Client) -> str:
    return str(client.post("/v1/uploads").json()["ticket"])


def test_a_ticket_sends_one_upload_without_a_key(
    api: Any, client: httpx.Client, page: httpx.Client, scene: Make
) -> None:
    made = client.post("/v1/uploads")
    ticket = made.json()
    assert made.status_code == 201 and ticket["url"] == f"/v1/jobs?ticket={ticket['ticket']}"
    assert ticket["max_bytes"] == 2**20
    left = datetime.fromisoformat(ticket["expires_at"]) - datetime.now(UTC)
    assert 14 * 60 < left.total_seconds() <= 15 * 60 + 5

    url = f"{ticket['url']}&name=beach.jpg&min_confidence=0.8&metadata=%7B%22a%22%3A1%7D"
    sent = page.post(url, content=scene("sea", 1), headers=JPEG)
    assert sent.status_code == 202
    job = client.get(sent.headers["Location"]).json()
    assert job["sources"][0]["name"] == "beach.jpg" and job["params"]["min_confidence"] == 0.8
    assert job["metadata"] == {"a": 1}

    again = page.post(url, content=scene("sea", 1), headers=JPEG)
    assert (again.status_code, again.json()["id"]) == (202, job["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    other = page.post(url, content=scene("sea", 2), headers=JPEG | {"Idempotency-Key": "another"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert len(client.get("/v1/jobs").json()["data"]) == 1


def test_a_form_may_come_with_a_ticket(client: httpx.Client, page: httpx.Client, scene: Make, zipped: Make) -> None:
    files = [("files", ("a.jpg", scene("sea"), "image/jpeg")), ("files", ("b.zip", zipped(c=b"c"), "application/zip"))]
    sent = page.post("/v1/jobs", params={"ticket": ticket_of(client)}, files=files, data={"top_k": "2"})
    assert sent.status_code == 202 and len(sent.json()["sources"]) == 2 and sent.json()["params"]["top_k"] == 2
    inside = page.post(
        "/v1/jobs", params={"ticket": ticket_of(client)}, files=files, data={"ticket": "in the form is no ticket"}
    )
    assert inside.status_code == 422 and inside.json()["errors"][0]["field"] == "ticket"


def test_a_new_ticket_finds_the_job_of_an_upload_whose_answer_was_lost(
    client: httpx.Client, page: httpx.Client, scene: Make
) -> None:
    headers = JPEG | {"Idempotency-Key": "this upload"}
    jobs = {
        page.post("/v1/jobs", params={"ticket": ticket_of(client)}, content=scene("sea"), headers=headers).json()["id"]
        for _ in range(2)
    }
    assert len(jobs) == 1


def test_ended_and_unknown_tickets_are_401(api: Any, client: httpx.Client, page: httpx.Client, scene: Make) -> None:
    ended = ticket_of(client)
    with api.database.write() as session:
        session.execute(update(Ticket).values(expires_at=1.0))
    before = api.blobs()
    for ticket in (ended, "unknown", ""):
        answer = page.post("/v1/jobs", params={"ticket": ticket}, content=scene("sea"), headers=JPEG)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_ticket")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.blobs() == before


def test_a_wrong_ticket_waits_for_nobody_who_writes(api: Any, page: httpx.Client, scene: Make) -> None:
    with api.database.write() as session:
        session.execute(update(Ticket).values(expires_at=Ticket.expires_at))  # SQLite's one turn at writing is ours
        began = time.monotonic()
        answer = page.post("/v1/jobs", params={"ticket": "a guess"}, content=scene("sea"), headers=JPEG)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_ticket")
        assert time.monotonic() - began < 5


def test_no_other_route_takes_a_ticket(client: httpx.Client, page: httpx.Client, scene: Make) -> None:
    query = {"ticket": ticket_of(client)}
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/classify"), ("POST", "/v1/uploads"), ("GET", "/v1/items")):
        answer = page.request(method, path, params=query)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), path
    assert client.post("/v1/classify", params=query, content=scene("sea"), headers=JPEG).status_code == 422


def test_guessed_tickets_are_limited_by_address(serve: Any, home: Any) -> None:
    from settings import Settings

    settings = Settings(_env_file=None, data_dir=home, model="tiny", auth_failures_per_minute=2)
    with serve(settings) as api:
        answers = [httpx.post(f"{api.url}/v1/jobs?ticket={n}", headers=JPEG) for n in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["Retry-After"] and answers[-1].headers["Access-Control-Allow-Origin"] == ORIGIN


def test_no_log_holds_a_ticket(client: httpx.Client, page: httpx.Client, scene: Make, said: io.StringIO) -> None:
    bad = "an-invented-ticket-secret"
    good = ticket_of(client)
    for ticket in (good, bad, f"{good}&top_k=many"):
        page.post(f"/v1/jobs?ticket={ticket}", content=scene("sea"), headers=JPEG)
    # A request's line is written after its answer.
    wait_until(lambda: said.getvalue().count('"path": "/v1/jobs"') == 3, 5)
    lines = [json.loads(line) for line in said.getvalue().splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if line["event"] == "request" and line["path"] == "/v1/jobs"] == [
        202,
        401,
        422,
    ]
    assert {"upload_ticket_made", "ticket_refused", "upload_accepted"} <= {line["event"] for line in lines}
    assert good not in said.getvalue() and bad not in said.getvalue()


def preflight(page: httpx.Client, path: str, origin: str = ORIGIN) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    return page.options(path, headers=asked)


def crossing(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("origin", [ORIGIN, "http://127.0.0.1:8501"])
def test_the_dashboards_page_may_ask_and_send(
    client: httpx.Client, page: httpx.Client, scene: Make, origin: str
) -> None:
    asked = preflight(page, "/v1/jobs?ticket=any", origin)
    assert asked.status_code == 204 and asked.headers["Vary"] == "Origin" and asked.headers["X-Request-ID"]
    assert crossing(asked) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "Content-Type, Idempotency-Key",
        "access-control-max-age": "600",
    }
    headers = {"Content-Type": "image/jpeg", "Origin": origin}
    sent = page.post("/v1/jobs", params={"ticket": ticket_of(client)}, content=scene("sea"), headers=headers)
    assert sent.status_code == 202
    assert crossing(sent) == {"access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED}


def test_names_of_any_script_cross(client: httpx.Client, page: httpx.Client, scene: Make) -> None:
    query = {"ticket": ticket_of(client), "name": "Österreich/海 ☀.jpg"}
    sent = page.post("/v1/jobs", params=query, content=scene("sea", 22), headers=JPEG)
    assert (sent.status_code, crossing(sent)["access-control-allow-origin"]) == (202, ORIGIN)
    assert sent.json()["sources"][0]["name"] == "Österreich/海 ☀.jpg"


def test_the_page_can_read_why_it_was_refused(client: httpx.Client, page: httpx.Client, scene: Make) -> None:
    refused = {
        401: page.post("/v1/jobs?ticket=wrong", content=scene("sea"), headers=JPEG),
        413: page.post(f"/v1/jobs?ticket={ticket_of(client)}", content=bytes(2**20 + 1), headers=JPEG),
        415: page.post(f"/v1/jobs?ticket={ticket_of(client)}", content=b"x", headers=JPEG | {"Content-Type": "a/b"}),
        422: page.post(f"/v1/jobs?ticket={ticket_of(client)}&model=none", content=scene("sea"), headers=JPEG),
    }
    for status, answer in refused.items():
        assert answer.status_code == status and answer.json()["detail"]
        assert crossing(answer) == {"access-control-allow-origin": ORIGIN, "access-control-expose-headers": EXPOSED}


def test_other_pages_and_other_routes_stay_closed(api: Any, client: httpx.Client, scene: Make) -> None:
    with api.client(Scope.ADMIN) as admin:
        for origin in ("http://evil.example", "http://localhost:8501.evil.example", "https://localhost:8501", "null"):
            assert crossing(preflight(admin, "/v1/jobs?ticket=any", origin)) == {}
            headers = {"Content-Type": "image/jpeg", "Origin": origin}
            sent = admin.post(f"/v1/jobs?ticket={ticket_of(client)}", content=scene("sea"), headers=headers)
            assert crossing(sent) == {} and sent.headers["Vary"] == "Origin"
        for path in ("/v1/uploads", "/v1/items", "/v1/classify", "/v1/jobs/", "/health/ready", "/openapi.json"):
            assert crossing(preflight(admin, path)) == {} and crossing(admin.get(path, headers=JPEG)) == {}, path
        for method, path in (("GET", "/v1/jobs"), ("GET", "/v1/jobs?ticket=x"), ("POST", "/v1/uploads")):
            assert crossing(admin.request(method, path, headers=JPEG)) == {}, path
        assert crossing(admin.post("/v1/jobs", content=scene("sea"), headers=JPEG)) == {}


def test_the_description_says_which_route_takes_a_ticket(page: httpx.Client) -> None:
    paths = page.get("/openapi.json").json()["paths"]
    takers = [
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if {"ticket": []} in operation.get("security", [])
    ]
    assert takers == [("post", "/v1/jobs")]
