"""The whole HTTP interface as typed calls."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from client.access import Access
from client.calls import PAGE, given, typed
from client.errors import Refused, UnexpectedAnswer, retry_after
from client.insight import Insight
from client.job import Job
from client.reviewing import Reviewing
from client.transport import Transport
from client.upload import UNKNOWN, Photo, Photos, Upload, multipart, shown, uploads_of
from client.values import Item, JobView

BENCHMARK_PAUSE = 1.0


class Client(Access, Insight, Reviewing):
    """Speaks to one Shoebox server with one key; close it, or use it in a ``with``.

    ``patience``: seconds for which calls that may be repeated go on while the server is away or overloaded.
    ``act_for``: with an admin's key, the owner for whom every call is made, without admin's rights.
    Every call raises `client.errors.ShoeboxError` in one of its kinds.
    """

    def __init__(self, url: str, key: str = "", *, patience: float = 30.0, act_for: str | None = None) -> None:
        self._transport = Transport(url, key, patience, act_for)
        self._patience = patience

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self,
        photos: Photos,
        *,
        idempotency_key: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Job:
        """Sends photos and ZIPs; returns their job once the server has taken it over.

        ``photos``: a path of an image, a ZIP or a folder (sent with its sub-folders), an `Upload`, or several of them.
        One ZIP or image is sent as the raw body, all else as multipart; neither is held in memory. An interrupted
        upload is sent again under the same idempotency key (a random one by default): it never becomes two jobs.
        ``on_bytes`` is told how many bytes of the current try were sent. ``params``: model, backend, top_k,
        min_confidence, novelty, allow, deny, webhook_url. Raises `OSError` where a file cannot be read.
        """
        uploads = uploads_of(photos)
        raw = len(uploads) == 1 and uploads[0].content_type != UNKNOWN
        body = uploads[0] if raw else multipart(uploads)
        headers = {"Content-Type": body.content_type, "Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        if body.size is not None:
            headers["Content-Length"] = str(body.size)
        query = given(params)
        if raw:
            query["name"] = shown(body.name)
        if metadata:
            query["metadata"] = json.dumps(metadata)
        answer = self._transport.json(
            "POST",
            "/v1/jobs",
            params=query,
            body=lambda: _counted(body.start(), on_bytes),
            headers=headers,
            repeat=True,
            read_timeout=600.0,
        )
        return self._job(answer)

    def classify(self, photo: Photo, *, timeout: float = 10.0, **params: Any) -> Item:
        """Judges one photo, and waits for its verdict however long the queue is."""
        (photo,) = uploads_of(photo)
        headers = {"Content-Type": photo.content_type, "Content-Length": str(photo.size)}
        query = {**given(params), "name": shown(photo.name), "timeout": timeout}
        answer = self._transport.call(
            "POST", "/v1/classify", params=query, body=photo.start, headers=headers, read_timeout=timeout + 30
        )
        if answer.status_code == 200:
            return typed(Item.from_json, answer.json())
        job = self._job(answer.json())
        job.wait()
        item = next(self.items(job.id), None)
        if item is None:
            raise UnexpectedAnswer(f"Job {job.id} ended as {job.view.state} without a verdict.")
        return item

    def job(self, job_id: str) -> Job:
        """A job by its id."""
        return self._job(self._transport.json("GET", f"/v1/jobs/{job_id}"))

    def jobs(self, **filters: Any) -> Iterator[JobView]:
        """All jobs of this key's owner, newest first, page by page as they are asked for."""
        return (typed(JobView.from_json, data) for data in self._pages("/v1/jobs", filters))

    def items(self, job_id: str, **filters: Any) -> Iterator[Item]:
        """A job's items in the order of their positions.

        Filters: decision, reason, label, model, reviewed, name (how it begins), and the days of the verdict (UTC,
        both included), ``from_`` and ``to``: dates or their text.
        """
        return (typed(Item.from_json, data) for data in self._pages(f"/v1/jobs/{job_id}/items", filters))

    def history(self, **filters: Any) -> Iterator[Item]:
        """The items of all jobs, newest job first, with the same filters."""
        return (typed(Item.from_json, data) for data in self._pages("/v1/items", filters))

    def page(
        self, job_id: str | None = None, *, after: str | None = None, limit: int = PAGE, **filters: Any
    ) -> tuple[list[Item], str | None]:
        """One page of a job's items, or of the history, and what to give as ``after`` for the next (``None``: none)."""
        path = "/v1/items" if job_id is None else f"/v1/jobs/{job_id}/items"
        found = self._transport.json("GET", path, params=given({"limit": limit, "after": after, **filters}))
        items = typed(lambda page: [Item.from_json(data) for data in page["data"]], found)
        return items, found.get("next")

    def image(self, item_id: str, size: int) -> bytes:
        """The photo as a JPEG without metadata that fits in ``size`` x ``size`` pixels."""
        return self._transport.call("GET", f"/v1/items/{item_id}/image", params={"size": size}).content

    def results(self, job_id: str, kind: str, path: Path) -> Path:
        """Streams a job's results (jsonl, csv or xlsx) into the file ``path``, which appears only when complete."""
        return self._download(f"/v1/jobs/{job_id}/results.{kind}", {}, path)

    def sidecars(self, job_id: str, path: Path, *, root: str | None = None, naming: str | None = None) -> Path:
        """Streams a ZIP with an XMP sidecar for every tagged photo into the file ``path``.

        ``root`` is the keyword above all tags, ``naming`` is ``full`` (IMG.jpg.xmp) or ``stem`` (IMG.xmp).
        """
        return self._download(f"/v1/jobs/{job_id}/sidecars.zip", {"root": root, "naming": naming}, path)

    def cancel(self, job_id: str) -> Job:
        """Stops a job; verdicts so far are kept. A finished job is refused (409)."""
        return self._job(self._transport.json("POST", f"/v1/jobs/{job_id}/cancel"))

    def send_webhook_again(self, job_id: str) -> Job:
        """Has the message about a job's end tried anew. One that still waits to be sent is refused (409)."""
        return self._job(self._transport.json("POST", f"/v1/jobs/{job_id}/webhook"))

    def retry(self, job_id: str, decision: str = "failed") -> Job:
        """A new job over the items of an old one that ended with ``decision``."""
        return self._job(self._transport.json("POST", f"/v1/jobs/{job_id}/retry", json={"decision": decision}))

    def rerun(self, job_id: str, model: str, **changes: Any) -> Job:
        """A new job that judges all photos of a finished one with ``model`` (``name`` or ``name@version``).

        ``changes``: version, backend, top_k, min_confidence, novelty, allow, deny; the rest stays as the job had it.
        """
        wanted = {"model": model, **given(changes)}
        return self._job(self._transport.json("POST", f"/v1/jobs/{job_id}/rerun", json=wanted))

    def benchmark(self, photo: Upload, *, model: str | None = None, timeout: float = 60.0) -> dict[str, Any]:
        """Measures every backend with one photo on a worker, and waits for the figures however long they take (admin).

        Raises `Refused` where the worker could not measure.
        """
        query = {**given({"model": model}), "name": shown(photo.name), "timeout": timeout}
        headers = {"Content-Type": photo.content_type, "Content-Length": str(photo.size)}
        found = self._transport.json(
            "POST", "/v1/benchmark", params=query, body=photo.start, headers=headers, read_timeout=timeout + 30
        )
        while typed(lambda answer: answer["state"], found) in ("queued", "running"):
            time.sleep(BENCHMARK_PAUSE)
            found = self._transport.json("GET", f"/v1/benchmark/{found['id']}")
        if found["state"] == "failed":
            raise Refused(500, "benchmark_failed", found["error"]["message"])
        return typed(dict, found)

    def benchmarks(self) -> list[dict[str, Any]]:
        """The latest benchmarks, newest first (admin)."""
        return list(self._transport.json("GET", "/v1/benchmarks")["data"])

    def models(self) -> list[dict[str, Any]]:
        """The models that are installed, as the server describes them."""
        return list(self._pages("/v1/models", {}))

    def model(self, name: str) -> dict[str, Any]:
        """One model with its card and thresholds."""
        return typed(dict, self._transport.json("GET", f"/v1/models/{name}"))

    def me(self) -> dict[str, Any]:
        """Whose photos this key sees (``owner``), and what it may do (``scopes``)."""
        return typed(dict, self._transport.json("GET", "/v1/me"))

    def health(self) -> dict[str, Any]:
        """What `/health/ready` says; also where it says that jobs cannot be accepted."""
        return typed(dict, self._transport.health())

    def _job(self, data: Any) -> Job:
        return Job(typed(JobView.from_json, data), self._look, self.items, patience=self._patience)

    def _look(self, job_id: str) -> JobView:
        answer = self._transport.call("GET", f"/v1/jobs/{job_id}")
        return replace(typed(_job_view, answer), again=retry_after(answer))


def _job_view(answer: httpx.Response) -> JobView:
    return JobView.from_json(answer.json())


def _counted(chunks: Iterable[bytes], on_bytes: Callable[[int], None] | None) -> Iterator[bytes]:
    sent = 0
    for chunk in chunks:
        yield chunk
        sent += len(chunk)
        if on_bytes is not None:
            on_bytes(sent)
