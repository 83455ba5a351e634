"""Sending photos and following their job."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

Make = Callable[..., bytes]


def send(client: httpx.Client, *files: bytes, **options: Any) -> httpx.Response:
    parts = [("files", (f"p{n}.jpg", data, "image/jpeg")) for n, data in enumerate(files)]
    return client.post("/v1/jobs", files=parts, **options)


def test_images_become_a_job_with_its_photos_waiting(client: httpx.Client, scene: Make) -> None:
    answer = send(client, scene("sea"), scene("forest"))
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}" and answer.headers["Retry-After"] == "1"
    assert job["state"] == "running" and job["outcome"] is None and job["error"] is None
    assert job["counts"] == {
        "total": 2, "pending": 2, "accepted": 0, "rejected": 0, "failed": 0, "canceled": 0, "skipped": 0,
    }  # fmt: skip
    assert job["model"] == {"name": "tiny", "version": "1"}
    assert [source["name"] for source in job["sources"]] == ["p0.jpg", "p1.jpg"]
    assert job["params"] == {
        "top_k": 3, "min_confidence": None, "novelty": "normal", "allow": [], "deny": [], "backend": None,
    }  # fmt: skip
    assert job["submitted_at"].endswith("Z")


def test_a_zip_as_the_raw_body_waits_to_be_unpacked(client: httpx.Client, scene: Make, zipped: Make) -> None:
    body = zipped(a=scene("sea"))
    answer = client.post("/v1/jobs?name=trip.zip", content=body, headers={"Content-Type": "application/zip"})
    job = answer.json()
    assert answer.status_code == 202 and job["state"] == "queued" and job["counts"]["total"] is None
    nothing = dict.fromkeys(("error", "message", "deleted_at"))
    assert job["sources"] == [{"name": "trip.zip", "kind": "zip", "bytes": len(body), "state": "waiting", **nothing}]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="sun set.jpg"', "sun set.jpg"),
        ("attachment; filename*=UTF-8''%C3%A9t%C3%A9.jpg", "été.jpg"),
        ("", "upload.jpeg"),
    ],
)
def test_a_raw_body_is_named_by_its_header(client: httpx.Client, scene: Make, header: str, name: str) -> None:
    headers = {"Content-Type": "image/jpeg"} | ({"Content-Disposition": header} if header else {})
    answer = client.post("/v1/jobs", content=scene("sea"), headers=headers)
    assert answer.json()["sources"][0]["name"] == name


def test_options_come_by_query_or_form_and_metadata_comes_back(client: httpx.Client, scene: Make) -> None:
    form = {"top_k": "5", "deny": ["sea", "forest"], "metadata": json.dumps({"album": "Rome", "n": [1]})}
    answer = send(client, scene("sea"), data=form, params={"min_confidence": 0.8, "top_k": 7})
    job = answer.json()
    assert job["metadata"] == {"album": "Rome", "n": [1]}
    assert (job["params"]["top_k"], job["params"]["min_confidence"], job["params"]["deny"]) == (
        5,
        0.8,
        ["forest", "sea"],
    )


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({"top_k": "0"}, "invalid_request", "top_k"),
        ({"top_k": "many"}, "invalid_request", "top_k"),
        ({"min_confidence": "1.5"}, "invalid_request", "min_confidence"),
        ({"novelty": "mild"}, "invalid_request", "novelty"),
        ({"allow": "unicorn"}, "invalid_request", "allow"),
        ({"topk": "3"}, "invalid_request", "topk"),
        ({"metadata": "[1]"}, "invalid_request", "metadata"),
        ({"metadata": '{"a": NaN}'}, "invalid_request", "metadata"),
        ({"metadata": '{"a": "\\ud800"}'}, "invalid_request", "metadata"),
        ({"metadata": '{"a": ' + "[" * 12 + "]" * 12 + "}"}, "invalid_request", "metadata"),
        ({"metadata": json.dumps({"a": "x" * 5000})}, "invalid_request", "metadata"),
        ({"model": "nothing"}, "unknown_model", None),
        ({"backend": "abacus"}, "backend_unavailable", None),
    ],
)
def test_options_that_make_no_sense(
    client: httpx.Client, api: Any, scene: Make, options: dict[str, str], code: str, field: str | None
) -> None:
    before = api.blobs()
    for answer in (send(client, scene("sea"), data=options), send(client, scene("sea"), params=options)):
        assert answer.status_code == 422 and answer.json()["code"] == code
        if field:
            assert answer.json()["errors"][0]["field"].removeprefix("query.") == field
    assert api.blobs() == before


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"Rar!\x1a\x07\x01\x00", "rar"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\0" * 257 + b"ustar", "tar"),
    ],
)
def test_other_archives_are_told_to_come_as_zip(client: httpx.Client, api: Any, head: bytes, kind: str) -> None:
    before = api.blobs()
    answer = send(client, head + bytes(2000))
    assert answer.status_code == 415 and "send a ZIP" in answer.json()["detail"] and kind in answer.json()["detail"]
    assert api.blobs() == before


def test_refusals_of_what_holds_no_photo(client: httpx.Client, api: Any, scene: Make, zipped: Make) -> None:
    before = api.blobs()
    cut = zipped(a=scene("sea"), b=scene("forest"))[:-30]
    raw = {"Content-Type": "application/zip"}
    cases = [
        (client.post("/v1/jobs", content=cut, headers=raw), 422, "corrupt_archive"),
        (send(client, scene("sea"), cut), 422, "corrupt_archive"),
        (client.post("/v1/jobs", content=b"", headers=raw), 422, "no_files"),
        (client.post("/v1/jobs", data={"top_k": "3"}, files={}), 415, "unsupported_media_type"),
        (client.post("/v1/jobs", files={"files": ("", b"")}), 422, "no_files"),
        (client.post("/v1/jobs", json={"files": []}), 415, "unsupported_media_type"),
        (client.post("/v1/jobs", files={"photo": ("a.jpg", b"x")}), 422, "invalid_request"),
    ]
    for answer, status, code in cases:
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.blobs() == before


def test_a_file_that_is_no_picture_is_taken_and_judged_later(client: httpx.Client) -> None:
    answer = send(client, b"once upon a time")
    assert answer.status_code == 202 and answer.json()["sources"][0]["kind"] == "image"


def test_names_are_text_to_show(client: httpx.Client, scene: Make) -> None:
    parts = [("files", (name, scene("sea"), "image/jpeg")) for name in ("../../etc/passwd", 'a"b\r\nc.jpg', "x" * 400)]
    names = [source["name"] for source in client.post("/v1/jobs", files=parts).json()["sources"]]
    assert names[0] == "../../etc/passwd" and "\n" not in names[1] and len(names[2]) == 255


def test_the_same_idempotency_key_fifty_times_at_once_is_one_job(api: Any, client: httpx.Client, scene: Make) -> None:
    photo, before = scene("sea", 5), api.blobs()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: send(client, photo, headers={"Idempotency-Key": "once"}), range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 49
    assert len(api.blobs() - before) == 1
    other = send(client, scene("forest"), headers={"Idempotency-Key": "once"})
    assert other.status_code == 422 and other.json()["code"] == "idempotency_conflict"
    assert len(api.blobs() - before) == 1


def test_a_job_is_found_by_its_idempotency_key(api: Any, client: httpx.Client, scene: Make) -> None:
    made = send(client, scene("sea"), headers={"Idempotency-Key": "mine, once"}).json()["id"]
    send(client, scene("sea"), headers={"Idempotency-Key": "mine, twice"})

    def found(by: httpx.Client, key: str) -> list[str]:
        return [job["id"] for job in by.get("/v1/jobs", params={"idempotency_key": key}).json()["data"]]

    assert found(client, "mine, once") == [made]
    assert found(client, "never used") == []
    with api.client() as another:
        assert found(another, "mine, once") == []


def test_jobs_are_listed_by_pages(client: httpx.Client, scene: Make) -> None:
    made = [send(client, scene("sea", seed)).json()["id"] for seed in range(5)]
    listed, after = [], None
    while True:
        page = client.get("/v1/jobs", params={"limit": 2} | ({"after": after} if after else {})).json()
        listed += [job["id"] for job in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert listed == made[::-1]
    assert client.get("/v1/jobs", params={"state": "completed"}).json() == {"data": [], "next": None}
    for query in ({"after": "nonsense"}, {"after": "Kg"}, {"limit": 501}, {"limit": 0}, {"state": "lost"}):
        assert client.get("/v1/jobs", params=query).status_code == 422


def test_a_jobs_etag_holds_until_something_happens(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    job = send(client, scene("sea")).json()["id"]
    first = client.get(f"/v1/jobs/{job}")
    assert first.headers["ETag"].startswith('W/"') and first.headers["Retry-After"] == "1"
    again = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["Retry-After"] == "1"
    api.judge(job, judged)
    last = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert last.status_code == 200 and last.json()["state"] == "completed" and "Retry-After" not in last.headers
    assert last.json()["outcome"] == "all_accepted" and last.json()["finished_at"] is not None


def test_cancel_then_delete_leaves_nothing(api: Any, client: httpx.Client, scene: Make) -> None:
    before = api.blobs()
    job = send(client, scene("sea"), scene("forest")).json()["id"]
    assert client.delete(f"/v1/jobs/{job}").json()["code"] == "still_running"
    canceled = client.post(f"/v1/jobs/{job}/cancel").json()
    assert canceled["state"] == "canceled" and canceled["counts"]["canceled"] == 2
    assert client.post(f"/v1/jobs/{job}/cancel").json()["code"] == "already_finished"
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    assert client.get(f"/v1/jobs/{job}").status_code == 404 and client.delete(f"/v1/jobs/{job}").status_code == 404
    assert api.blobs() == before


def test_retry_makes_a_job_over_the_failed_photos(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    job = send(client, *[scene("sea", seed) for seed in range(6)]).json()["id"]
    assert client.post(f"/v1/jobs/{job}/retry").json()["code"] == "still_running"
    api.judge(job, judged)
    again = client.post(f"/v1/jobs/{job}/retry")
    assert again.status_code == 202 and again.json()["retry_of"] == job and again.json()["counts"]["total"] == 1
    assert again.headers["Location"] == f"/v1/jobs/{again.json()['id']}"
    more = client.post(f"/v1/jobs/{job}/retry", json={"decision": ["failed", "rejected"], "model": "tiny"})
    assert more.json()["counts"]["total"] == 3
    assert client.post(f"/v1/jobs/{job}/retry", json={"decision": "failed"}).status_code == 202
    assert client.post(f"/v1/jobs/{job}/retry", json={"model": "nothing"}).json()["code"] == "unknown_model"
    assert client.post(f"/v1/jobs/{job}/retry", json={"decision": "odd"}).status_code == 422
    assert client.delete(f"/v1/jobs/{job}").status_code == 204  # its uploads live on for the later jobs
    api.judge(again.json()["id"], lambda position, name: judged(0, name))
    assert client.get(f"/v1/items/{again.json()['id']}-0/image").status_code == 200


def test_nothing_to_retry(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    job = send(client, scene("sea")).json()["id"]
    api.judge(job, judged)
    assert client.post(f"/v1/jobs/{job}/retry").json()["code"] == "nothing_to_retry"
