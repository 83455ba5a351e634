"""Retrying: a new job over chosen items of an old one, sharing its sources."""

import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.ids import new_id
from db.schema import Item, Job, JobSource, Source
from db.states import JobState, Lane, SourceState
from db.store.counts import database_time
from db.store.shards import add_shards
from db.store.submit import INTERACTIVE_IMAGES


class UploadDeleted(Exception):
    """An upload that is needed was deleted when its time was over."""


class NothingToRetry(Exception):
    """The job has no item with the wanted decisions."""


def retry(
    session: Session,
    old: Job,
    decisions: Sequence[str],
    model: tuple[str, str],
    params: dict[str, Any] | None,
    shard_items: int,
) -> Job:
    """Makes the new job; positions are counted afresh, names stay. ``params`` None: the old job's.

    Raises NothingToRetry and UploadDeleted.
    """
    chosen = session.execute(
        select(Item.source_id, Item.entry)
        .where(Item.job_id == old.id, Item.decision.in_(decisions))
        .order_by(Item.position)
    ).all()
    if not chosen:
        raise NothingToRetry(f"The job has no items that are {' or '.join(decisions)}.")
    at = database_time(session)
    job = Job(
        id=new_id(),
        owner=old.owner,
        lane=Lane.INTERACTIVE if len(chosen) <= INTERACTIVE_IMAGES else Lane.BULK,
        state=JobState.RUNNING,
        model=model[0],
        version=model[1],
        params=old.params if params is None else params,
        meta=old.meta,
        fingerprint=old.fingerprint,
        retry_of=old.id,
        webhook_url=old.webhook_url,
        submitted_at=at,
        started_at=at,
    )
    session.add(job)
    session.flush()
    used = {row.source_id for row in chosen}
    for place in session.scalars(select(JobSource).where(JobSource.job_id == old.id).order_by(JobSource.ordinal)):
        if place.source_id in used:
            session.add(
                JobSource(
                    job_id=job.id,
                    ordinal=place.ordinal,
                    source_id=place.source_id,
                    name=place.name,
                    state=SourceState.UNPACKED,
                )
            )
    session.flush()
    # Asked after the rows that hold the uploads are there: none can be deleted from now on.
    if session.scalar(select(Source.id).where(Source.id.in_(used), Source.deleted_at.is_not(None)).limit(1)):
        raise UploadDeleted("The upload was deleted when its time was over; please send the photos again.")
    numbered = [(row.source_id, [position, *row.entry[1:]]) for position, row in enumerate(chosen)]
    runs = [
        (source, [entry for _, entry in run]) for source, run in itertools.groupby(numbered, key=lambda pair: pair[0])
    ]
    job.total = job.pending = add_shards(session, job, runs, shard_items)
    session.flush()
    return job
