"""Finding the caller's jobs, and saying when their results are gone."""

from sqlalchemy.orm import Session

from api.cursors import JOB_ID
from db.ids import parse_item_id
from db.query import items as item_queries
from db.query import jobs as job_queries
from db.schema import Item, Job
from db.store.cancel import find_to_lock


class NotFound(Exception):
    """There is no such thing, or it is another owner's."""


class Expired(Exception):
    """The job's results were deleted when their time was over."""


def job_id_of(text: str) -> str:
    """A job's id from a path; anything else is NotFound before a database is asked."""
    if not JOB_ID.fullmatch(text):
        raise NotFound("There is no such job.")
    return text


def item_id_of(text: str) -> tuple[str, int]:
    """Job and position from an item's id in a path. Raises NotFound."""
    try:
        job, position = parse_item_id(text)
        return job_id_of(job), position
    except (ValueError, NotFound) as error:
        raise NotFound("There is no such photo.") from error


def find_job(session: Session, owner: str, job_id: str) -> Job:
    """The owner's job. Raises NotFound, also for another's."""
    return _there(job_queries.job(session, owner, job_id_of(job_id)))


def lock_job(session: Session, owner: str, job_id: str) -> Job:
    """The same, locked until the transaction ends."""
    return _there(find_to_lock(session, owner, job_id_of(job_id)))


def find_results(session: Session, owner: str, job_id: str) -> Job:
    """The owner's job, whose results are still there. Raises NotFound and Expired."""
    return unexpired(find_job(session, owner, job_id))


def unexpired(job: Job) -> Job:
    """The job itself. Raises Expired."""
    if job.expired_at is not None:
        raise Expired("The results of this job were deleted when their time was over.")
    return job


def find_item(session: Session, owner: str, item_id: str) -> Item:
    """The owner's item. Raises NotFound, and Expired when its job's results are gone."""
    job_id, position = item_id_of(item_id)
    job = job_queries.job(session, owner, job_id)
    if job is not None:
        unexpired(job)
    found = item_queries.item(session, owner, job_id, position)
    if found is not None:
        return found
    raise NotFound("There is no such photo, or it is not judged yet.")


def _there(job: Job | None) -> Job:
    if job is None:
        raise NotFound("There is no such job.")
    return job
