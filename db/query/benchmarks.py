"""Benchmarks that were asked for."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import Benchmark


def benchmark(session: Session, benchmark_id: str) -> Benchmark | None:
    """One benchmark."""
    return session.get(Benchmark, benchmark_id)


def benchmarks(session: Session, limit: int) -> list[Benchmark]:
    """The latest benchmarks, newest first."""
    return list(session.scalars(select(Benchmark).order_by(Benchmark.id.desc()).limit(limit)))
