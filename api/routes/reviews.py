"""Reviews: what people say about verdicts, one at a time or many."""

import structlog
from fastapi import APIRouter
from sqlalchemy.orm import Session

from api.auth import Reviewer
from api.catalog import Catalog
from api.lookup import Expired, NotFound, find_item, item_id_of
from api.parts import The
from api.reviewing import BadReview, truth_of
from api.schemas import Page, ReviewOut
from api.schemas_more import ReviewIn, ReviewOfIn, ReviewOfOut, ReviewsIn
from api.views import review_out
from db.query.items import items_at
from db.schema import Item
from db.store.reviews import review, unreview

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["Photos"])


@router.post("/items/{item_id}/review", summary="Review a verdict")
def review_item(item_id: str, said: ReviewIn, parts: The, caller: Reviewer) -> ReviewOut:
    """Keeps your truth beside the verdict: `{"label": …}`, `{"label": null}` for none of these, `{"correct": true}`."""
    with parts.database.write() as session:
        item = find_item(session, caller.owner, item_id)
        kept = _keep(session, item, said, parts.catalog)
    log.info("reviewed", item=item_id, correct=kept.correct)
    return kept


@router.delete("/items/{item_id}/review", status_code=204, summary="Take a review back")
def unreview_item(item_id: str, parts: The, caller: Reviewer) -> None:
    """The verdict stands without a review again; it may have had none."""
    with parts.database.write() as session:
        there = unreview(session, find_item(session, caller.owner, item_id))
    log.info("review_taken_back", item=item_id, there=there)


@router.post("/reviews", summary="Review many verdicts")
def review_many(wanted: ReviewsIn, parts: The, caller: Reviewer) -> Page[ReviewOfOut]:
    """All of them or, when one makes no sense, none; `detail` names it. The answer is in the order given.

    A photo given twice keeps what was said last.
    """
    with parts.database.write() as session:
        places = {said.id: _place_of(said.id) for said in wanted.reviews}
        found = items_at(session, caller.owner, set(places.values()))
        for said in wanted.reviews:
            if places[said.id] not in found:
                _say_why_not(session, caller.owner, said.id)
        last = {places[said.id]: said for said in wanted.reviews}
        # In the same order for all, so that two of these at once cannot wait for each other.
        kept = {at: _keep_named(session, found[at], last[at], parts.catalog) for at in sorted(last)}
    log.info("reviewed_many", reviews=len(kept))
    return Page(data=[kept[places[said.id]] for said in wanted.reviews], next=None)


def _place_of(text: str) -> tuple[str, int]:
    """Job and position from an item's id among others. Raises NotFound that names it."""
    try:
        return item_id_of(text)
    except NotFound as error:
        raise NotFound(f"{text}: {error}") from error


def _say_why_not(session: Session, owner: str, item_id: str) -> None:
    try:
        find_item(session, owner, item_id)
    except (NotFound, Expired) as error:
        raise type(error)(f"{item_id}: {error}") from error


def _keep(session: Session, item: Item, said: ReviewIn, catalog: Catalog) -> ReviewOut:
    label, correct = truth_of(item, said, catalog)
    return review_out(review(session, item, label, correct))


def _keep_named(session: Session, item: Item, said: ReviewOfIn, catalog: Catalog) -> ReviewOfOut:
    try:
        kept = _keep(session, item, said, catalog)
    except BadReview as error:
        raise BadReview(f"{said.id}: {error}") from error
    return ReviewOfOut(id=said.id, **dict(kept))
