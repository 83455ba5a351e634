"""What a listing is narrowed to, as a query says it."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator

from api.options import Text
from db.day import DAY_SECONDS
from db.query.narrow import Filter
from model.verdict import Decision, Reason

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _as_written(value: object) -> object:
    """Dates as people write them: the library alone would take a number for seconds since 1970."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("a day is written as 2026-01-31")
    return value


Day = Annotated[date, BeforeValidator(_as_written)]
From = Annotated[Day | None, Query(alias="from", description="First day (UTC).", examples=["2026-01-01"])]
To = Annotated[Day | None, Query(alias="to", description="Last day (UTC).", examples=["2026-01-31"])]
Model = Annotated[Text | None, Query(description="Only photos that this model judged.")]


def begin_of(day: date) -> float:
    """The day's first moment in UTC, in seconds since 1970."""
    return datetime.combine(day, time(), UTC).timestamp()


def since(first: date | None) -> float | None:
    """The moment from which a time lies on ``first`` or later."""
    return None if first is None else begin_of(first)


def until(last: date | None) -> float | None:
    """The moment before which a time lies on ``last`` or earlier."""
    return None if last is None else begin_of(last) + DAY_SECONDS


async def filter_of(
    decision: Annotated[Decision | None, Query(description="Only photos with this decision.")] = None,
    reason: Annotated[Reason | None, Query(description="Only photos with this reason.")] = None,
    label: Annotated[Text | None, Query(description="Only photos with this first tag.")] = None,
    model: Model = None,
    reviewed: Annotated[bool | None, Query(description="Only photos that have a review, or that have none.")] = None,
    name: Annotated[
        Text | None,
        Query(description="Only photos whose name in the upload begins so, case and all.", examples=["rome/day1"]),
    ] = None,
    first: From = None,
    last: To = None,
) -> Filter:
    """The days are those of the verdicts."""
    return Filter(decision, reason, label, model, reviewed, name or None, since(first), until(last))


Narrowed = Annotated[Filter, Depends(filter_of)]
