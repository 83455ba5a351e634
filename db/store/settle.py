"""Settling: verdicts become rows, counts and perhaps the job's end, in one transaction or not at all."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from db.dialects import Insert, table
from db.schema import Item, Job, Shard
from db.states import JobState, ShardState
from db.store.counts import add_to_tallies, close_if_done, database_time, lock_jobs
from db.store.latencies import add_to_latencies
from db.store.shards import Claim
from model.verdict import Decision, Verdict

PIECE = 1000
"""Rows in one statement: half a megabyte."""

_ITEMS, _SHARDS = table(Item), table(Shard)
_INSERT = Insert(
    _ITEMS, lambda insert: insert.on_conflict_do_nothing().returning(_ITEMS.c.job_id, _ITEMS.c.position), listed=True
)
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

    job_id: str
    owner: str
    model: str
    decision: str
    reason: str | None
    label: str | None
    backend: str | None
    inference_ms: float | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A claimed shard, the verdicts on its items (by position), and what happens to items without one."""

    claim: Claim
    verdicts: Mapping[int, Verdict]
    rest: Rest = Rest.NONE


class LeaseLost(Exception):
    """The shard is no longer this worker's: nothing was written."""


class SettleIncomplete(Exception):
    """A bug: a shard was settled as a whole with verdicts missing."""


def settle(session: Session, claim: Claim, verdicts: Mapping[int, Verdict], rest: Rest = Rest.NONE) -> bool:
    """Settles one shard; returns whether that closed its job. See `settle_all`."""
    return bool(settle_all(session, [Settlement(claim, verdicts, rest)]))


def settle_all(session: Session, settlements: Sequence[Settlement]) -> set[str]:
    """Writes the verdicts of claimed shards, all or none; returns the jobs that this closed.

    Order: jobs' rows locked, shards fenced by their attempts, items inserted, counts, tallies and latencies, closing;
    of each the rows in the order of their keys, so that two settlements cannot deadlock.
    LeaseLost, for any one of them, rolls all of it back.
    """
    # A job's row is written once, at the end: each statement is a third of a millisecond that somebody waits.
    with session.no_autoflush:
        return _settle(session, sorted(settlements, key=lambda one: (one.claim.job, one.claim.shard)))


def _settle(session: Session, settlements: Sequence[Settlement]) -> set[str]:
    jobs = lock_jobs(session, {one.claim.job for one in settlements})
    canceled: Counter[str] = Counter()
    for one in settlements:
        claim, rest = one.claim, one.rest
        job = jobs.get(claim.job)
        left = [entry for entry in claim.entries if entry[0] not in one.verdicts]
        if left and rest is Rest.NONE:
            raise SettleIncomplete(f"shard {claim.shard}: {len(left)} items without a verdict")
        if job is not None and job.state == JobState.CANCELING and left:
            rest = Rest.CANCELED
        _fence(session, claim, left, rest)
        if job is None:
            raise LeaseLost(f"job {claim.job} is gone")
        if rest is Rest.CANCELED:
            canceled[claim.job] += len(left)
    at = database_time(session)
    rows = [row for one in settlements for row in _rows(jobs[one.claim.job], one, at)]
    count(session, jobs, insert_items(session, rows), at)
    for job_id, items in canceled.items():
        jobs[job_id].canceled += items
        jobs[job_id].pending -= items
    return {job.id for job in jobs.values() if close_if_done(session, job, at)}


def _rows(job: Job, one: Settlement, at: float) -> Iterator[dict[str, Any]]:
    entries = {entry[0]: entry for entry in one.claim.entries}
    for position, verdict in sorted(one.verdicts.items()):
        yield item_row(job, one.claim.source, entries[position], verdict, at)


def _fence(session: Session, claim: Claim, left: list[list[Any]], rest: Rest) -> None:
    if left and rest is Rest.READY:
        then, entries = ShardState.READY, left
    else:
        then, entries = ShardState.CANCELED if left else ShardState.DONE, []
    values = {"then": then, "rest": entries, "many": len(entries)}
    hit = session.execute(_FENCE, {"shard": claim.shard, "fence": claim.attempt, **values})
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise LeaseLost(f"shard {claim.shard} was taken over after attempt {claim.attempt}")


def insert_items(session: Session, rows: Sequence[dict[str, Any]]) -> list[Written]:
    """Inserts items (see `item_row`) that are not there yet; returns what was inserted."""
    written: list[Written] = []
    # In pieces: of an archive a hundred thousand entries may be refused at once.
    for begin in range(0, len(rows), PIECE):
        piece = {(row["job_id"], row["position"]): row for row in rows[begin : begin + PIECE]}
        for key in _INSERT.run(session, list(piece.values())):
            row = piece[key[0], key[1]]
            written.append(Written(*(row[name] for name in Written._fields)))
    return written


def count(session: Session, jobs: Mapping[str, Job], written: Sequence[Written], at: float) -> None:
    """Adds inserted items to their locked jobs' counts, to the tallies, and to the latencies where the network ran."""
    for (job_id, decision), items in Counter((item.job_id, item.decision) for item in written).items():
        job = jobs[job_id]
        if decision == Decision.ACCEPTED:
            job.accepted += items
        elif decision == Decision.REJECTED:
            job.rejected += items
        else:
            job.failed += items
        job.pending -= items
    add_to_tallies(session, [item[1:6] for item in written], at)
    timed = [(item.owner, item.backend or "", item.inference_ms) for item in written if item.inference_ms is not None]
    add_to_latencies(session, timed, at)


def item_row(job: Job, source: str, entry: list[Any], verdict: Verdict, at: float) -> dict[str, Any]:
    """The row of an entry that was decided ``at``."""
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
