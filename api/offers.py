"""What the workers that are alive can do, and what a job waits for when none can."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from db.query.workers import abilities, alive
from db.schema import Job, Worker
from db.states import JobState


class BackendUnavailable(Exception):
    """No worker runs the model with the backend asked for."""


def check_backend(session: Session, model: tuple[str, str], backend: str | None) -> None:
    """Raises BackendUnavailable unless a worker that is alive offers the backend for the model.

    A model that is on no worker yet may be about to get there: then any worker's offer counts.
    """
    if backend is None:
        return
    offered = {one for one in abilities(alive(session, "classify")) if one[2] is not None}
    names = {one[2] for one in offered if one[:2] == model} or {one[2] for one in offered}
    if backend not in names:
        there = ", ".join(sorted(name for name in names if name is not None))
        raise BackendUnavailable(
            f"No worker runs {model[0]} {model[1]} with {backend!r}. "
            + (f"There are: auto, {there}." if there else "No worker is alive that offers a backend.")
        )


def waits(session: Session, jobs: Sequence[Job]) -> dict[str, str]:
    """A sentence for each of the jobs that cannot go on as things are, by its id."""
    waiting = [job for job in jobs if JobState(job.state) in _UNDER_WAY]
    if not waiting:
        return {}
    workers = alive(session)
    sentences = {job.id: _why(job, workers) for job in waiting}
    return {job: sentence for job, sentence in sentences.items() if sentence is not None}


def without_worker(model: str, version: str, backend: str | None, workers: Collection[Worker]) -> str | None:
    """Why none of these workers can judge with that; None when one can."""
    able = abilities(workers)
    if (model, version, None) not in able:
        return f"The model {model} {version} is on no worker."
    if backend is not None and (model, version, backend) not in able:
        return f"No worker runs the model {model} {version} with {backend}."
    return None


_UNDER_WAY = (JobState.QUEUED, JobState.UNPACKING, JobState.RUNNING)


def _why(job: Job, workers: Sequence[Worker]) -> str | None:
    kind = "classify" if job.state == JobState.RUNNING else "control"
    if not any(worker.kind == kind for worker in workers):
        return f"No {kind} worker is alive."
    classify = [worker for worker in workers if worker.kind == "classify"]
    return without_worker(job.model, job.version, job.params.get("backend"), classify)
