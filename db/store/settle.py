"""Settling: verdicts become rows, counts and perhaps the job's end, in one transaction or not at all."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from db.dialects import Insert, table
from db.schema import Item, Job, Shard
from db.states import JobState, ShardState
from db.store.counts import add_to_tallies, close_if_done, database_time, lock_job
from db.store.latencies import add_to_latencies
from db.store.shards import Claim
from model.verdict import Decision, Verdict

PIECE = 1000
"""Rows in one statement: half a megabyte."""

_ITEMS, _SHARDS = table(Item), table(Shard)
_INSERT = Insert(_ITEMS, lambda insert: insert.on_conflict_do_nothing().returning(_ITEMS.c.position), listed=True)
_FENCE = (
    update(_SHARDS)
    .where(
        _SHARDS.c.id == bindparam("shard"),
        _SHARDS.c.attempt == bindparam("fence"),
        _SHARDS.c.state == ShardState.LEASED,
    )
    .values(state=bindparam("then"), entries=bindparam("rest"), size=bindparam("many"), lease_until=None, worker=None)
)


class Rest(StrEnum):
    """What happens to a shard's items that have no verdict yet."""

    NONE = "none"
    READY = "ready"
    CANCELED = "canceled"


class Written(NamedTuple):
    """What the counts want to know of an item that was inserted."""

    decision: str
    reason: str | None
    label: str | None
    backend: str | None
    inference_ms: float | None


class LeaseLost(Exception):
    """The shard is no longer this worker's: nothing was written."""


class SettleIncomplete(Exception):
    """A bug: a shard was settled as a whole with verdicts missing."""


def settle(session: Session, claim: Claim, verdicts: Mapping[int, Verdict], rest: Rest = Rest.NONE) -> bool:
    """Writes the verdicts (by position) of a claimed shard; returns whether that closed the job.

    Order: job row locked, shard fenced by its attempt, items inserted, counts, tallies and latencies, closing.
    LeaseLost rolls all of it back.
    """
    # The job's row is written once, at the end: each statement is a third of a millisecond that somebody waits.
    with session.no_autoflush:
        return _settle(session, claim, verdicts, rest)


def _settle(session: Session, claim: Claim, verdicts: Mapping[int, Verdict], rest: Rest) -> bool:
    job = lock_job(session, claim.job)
    left = [entry for entry in claim.entries if entry[0] not in verdicts]
    if left and rest is Rest.NONE:
        raise SettleIncomplete(f"shard {claim.shard}: {len(left)} items without a verdict")
    if job is not None and job.state == JobState.CANCELING and left:
        rest = Rest.CANCELED
    _fence(session, claim, left, rest)
    if job is None:
        raise LeaseLost(f"job {claim.job} is gone")
    entries = {entry[0]: entry for entry in claim.entries}
    at = database_time(session)
    written = insert_items(session, job, claim.source, [(entries[p], v) for p, v in sorted(verdicts.items())], at)
    count(session, job, written, at)
    if rest is Rest.CANCELED:
        job.canceled += len(left)
        job.pending -= len(left)
    return close_if_done(session, job, at)


def _fence(session: Session, claim: Claim, left: list[list[Any]], rest: Rest) -> None:
    if left and rest is Rest.READY:
        then, entries = ShardState.READY, left
    else:
        then, entries = ShardState.CANCELED if left else ShardState.DONE, []
    values = {"then": then, "rest": entries, "many": len(entries)}
    hit = session.execute(_FENCE, {"shard": claim.shard, "fence": claim.attempt, **values})
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise LeaseLost(f"shard {claim.shard} was taken over after attempt {claim.attempt}")


def insert_items(
    session: Session, job: Job, source: str, judged: Sequence[tuple[list[Any], Verdict]], at: float
) -> list[Written]:
    """Inserts (entry, verdict) pairs, decided ``at``, that are not there yet; returns what was inserted."""
    written: list[Written] = []
    # In pieces: of an archive a hundred thousand entries may be refused at once.
    for begin in range(0, len(judged), PIECE):
        rows = {entry[0]: _row(job, source, entry, verdict, at) for entry, verdict in judged[begin : begin + PIECE]}
        inserted = _INSERT.run(session, list(rows.values())).scalars()
        written += [Written(*(rows[position][name] for name in Written._fields)) for position in inserted]
    return written


def count(session: Session, job: Job, written: Sequence[Written], at: float) -> None:
    """Adds inserted items to the locked job's counts, to the tallies, and to the latencies where the network ran."""
    decisions = [item.decision for item in written]
    job.accepted += decisions.count(Decision.ACCEPTED)
    job.rejected += decisions.count(Decision.REJECTED)
    job.failed += decisions.count(Decision.FAILED)
    job.pending -= len(decisions)
    add_to_tallies(session, job.owner, job.model, [item[:3] for item in written], at)
    timed = [(item.backend or "", item.inference_ms) for item in written if item.inference_ms is not None]
    add_to_latencies(session, job.owner, timed, at)


def _row(job: Job, source: str, entry: list[Any], verdict: Verdict, at: float) -> dict[str, Any]:
    first = verdict.tags[0] if verdict.tags else None
    return {
        "job_id": job.id,
        "position": entry[0],
        "owner": job.owner,
        "source_id": source,
        "entry": entry,
        "name": entry[1],
        "decision": str(verdict.decision),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "explanation": verdict.explanation,
        "label": first.label if first else None,
        "confidence": first.confidence if first else None,
        "tags": [{"label": tag.label, "confidence": tag.confidence} for tag in verdict.tags],
        "scores": {name: {"value": s.value, "threshold": s.threshold} for name, s in verdict.scores.items()},
        "model": job.model,
        "version": job.version,
        "checksum": verdict.checksum,
        "backend": verdict.backend,
        "width": verdict.width,
        "height": verdict.height,
        "bytes": verdict.bytes,
        "inference_ms": verdict.inference_ms,
        "decided_at": at,
    }
