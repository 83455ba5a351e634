"""Benchmarks: asked for, claimed by one worker at a time, settled once."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.dialects import table
from db.ids import new_id
from db.query.workers import ALIVE_SECONDS
from db.schema import Benchmark, Worker
from db.states import BenchmarkState
from db.store.counts import database_time
from db.store.shards import STATEMENTS

# A benchmark that ended so many workers is given up.
DEATHS = 2


@dataclass(frozen=True, slots=True)
class BenchmarkClaim:
    """A worker's right to a benchmark; ``attempt`` is the fence."""

    id: str
    attempt: int
    blob: str
    bytes: int
    model: str
    version: str


def insert_benchmark(session: Session, owner: str, model: tuple[str, str], blob: str, size: int) -> Benchmark:
    """A new benchmark over the picture in ``blob``, which has ``size`` bytes."""
    row = Benchmark(
        id=new_id(),
        owner=owner,
        state=BenchmarkState.QUEUED,
        blob=blob,
        bytes=size,
        model=model[0],
        version=model[1],
        created_at=database_time(session),
    )
    session.add(row)
    session.flush()
    return row


def claim_benchmark(session: Session, worker: str, models: Collection[tuple[str, str]]) -> BenchmarkClaim | None:
    """Takes the oldest benchmark of these models that nobody has, or whose worker is no longer alive."""
    wanted = (
        select(Benchmark.id)
        .where(_free(), _of(models))
        .order_by(Benchmark.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("wanted")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    row = session.scalar(
        update(Benchmark)
        .where(Benchmark.id.in_(select(wanted.c.id)))
        .values(state=BenchmarkState.RUNNING, attempt=Benchmark.attempt + 1, worker=worker)
        .returning(Benchmark)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return None if row is None else BenchmarkClaim(row.id, row.attempt, row.blob, row.bytes, row.model, row.version)


def benchmark_waits(session: Session, models: Collection[tuple[str, str]]) -> bool:
    """Whether `claim_benchmark` would find one."""
    return session.scalar(_waiting(frozenset(models))) is not None


def free_benchmarks(session: Session) -> int:
    """How many nobody has, or nobody who lives."""
    return session.scalar(select(func.count()).where(_free())) or 0


def settle_benchmark(
    session: Session,
    claim: BenchmarkClaim,
    result: dict[str, Any] | None,
    error: str | None = None,
    message: str | None = None,
) -> bool:
    """Stores the result, or the error; False when another worker has taken the benchmark over: nothing was written."""
    state = BenchmarkState.DONE if error is None else BenchmarkState.FAILED
    values = {"state": state, "result": result, "error": error, "message": message, "finished_at": now()}
    return _change(session, claim, values | {"worker": None})


def hand_back_benchmark(session: Session, claim: BenchmarkClaim) -> bool:
    """Puts the benchmark back, without a mark against it; False when another worker has taken it over."""
    return _change(session, claim, {"state": BenchmarkState.QUEUED, "attempt": claim.attempt - 1, "worker": None})


def _change(session: Session, claim: BenchmarkClaim, values: dict[str, Any]) -> bool:
    hit = session.execute(
        update(Benchmark)
        .where(Benchmark.id == claim.id, Benchmark.attempt == claim.attempt, Benchmark.state == BenchmarkState.RUNNING)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(hit.rowcount)  # type: ignore[attr-defined]


@lru_cache(STATEMENTS)
def _waiting(models: frozenset[tuple[str, str]]) -> Select[Any]:
    # Every worker asks whenever it looks for work.
    return select(table(Benchmark).c.id).where(_free(), _of(models)).limit(1)


def _free() -> ColumnElement[bool]:
    living = select(Worker.name).where(Worker.beat_at > now() - ALIVE_SECONDS)
    lost = and_(Benchmark.state == BenchmarkState.RUNNING, Benchmark.worker.not_in(living))
    return or_(Benchmark.state == BenchmarkState.QUEUED, lost)


def _of(models: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    return or_(false(), *(and_(Benchmark.model == name, Benchmark.version == version) for name, version in models))
