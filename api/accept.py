"""Accepting a job: one transaction, then the hint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy.orm import Session

from api.offers import check_backend
from api.uploads import Uploads
from db.database import Database
from db.schema import Job
from db.states import JobState, Lane
from db.store.shards import NewJob
from db.store.submit import DuplicateSubmission, Submission, earlier_job, insert_job
from worker.senders import BULK, CONTROL, INTERACTIVE

log = structlog.get_logger(__name__)

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Accepted(Generic[View]):
    """A job by its id and as its sender sees it; ``queue`` is to be hinted, None for a job that was there before."""

    job: str
    view: View
    queue: str | None


def accept(
    database: Database,
    submission: Submission,
    uploads: Uploads,
    shard_items: int,
    show: Callable[[Session, str], View],
    check: Callable[[Session], object] | None = None,
) -> Accepted[View]:
    """Inserts the job, or finds the one that the same idempotency key made before; ``show`` makes its view from its id.

    Raises IdempotencyConflict and UploadLost, and what ``check`` raises, which is asked where the job would be new.
    The files become the job's when the insertion is known or likely to have been committed. A commit that fails halfway
    leaves them: a job without its file would be worse than a file without its job.
    """
    uploads.refresh()
    try:
        with database.write() as session:
            earlier = earlier_job(session, submission)
            if earlier is not None:
                return Accepted(earlier.id, show(session, earlier.id), None)
            if check is not None:
                check(session)
            check_backend(session, (submission.model, submission.version), submission.params.get("backend"))
            job = insert_job(session, submission, shard_items)
            accepted = Accepted(job.id, show(session, job.id), queue_of(job))
            uploads.keep()
    except DuplicateSubmission:
        with database.read() as session:
            winner = _winner(session, submission)
            return Accepted(winner.id, show(session, winner.id), None)
    return accepted


def queue_of(job: Job | NewJob) -> str:
    """Who should hear of a job: those that open uploads, or those that judge in its lane."""
    if job.state == JobState.QUEUED:
        return CONTROL
    return INTERACTIVE if job.lane == Lane.INTERACTIVE else BULK


def _winner(session: Session, submission: Submission) -> Job:
    winner = earlier_job(session, submission)
    if winner is None:
        raise RuntimeError("the job that won the race for an idempotency key is gone")
    return winner


def submission_of(
    owner: str,
    model: tuple[str, str],
    uploads: Uploads,
    params: dict[str, Any],
    meta: dict[str, Any],
    idempotency_key: str | None,
    webhook_url: str | None = None,
) -> Submission:
    """The values of a submission, under its owner."""
    return Submission(owner, *model, tuple(uploads.files), params, meta, idempotency_key, webhook_url)


def log_accepted(accepted: Accepted[View], sizes: Sequence[int]) -> None:
    """One line for each upload."""
    log.info("upload_accepted", job=accepted.job, files=len(sizes), bytes=sum(sizes), replayed=accepted.queue is None)
