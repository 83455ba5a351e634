"""What a guard measured, over many items."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy.orm import Session, load_only

from db.ids import item_id
from db.query.history import items_of_owner
from db.query.narrow import Filter
from db.schema import Item

PAGE = 2000
# A guard that few items have would have the whole history read; this takes about a second on SQLite.
MOST_LOOKED_AT = 50_000


@dataclass(slots=True)
class Scores:
    """One guard's scores, newest items first, as parallel lists. ``complete``: there are no more of them.

    ``guards`` are the names of all guards that the items looked at have.
    """

    complete: bool = True
    guards: set[str] = field(default_factory=set)
    items: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    thresholds: list[float | None] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    confidences: list[float | None] = field(default_factory=list)


def scores(session: Session, owner: str, guard: str, limit: int, filter_: Filter) -> Scores:
    """The scores of the guard ``guard``, at most ``limit`` of them."""
    found = Scores()
    for looked_at, item in enumerate(_items(session, owner, filter_)):
        if looked_at == MOST_LOOKED_AT:
            found.complete = False
            break
        found.guards.update(item.scores)
        score = item.scores.get(guard)
        if score is None or score["value"] is None:
            continue
        if len(found.items) == limit:
            found.complete = False
            break
        found.items.append(item_id(item.job_id, item.position))
        found.values.append(score["value"])
        found.thresholds.append(score["threshold"])
        found.decisions.append(item.decision)
        found.reasons.append(item.reason)
        found.labels.append(item.label)
        found.confidences.append(item.confidence)
    return found


def _items(session: Session, owner: str, filter_: Filter) -> Iterator[Item]:
    needed = load_only(Item.scores, Item.decision, Item.reason, Item.label, Item.confidence)
    after = None
    while page := items_of_owner(session, owner, PAGE, after, filter_, [needed]):
        yield from page
        after = page[-1].job_id, page[-1].position
