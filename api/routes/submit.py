"""Sending photos: a job, or one photo whose verdict is waited for."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.accept import Accepted, View, accept, log_accepted, submission_of
from api.auth import Submitter
from api.body import is_small
from api.intake import NotOneImage, receive
from api.lookup import find_job
from api.offers import check_backend
from api.openapi import CLASSIFY_BODY, JOBS_BODY
from api.options import PRINTABLE, Wanted, WantedFrom, WantedNow, metadata_of, params_of, with_form
from api.parts import Parts, The
from api.pressure import check_queue
from api.schemas import ItemOut, JobOut, iso
from api.schemas_more import TicketOut
from api.tickets import Sending
from api.uploads import Uploads
from api.views import job_out
from api.waiting import verdict_of
from api.webhooks import check_webhook
from db.query.jobs import jobs
from db.states import Kind
from db.store.tickets import make_ticket
from worker.senders import INTERACTIVE

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["Send photos"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=PRINTABLE,
        description="Yours for this submission: sent again with the same content it gives the first job again.",
    ),
]


@router.post("/jobs", status_code=202, response_model=JobOut, openapi_extra=JOBS_BODY, summary="Send photos and ZIPs")
async def submit(
    request: Request,
    response: Response,
    parts: The,
    sender: Sending,
    query: Annotated[WantedFrom, Query()],
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Takes photos and ZIPs over and answers at once; `Location` is the job to ask for.

    Send them as `multipart/form-data` in fields called `files`, or one as the raw body with its Content-Type.
    With a `ticket` no key is needed; a ticket makes one job, and sent again with the same content it gives that job.
    """
    key = sender.idempotency_key or idempotency_key
    show = partial(_show, sender.owner)
    accepted = await _take(request, parts, sender.owner, query.wanted, key, parts.settings.max_files, show)
    _point_at(response, accepted)
    return accepted.view


@router.options("/jobs", status_code=204, include_in_schema=False)
async def preflight() -> Response:
    """A browser asks before it sends an upload; what it may do is said around this."""
    return Response(status_code=204, headers={"Allow": "GET, POST, OPTIONS"})


@router.post("/uploads", status_code=201, summary="Get a ticket for an upload")
def ticket(parts: The, caller: Submitter) -> TicketOut:
    """A right to start one upload within minutes, for a page that must not hold your key.

    Send the upload to `url`, with the usual fields beside the ticket. The ticket is shown once.
    """
    settings = parts.settings
    with parts.database.write() as session:
        secret, ends = make_ticket(session, caller, 60 * settings.ticket_minutes)
    log.info("upload_ticket_made", owner=caller.owner)
    return TicketOut(
        ticket=secret, url=f"/v1/jobs?ticket={secret}", expires_at=iso(ends), max_bytes=settings.max_upload_bytes
    )


@router.post(
    "/classify",
    response_model=ItemOut,
    responses={202: {"model": JobOut, "description": "No verdict yet: `Location` is the job to ask for."}},
    openapi_extra=CLASSIFY_BODY,
    summary="Judge one photo now",
)
async def classify(
    request: Request,
    response: Response,
    parts: The,
    caller: Submitter,
    query: Annotated[WantedNow, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Takes one photo and waits up to `timeout` seconds for its verdict."""
    # The job is shown only to who has to ask for it: a millisecond less.
    accepted = await _take(request, parts, caller.owner, query, idempotency_key, 1, lambda session, job: None)
    early = accepted.queue is not None
    item = await verdict_of(parts.database, parts.wakeups, caller.owner, accepted.job, query.timeout, early=early)
    if item is not None:
        # Checked when it was made: to have it checked again would be a millisecond more.
        return Response(item.model_dump_json(), media_type="application/json")
    job = await run_in_threadpool(_shown, parts, caller.owner, accepted.job)
    later = Response(job.model_dump_json(), 202, media_type="application/json")
    _point_at(later, accepted)
    return later


async def _take(
    request: Request,
    parts: Parts,
    owner: str,
    query: Wanted,
    idempotency_key: str | None,
    max_files: int,
    show: Callable[[Session, str], View],
) -> Accepted[View]:
    settings = parts.settings
    # What can be refused by the query alone is refused before gigabytes are sent; a photo is sent sooner than that.
    small = query.webhook_url is None and is_small(request)
    if not small:
        await run_in_threadpool(_check, parts, owner, query, idempotency_key)
    metadata_of(query.metadata)

    def early() -> None:
        # A worker is on its way before there is a job. Where others wait, one is awake already.
        if isinstance(query, WantedNow) and not parts.wakeups.anybody_waits:
            parts.hinter.want(INTERACTIVE)

    async with Uploads(parts.blobs, settings.min_free_bytes, early) as uploads:
        form = await receive(request, uploads, query.name, settings.max_upload_bytes, max_files)
        if isinstance(query, WantedNow) and (len(uploads.files) != 1 or uploads.files[0].kind is not Kind.IMAGE):
            raise NotOneImage("Please send exactly one photo here; POST /v1/jobs takes many, and ZIPs.")
        wanted = with_form(query, form)

        def insert() -> Accepted[View]:
            model = parts.catalog.find(wanted.model)
            params, meta = params_of(wanted, model), metadata_of(wanted.metadata)
            if wanted.webhook_url != query.webhook_url:
                _check_webhook(parts, owner, wanted.webhook_url)
            key, url = idempotency_key, wanted.webhook_url
            submission = submission_of(owner, (model.name, model.version), uploads, params, meta, key, url)
            check = partial(check_queue, owner=owner, settings=settings) if small else None
            accepted = accept(parts.database, submission, uploads, settings.shard_items, show, check)
            if accepted.queue is not None:
                parts.hinter.want(accepted.queue)
            return accepted

        # One visit to a thread, not one for each step: of a small photo's way each costs 0.2 ms.
        accepted = await run_in_threadpool(insert)
    log_accepted(accepted, [file.bytes for file in uploads.files])
    return accepted


def _check(parts: Parts, owner: str, query: Wanted, idempotency_key: str | None) -> None:
    model = parts.catalog.find(query.model)
    backend = params_of(query, model)["backend"]
    with parts.database.read() as session:
        # What was accepted once is given back also while nothing new would be.
        if idempotency_key is None or not jobs(session, owner, 1, idempotency_key=idempotency_key):
            check_queue(session, owner, parts.settings)
            check_backend(session, (model.name, model.version), backend)
    if query.webhook_url is not None:
        _check_webhook(parts, owner, query.webhook_url)


def _check_webhook(parts: Parts, owner: str, url: str | None) -> None:
    with parts.database.read() as session:
        check_webhook(session, owner, url, parts.webhooks)


def _shown(parts: Parts, owner: str, job_id: str) -> JobOut:
    with parts.database.read() as session:
        return _show(owner, session, job_id)


def _show(owner: str, session: Session, job_id: str) -> JobOut:
    return job_out(session, find_job(session, owner, job_id))


def _point_at(response: Response, accepted: Accepted[View]) -> None:
    response.headers["Location"] = f"/v1/jobs/{accepted.job}"
    response.headers["Retry-After"] = "1"
    if accepted.queue is None:
        response.headers["Idempotent-Replayed"] = "true"
