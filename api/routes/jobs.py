"""Jobs: listed, looked at, canceled, tried again, deleted."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeVar

import structlog
from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.orm import Session

from api.accept import queue_of
from api.auth import Reader, Submitter
from api.cursors import decode_job, encode
from api.lookup import find_job, lock_job, unexpired
from api.offers import check_backend
from api.options import PRINTABLE, Wanted, check_labels, params_of
from api.parts import Parts, The
from api.pressure import check_queue
from api.previews import UploadGone
from api.schemas import JobOut, Page
from api.schemas_more import RerunIn, RetryIn
from api.views import etag_of, job_out, jobs_out
from db.query import jobs as job_queries
from db.schema import Job, Source
from db.states import JobState
from db.store.cancel import StillRunning, cancel, delete_job
from db.store.retry import retry
from db.store.webhooks import send_again
from model.verdict import Decision
from worker.senders import CONTROL
from worker.sources import SourceGone, open_source

log = structlog.get_logger(__name__)

T = TypeVar("T")

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])

Limit = Annotated[int, Query(ge=1, le=500, description="Most entries in the page.")]
After = Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")]


@router.get("", summary="List jobs")
def list_jobs(
    parts: The,
    caller: Reader,
    limit: Limit = 50,
    after: After = None,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    idempotency_key: Annotated[
        str | None,
        Query(
            max_length=255, pattern=PRINTABLE, description="Only the job that was submitted under this Idempotency-Key."
        ),
    ] = None,
) -> Page[JobOut]:
    """Your jobs, newest first. An upload whose answer was lost is found by its `idempotency_key`."""
    last = None if after is None else decode_job(after)
    with parts.database.read() as session:
        found = job_queries.jobs(session, caller.owner, limit + 1, last, state, idempotency_key)
        page = jobs_out(session, found[:limit])
    return Page(data=page, next=encode(page[-1].id) if len(found) > limit else None)


@router.get(
    "/{job_id}",
    response_model=JobOut,
    responses={304: {"description": "Nothing changed since the `ETag` given as `If-None-Match`."}},
    summary="Look at a job",
)
def get_job(
    job_id: str,
    parts: The,
    caller: Reader,
    response: Response,
    if_none_match: Annotated[str | None, Header(description="The `ETag` of an earlier answer.")] = None,
) -> JobOut | Response:
    """Its state and counts. While it runs, `Retry-After` says when it is worth asking again."""
    with parts.database.read() as session:
        job = job_out(session, find_job(session, caller.owner, job_id))
    headers = {"ETag": etag_of(job), "Cache-Control": "private, no-cache"}
    if not job.state.finished:
        headers["Retry-After"] = "1"
    if headers["ETag"] in [tag.strip() for tag in (if_none_match or "").split(",")]:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return job


@router.delete("/{job_id}", status_code=204, summary="Delete a finished job")
def delete(job_id: str, parts: The, caller: Submitter) -> None:
    """Deletes the job, its verdicts, and the uploads that no other job needs."""
    with parts.database.write() as session:
        lock_job(session, caller.owner, job_id)
        orphans = delete_job(session, job_id)
    _each(parts.blobs.delete, orphans)
    log.info("job_deleted", job=job_id, blobs=len(orphans))


@router.post("/{job_id}/cancel", summary="Cancel a job")
def cancel_job(job_id: str, parts: The, caller: Submitter) -> JobOut:
    """Stops it within seconds; the verdicts so far are kept."""
    with parts.database.write() as session:
        job = lock_job(session, caller.owner, job_id)
        cancel(session, job)
        session.flush()
        view = job_out(session, job)
    if view.state.finished and view.webhook is not None:
        parts.hinter.want(CONTROL)
    log.info("job_canceled", job=job_id)
    return view


@router.post("/{job_id}/webhook", status_code=202, summary="Send a job's webhook again")
def send_webhook_again(job_id: str, parts: The, caller: Submitter) -> JobOut:
    """Tries the message about its end anew, after it was given up or delivered; its `webhook-id` stays the same."""
    with parts.database.write() as session:
        job = lock_job(session, caller.owner, job_id)
        send_again(session, job_id)
        view = job_out(session, job)
    parts.hinter.want(CONTROL)
    log.info("webhook_wanted_again", job=job_id)
    return view


@router.post("/{job_id}/retry", status_code=202, summary="Judge photos again")
def retry_job(job_id: str, parts: The, caller: Submitter, response: Response, wanted: RetryIn | None = None) -> JobOut:
    """Makes a new job over the photos of a finished one: those that failed, or others, also with another model."""
    wanted = wanted or RetryIn()
    decisions = wanted.decision if isinstance(wanted.decision, list) else [wanted.decision]
    with parts.database.write() as session:
        old = _ended(session, parts, caller.owner, job_id)
        model = parts.catalog.find(wanted.model or f"{old.model}@{old.version}")
        check_labels(old.params, model)
        key = model.name, model.version
        check_backend(session, key, old.params.get("backend"))
        job = retry(session, old, decisions, key, None, parts.settings.shard_items)
        view, queue = job_out(session, job), queue_of(job)
    return _begun(parts, response, job_id, view, queue)


@router.post("/{job_id}/rerun", status_code=202, summary="Judge all photos with another model")
def rerun_job(job_id: str, wanted: RerunIn, parts: The, caller: Submitter, response: Response) -> JobOut:
    """Makes a new job over every photo that a finished one judged, without another upload; the old verdicts stay."""
    changed = wanted.model_dump(exclude_none=True, exclude={"model", "version"})
    with parts.database.write() as session:
        old = _ended(session, parts, caller.owner, job_id)
        model = parts.catalog.find(wanted.model if wanted.version is None else f"{wanted.model}@{wanted.version}")
        params = params_of(Wanted.model_validate(old.params | changed), model)
        key = model.name, model.version
        check_backend(session, key, params["backend"])
        job = retry(session, old, list(Decision), key, params, parts.settings.shard_items)
        view, queue = job_out(session, job), queue_of(job)
    return _begun(parts, response, job_id, view, queue)


def _ended(session: Session, parts: Parts, owner: str, job_id: str) -> Job:
    """The owner's job, locked, finished, uploads still there.

    Raises NotFound, Expired, StillRunning, UploadGone, TooManyQueued and QueueFull.
    """
    old = unexpired(lock_job(session, owner, job_id))
    if not JobState(old.state).finished:
        raise StillRunning("The job is still running: wait for its end, or cancel it first.")
    check_queue(session, owner, parts.settings)

    def look(source: Source) -> None:
        try:
            open_source(parts.blobs, source.blob, source.bytes).close()
        except SourceGone as error:
            raise UploadGone(str(error)) from error

    _each(look, job_queries.uploads(session, job_id))
    return old


def _each(work: Callable[[T], None], uploads: Iterable[T]) -> None:
    # A thousand of them, one after the other, would take half a minute over a network.
    with ThreadPoolExecutor(16) as threads:
        for _ in threads.map(work, list(uploads)):
            pass


def _begun(parts: Parts, response: Response, old: str, new: JobOut, queue: str) -> JobOut:
    parts.hinter.want(queue)
    log.info("job_retried", job=old, new_job=new.id, model=new.model.name, version=new.model.version)
    response.headers["Location"] = f"/v1/jobs/{new.id}"
    response.headers["Retry-After"] = "1"
    return new
