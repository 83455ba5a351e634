"""What the guards measured, for histograms and for trying other thresholds."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Reader
from api.lookup import find_results
from api.narrowing import From, Model, To, since, until
from api.options import Text
from api.parts import The
from api.schemas_stats import ScoresOut
from db.query.narrow import Filter
from db.query.scores import scores

router = APIRouter(prefix="/v1", tags=["Statistics"])


@router.get("/scores", summary="Scores of one guard")
def scores_of(
    parts: The,
    caller: Reader,
    guard: Annotated[Text, Query(description="A name among an item's scores.", examples=["novelty"])] = "novelty",
    job: Annotated[Text | None, Query(description="Only photos of this job.")] = None,
    model: Model = None,
    first: From = None,
    last: To = None,
    limit: Annotated[int, Query(ge=1, le=20_000, description="Most photos.")] = 5000,
) -> ScoresOut:
    """The newest photos that have such a score, with its threshold and verdict. At most 50,000 photos are looked at."""
    filter_ = Filter(model=model, since=since(first), until=until(last), job=job)
    with parts.database.read() as session:
        if job is not None:
            find_results(session, caller.owner, job)
        found = scores(session, caller.owner, guard, limit, filter_)
    said = asdict(found) | {"guards": sorted(found.guards)}
    return ScoresOut(guard=guard, count=len(found.items), **said)
