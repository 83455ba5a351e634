"""A job's counts, and its end: the one place where a job becomes completed, canceled or failed."""

from collections import Counter
from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.clock import iso, now
from db.dialects import Insert, table
from db.schema import Job, Tally
from db.states import JobState, Outcome
from db.store.webhooks import announce

# Made once: making a statement takes as long as running it, and each settlement needs all of these.
_LOCK = select(Job).where(Job.id == bindparam("job")).with_for_update().execution_options(populate_existing=True)
_LOCK_ALL = (
    select(Job)
    .where(Job.id.in_(bindparam("jobs", expanding=True)))
    .order_by(Job.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_NOW = select(now())
_TALLIES = table(Tally)
_ADD = Insert(
    _TALLIES,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["owner", "day", "model", "decision", "reason", "label"],
        set_={"count": _TALLIES.c.count + insert.excluded.count},
    ),
)


def lock_job(session: Session, job_id: str) -> Job | None:
    """The job's row, locked until the transaction ends. Whoever changes counts or state takes this lock first."""
    return session.scalar(_LOCK, {"job": job_id})


def lock_jobs(session: Session, job_ids: Collection[str]) -> dict[str, Job]:
    """The rows of those jobs that are there, by id, locked in its order so that two settlements cannot deadlock."""
    return {job.id: job for job in session.scalars(_LOCK_ALL, {"jobs": list(job_ids)})}


def database_time(session: Session) -> float:
    """Seconds since 1970 UTC by the database's clock."""
    return session.scalar(_NOW) or 0.0


def close_if_done(session: Session, job: Job, at: float | None = None) -> bool:
    """Ends a locked job that has nothing pending, ``at`` or now; returns whether it did."""
    state = JobState(job.state)
    if state not in (JobState.RUNNING, JobState.CANCELING) or job.pending:
        return False
    end_job(session, job, JobState.CANCELED if state is JobState.CANCELING else JobState.COMPLETED, at)
    return True


def end_job(session: Session, job: Job, state: JobState, at: float | None = None) -> None:
    """Ends a locked job in ``state``, ``at`` or now, and writes the message where somebody wants to be told."""
    job.state = state
    job.outcome = None if state is JobState.FAILED else outcome(job)
    job.finished_at = database_time(session) if at is None else at
    job.lease_until = job.worker = None
    announce(session, job, job.finished_at)


def outcome(job: Job) -> Outcome:
    """How a job with these counts went."""
    judged = job.accepted + job.rejected + job.failed
    if judged == 0:
        return Outcome.EMPTY
    if job.accepted == 0:
        return Outcome.NONE_ACCEPTED
    return Outcome.ALL_ACCEPTED if job.accepted == job.total else Outcome.PARTIAL


def add_to_tallies(
    session: Session, verdicts: Iterable[tuple[str, str, str, str | None, str | None]], at: float
) -> None:
    """Adds verdicts (owner, model, decision, reason, label) to the day of ``at``.

    In key order, so that two settlements cannot deadlock.
    """
    day = iso(at)[:10]
    counts = Counter((owner, model, d, reason or "", label or "") for owner, model, d, reason, label in verdicts)
    if not counts:
        return
    rows = [
        {"owner": owner, "day": day, "model": model, "decision": d, "reason": r, "label": label, "count": n}
        for (owner, model, d, r, label), n in sorted(counts.items())
    ]
    _ADD.run(session, rows)
