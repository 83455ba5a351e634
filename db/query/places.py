"""The sources of a job, by the ids that its items name."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import JobSource, Source
from db.states import Kind


@dataclass(frozen=True, slots=True)
class Place:
    """A source's name in its job, and what it is."""

    source_id: str
    name: str
    kind: Kind


def places(session: Session, job_id: str) -> list[Place]:
    """The job's sources in order."""
    rows = session.execute(
        select(JobSource.source_id, JobSource.name, Source.kind)
        .join(Source, Source.id == JobSource.source_id)
        .where(JobSource.job_id == job_id)
        .order_by(JobSource.ordinal)
    )
    return [Place(row.source_id, row.name, Kind(row.kind)) for row in rows]
