"""Totals."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.auth import Reader
from api.parts import The
from api.schemas_more import Totals
from db.query.stats import totals

router = APIRouter(prefix="/v1", tags=["Statistics"])
Group = Literal["day", "model", "decision", "reason", "label"]


@router.get("/stats", summary="Totals of your photos")
def stats(
    parts: The,
    caller: Reader,
    by: Annotated[list[Group] | None, Query(description="Group by these; give it once for each.")] = None,
    first: Annotated[date | None, Query(alias="from", description="First day (UTC).", examples=["2026-01-01"])] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC).", examples=["2026-01-31"])] = None,
) -> Totals:
    """How many photos were judged and how, also of jobs that are deleted."""
    groups = list(dict.fromkeys(by or ["decision"]))
    with parts.database.read() as session:
        rows = totals(
            session, caller.owner, groups, first.isoformat() if first else None, last.isoformat() if last else None
        )
    return Totals(by=list(groups), total=sum(int(row["count"]) for row in rows), data=rows)
