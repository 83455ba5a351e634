"""The client against a real, small HTTP server that answers as Shoebox does."""

import json
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest
from scripted_server import Answer, Request, Server, item, job, serving

from client.client import Client
from client.errors import (
    LONGEST_WAIT,
    SHORTEST_WAIT,
    Refused,
    UnexpectedAnswer,
    Unreachable,
    WaitedTooLong,
    retry_after,
)
from client.upload import of_file, of_folder, of_path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, "secret", patience=5.0) as found:
        yield found


def test_file_is_sent_raw_with_its_type_name_key_and_length(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "trip ü.zip").write_bytes(b"zip bytes")
    server.answer = lambda request: Answer(202, job())
    sent: list[int] = []

    found = client.submit(
        [of_file(tmp_path / "trip ü.zip")], model="scenes", allow=["sea", "mountain"], on_bytes=sent.append
    )

    request = server.asked[0]
    assert (request.method, request.path, request.body) == ("POST", "/v1/jobs", b"zip bytes")
    assert request.headers["Content-Type"] == "application/zip"
    assert request.headers["X-API-Key"] == "secret"
    assert request.headers["Content-Length"] == "9"
    assert request.query == {"model": ["scenes"], "allow": ["sea", "mountain"], "name": ["trip ü.zip"]}
    assert sent == [9]
    assert (found.id, found.view.state, found.view.sources[0].name) == ("J1", "running", "a.zip")


def test_folder_is_sent_as_it_is_read(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    server.answer = lambda request: Answer(202, job())

    client.submit([of_folder(tmp_path)])

    assert server.asked[0].headers["Transfer-Encoding"] == "chunked"
    assert server.asked[0].body.startswith(b"PK\x03\x04")


def test_several_files_are_sent_as_multipart(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / 'a".jpg').write_bytes(b"first")
    (tmp_path / "b.png").write_bytes(b"second\r\n")
    server.answer = lambda request: Answer(202, job())

    client.submit([of_path(tmp_path / 'a".jpg'), of_path(tmp_path / "b.png")])

    request = server.asked[0]
    assert int(request.headers["Content-Length"]) == len(request.body)
    whole = message_from_bytes(f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode() + request.body)
    parts = [part for part in whole.walk() if not part.is_multipart()]
    assert [part.get_filename() for part in parts] == ["a%22.jpg", "b.png"]
    assert [part.get_payload(decode=True) for part in parts] == [b"first", b"second\r\n"]


def test_refused_upload_is_sent_again_whole_under_the_same_key(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    answers = iter([Answer(503, {"detail": "not now"}, {"Retry-After": "0"}), Answer(202, job())])
    server.answer = lambda request: next(answers)

    client.submit([of_folder(tmp_path)])

    first, second = server.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body


def test_retry_after_is_kept_to(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("client.transport.time.sleep", waits.append)
    answers = iter([Answer(429, {"detail": "slower"}, {"Retry-After": "3"}), Answer(200, job())])
    server.answer = lambda request: next(answers)

    client.job("J1")

    assert waits == [3.0]


@pytest.mark.parametrize(
    ("said", "kept_to"),
    [
        ("0", SHORTEST_WAIT),
        ("Wed, 21 Oct 2015 07:28:00 GMT", SHORTEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_stays_within_reason(said: str, kept_to: float | None) -> None:
    found = retry_after(httpx.Response(503, headers={"Retry-After": said}))
    assert found == kept_to


def test_retry_after_may_be_a_date(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("client.transport.time.sleep", waits.append)
    in_three = formatdate(time.time() + 3, usegmt=True)
    answers = iter([Answer(503, {"detail": "busy"}, {"Retry-After": in_three}), Answer(200, job())])
    server.answer = lambda request: next(answers)

    client.job("J1")

    assert 1.5 < waits[0] <= 3


def test_longer_than_there_is_patience_is_not_waited_for(server: Server, client: Client) -> None:
    server.answer = lambda request: Answer(429, {"detail": "slower"}, {"Retry-After": "60"})

    with pytest.raises(Refused) as caught:
        client.job("J1")

    assert caught.value.retry_after == 60
    assert len(server.asked) == 1


def test_paths_are_sent_as_they_are_named(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"photo")
    server.answer = lambda request: Answer(202, job())

    client.submit(tmp_path / "in")
    client.submit([tmp_path / "in", str(tmp_path / "in" / "a.jpg")])

    assert [request.headers["Content-Type"].partition(";")[0] for request in server.asked] == [
        "application/zip",
        "multipart/form-data",
    ]
    with pytest.raises(ValueError, match="nothing to send"):
        client.submit([])
    with pytest.raises(FileNotFoundError):
        client.submit(tmp_path / "nothing.jpg")


def test_problem_becomes_one_typed_error(server: Server, client: Client) -> None:
    problem = {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "A field makes no sense.",
        "code": "invalid",
        "request_id": "R1",
        "errors": [{"field": "top_k", "message": "too large"}],
    }
    server.answer = lambda request: Answer(422, problem, {"Content-Type": "application/problem+json"})

    with pytest.raises(Refused, match="A field makes no sense") as caught:
        client.job("J1")

    error = caught.value
    assert (error.status, error.code, error.request_id) == (422, "invalid", "R1")
    assert error.errors == ({"field": "top_k", "message": "too large"},)
    assert len(server.asked) == 1


def test_answer_of_something_else_is_told_apart(server: Server, client: Client) -> None:
    server.answer = lambda request: Answer(200, b"<html>hello</html>")
    with pytest.raises(UnexpectedAnswer):
        client.job("J1")
    server.answer = lambda request: Answer(200, {"hello": "world"})
    with pytest.raises(UnexpectedAnswer):
        client.job("J1")
    server.answer = lambda request: Answer(500, b"<html>oh</html>")
    with pytest.raises(Refused, match="answered 500"):
        client.job("J1")


def test_nobody_at_the_address_is_unreachable() -> None:
    with Client("http://127.0.0.1:9", patience=0) as client, pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        client.job("J1")


def test_wait_shows_each_look_and_ends_with_the_job(server: Server, client: Client) -> None:
    times = {"started_at": "2026-01-31T09:30:00.000Z", "finished_at": "2026-01-31T09:30:02.500Z"}
    answers = iter([job("queued"), job("running"), job("completed", **times)])
    server.answer = lambda request: Answer(200, next(answers), {"Retry-After": "0"})
    seen: list[str] = []
    handle = client.job("J1")

    view = handle.wait(on_change=lambda each: seen.append(each.state))

    assert seen == ["running", "completed"]
    assert view.finished
    assert view.seconds == 2.5


def test_wait_ends_with_its_time(server: Server, client: Client) -> None:
    server.answer = lambda request: Answer(200, job())
    with pytest.raises(WaitedTooLong):
        client.job("J1").wait(timeout=0.2)


def test_items_come_page_by_page(server: Server, client: Client) -> None:
    def answer(request: Request) -> Answer:
        after = int(request.query.get("after", ["0"])[0])
        return Answer(200, {"data": [item(after), item(after + 1)], "next": str(after + 2) if after < 2 else None})

    server.answer = answer

    found = list(client.items("J1", decision="accepted"))

    assert [each.position for each in found] == [0, 1, 2, 3]
    assert found[0].tags[0].label == "sea"
    assert [request.query["decision"] for request in server.asked] == [["accepted"], ["accepted"]]


def test_reviews_are_given_and_come_with_their_items(server: Server, client: Client) -> None:
    said = {"label": None, "correct": False, "reviewed_at": "2026-01-31T09:30:00.000Z"}
    server.answer = lambda request: Answer(200, said)
    assert client.review("J1-0", None).label is None
    client.review("J1-0", "lake")
    client.confirm("J1-0")
    assert [json.loads(request.body) for request in server.asked] == [
        {"label": None},
        {"label": "lake"},
        {"correct": True},
    ]

    server.answer = lambda request: Answer(200, {"data": [item(0) | {"review": said}, item(1)], "next": None})
    first, second = client.history(reviewed=True)
    assert server.asked[-1].path == "/v1/items"
    assert server.asked[-1].query["reviewed"] == ["true"]
    assert first.review is not None
    assert (first.model, first.version, first.review.reviewed_at.year) == ("scenes", "1", 2026)
    assert second.review is None


def test_a_photo_comes_as_bytes(server: Server, client: Client) -> None:
    server.answer = lambda request: Answer(200, b"jpeg bytes")
    assert client.image("J1-0", 512) == b"jpeg bytes"
    assert (server.asked[0].path, server.asked[0].query) == ("/v1/items/J1-0/image", {"size": ["512"]})


def test_results_appear_only_when_complete(server: Server, client: Client, tmp_path: Path) -> None:
    server.answer = lambda request: Answer(410, {"detail": "The results were deleted.", "code": "expired"})
    with pytest.raises(Refused, match="deleted"):
        client.results("J1", "jsonl", tmp_path / "results.jsonl")
    assert list(tmp_path.iterdir()) == []

    server.answer = lambda request: Answer(200, b"{}\n")
    client.results("J1", "jsonl", tmp_path / "results.jsonl")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("results.jsonl", b"{}\n")]


def test_classify_takes_the_item_or_waits_for_its_job(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    server.answer = lambda request: Answer(200, item(0))
    assert client.classify(of_file(tmp_path / "a.jpg")).label == "sea"

    def late(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(202, job())
        return Answer(200, {"data": [item(0)], "next": None} if request.path.endswith("items") else job("completed"))

    server.answer = late
    assert client.classify(of_file(tmp_path / "a.jpg")).label == "sea"
