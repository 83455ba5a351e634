"""Totals."""

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.auth import Reader
from api.latency import hour_of, percentiles, rows_of
from api.narrowing import From, To, since, until
from api.parts import The
from api.schemas_more import Totals
from api.schemas_stats import Agreement, Latencies, Percentiles
from db.buckets import WIDTH
from db.query.latency import latencies
from db.query.reviews import agreement
from db.query.stats import totals

router = APIRouter(prefix="/v1", tags=["Statistics"])
Group = Literal["day", "model", "decision", "reason", "label"]


@router.get("/stats", summary="Totals of your photos")
def stats(
    parts: The,
    caller: Reader,
    by: Annotated[list[Group] | None, Query(description="Group by these; give it once for each.")] = None,
    first: From = None,
    last: To = None,
) -> Totals:
    """How many photos were judged and how, also of jobs that are deleted."""
    groups = list(dict.fromkeys(by or ["decision"]))
    with parts.database.read() as session:
        rows = totals(
            session, caller.owner, groups, first.isoformat() if first else None, last.isoformat() if last else None
        )
    return Totals(by=list(groups), total=sum(int(row["count"]) for row in rows), data=rows)


@router.get("/stats/latency", summary="How quick the network was, and how much it did")
def latency(
    parts: The,
    caller: Reader,
    by: Annotated[Literal["hour", "day", "backend"], Query(description="One row for each of these.")] = "day",
    first: From = None,
    last: To = None,
) -> Latencies:
    """Percentiles of the photos' time in the network (`inference_ms`), with how many photos that were.

    Kept in buckets as photos are judged, also of jobs that are deleted: a percentile is within 5 % of the true one.
    """
    with parts.database.read() as session:
        found = latencies(session, caller.owner, by, hour_of(since(first)), hour_of(until(last)))
    everything: Counter[int] = Counter()
    for buckets in found.values():
        everything.update(buckets)
    return Latencies(
        by=by, bucket_width=round(WIDTH, 4), total=Percentiles(**percentiles(everything)), data=rows_of(by, found)
    )


@router.get("/stats/reviews", summary="How often reviewers agreed")
def reviews(
    parts: The,
    caller: Reader,
    by: Annotated[Literal["day", "label", "model"], Query(description="One row for each of these.")] = "day",
    first: From = None,
    last: To = None,
) -> Agreement:
    """How many verdicts were reviewed on these days, and how many of them were right."""
    with parts.database.read() as session:
        rows = agreement(session, caller.owner, by, since(first), until(last))
    return Agreement(
        by=by,
        reviewed=sum(row[1] for row in rows),
        correct=sum(row[2] for row in rows),
        data=[{by: name, "reviewed": reviewed, "correct": correct} for name, reviewed, correct in rows],
    )
