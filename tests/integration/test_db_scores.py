"""Scores of one guard over many items."""

import pytest
from desk import Desk
from sqlalchemy import update

from db.query import scores as scores_module
from db.query.narrow import Filter
from db.query.scores import Scores, scores
from db.schema import Item


@pytest.fixture
def job(desk: Desk) -> str:
    """Six photos: every other one has a novelty, all have a confidence, the last has none that means anything."""
    made = desk.running(photos=6)
    desk.settle(desk.claim()[0], {n: "rejected" if n == 2 else "accepted" for n in range(6)})
    with desk.database.write() as session:
        for n in range(6):
            said = {"confidence": {"value": n / 10 if n < 5 else None, "threshold": 0.25}}
            if n % 2 == 0:
                said["novelty"] = {"value": float(n), "threshold": None}
            session.execute(update(Item).where(Item.position == n).values(scores=said))
    return made


def of(desk: Desk, guard: str, limit: int = 10, filter_: Filter = Filter()) -> Scores:  # noqa: B008
    with desk.database.read() as session:
        return scores(session, "ann", guard, limit, filter_)


def test_lists_are_parallel_and_the_newest_come_first(desk: Desk, job: str) -> None:
    found = of(desk, "novelty")
    assert found.complete and found.guards == {"confidence", "novelty"}
    assert found.items == [f"{job}-4", f"{job}-2", f"{job}-0"]
    assert found.values == [4.0, 2.0, 0.0] and found.thresholds == [None] * 3
    assert found.decisions == ["accepted", "rejected", "accepted"] and found.reasons == [None, "blank", None]
    assert found.labels == ["sea", None, "sea"] and found.confidences == [0.9, None, 0.9]
    assert of(desk, "confidence").values == [0.4, 0.3, 0.2, 0.1, 0.0]


def test_it_says_whether_there_are_more(desk: Desk, job: str) -> None:
    assert (of(desk, "novelty", 3).complete, of(desk, "novelty", 2).complete) == (True, False)
    assert of(desk, "novelty", 2).values == [4.0, 2.0]
    assert of(desk, "unheard of").complete and of(desk, "unheard of").items == []


def test_many_are_read_page_by_page_up_to_a_bound(desk: Desk, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "PAGE", 2)
    assert of(desk, "confidence").values == [0.4, 0.3, 0.2, 0.1, 0.0]
    monkeypatch.setattr(scores_module, "MOST_LOOKED_AT", 3)
    found = of(desk, "novelty")
    assert (found.complete, found.values) == (False, [4.0])
    monkeypatch.setattr(scores_module, "MOST_LOOKED_AT", 6)
    assert of(desk, "novelty").complete


def test_they_are_narrowed(desk: Desk, job: str) -> None:
    assert of(desk, "novelty", filter_=Filter(job=job)).values == [4.0, 2.0, 0.0]
    for narrowed in (Filter(job="none"), Filter(model="other"), Filter(until=1.0)):
        assert of(desk, "novelty", filter_=narrowed).items == []
