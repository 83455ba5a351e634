"""Retrying: a new job over chosen items of an old one."""

import pytest
from desk import Desk

from db.states import JobState, Kind, Lane
from db.store.retry import NothingToRetry, retry
from model.verdict import Decision


def again(desk: Desk, job: str, *decisions: str, model: tuple[str, str] = ("tiny", "1"), shard_items: int = 32) -> str:
    """Retries the items with these decisions; the new job's id."""
    with desk.database.write() as session:
        return retry(session, desk.locked(session, job), decisions, model, None, shard_items).id


def test_failed_photos_are_judged_again(desk: Desk) -> None:
    old = desk.running(photos=12, params={"top_k": 2}, meta={"trip": "Oslo"})
    (claim,) = desk.claim()
    desk.settle(claim, {p: "failed" if p % 3 == 0 else "accepted" for p in range(12)})
    new = desk.job(again(desk, old, "failed"))
    assert (new.state, new.total, new.pending, new.retry_of) == (JobState.RUNNING, 4, 4, old)
    assert (new.params, new.meta, new.owner, new.lane) == ({"top_k": 2}, {"trip": "Oslo"}, "ann", Lane.INTERACTIVE)
    (claim,) = desk.claim()
    assert claim.entries == [[n, f"{3 * n}.jpg", 300 * n, 7, 7, 0, 3 * n] for n in range(4)]
    assert desk.settle(claim)
    assert [item.name for item in desk.items(new.id)] == ["0.jpg", "3.jpg", "6.jpg", "9.jpg"]
    assert desk.job(old).failed == 4


def test_any_decision_and_another_model_may_be_asked_for(desk: Desk) -> None:
    old = desk.finished(photos=20, decision="rejected")
    new = desk.job(again(desk, old, "accepted", "rejected", model=("large", "3"), shard_items=6))
    assert (new.model, new.version, new.lane, new.total) == ("large", "3", Lane.BULK, 20)
    assert [shard.size for shard in desk.shards(new.id)] == [6, 6, 6, 2]
    assert desk.claim() == []
    assert len(desk.claim(abilities=[("large", "3", None)])) == 4


def test_photos_of_several_uploads_keep_theirs(desk: Desk) -> None:
    old = desk.submit(Kind.ZIP, Kind.IMAGE, Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=3)
    sources = {}
    for claim in desk.claim():
        sources[claim.source] = [entry[0] for entry in claim.entries]
        desk.settle(claim, "accepted" if sources[claim.source][0] == 3 else "failed")
    new = again(desk, old, "failed")
    taken = desk.claim()
    assert [claim.source for claim in taken] == [source for source, (first, *_) in sources.items() if first != 3]
    assert [[entry[0] for entry in claim.entries] for claim in taken] == [[0, 1, 2], [3, 4, 5]]
    assert desk.job(new).total == 6


def test_without_such_photos_there_is_nothing_to_retry(desk: Desk) -> None:
    job = desk.finished()
    with pytest.raises(NothingToRetry, match="failed or rejected"):
        again(desk, job, "failed", "rejected")


def test_a_retry_can_be_retried(desk: Desk) -> None:
    job = desk.finished(decision="failed")
    second = again(desk, job, "failed")
    for claim in desk.claim():
        desk.settle(claim, "failed")
    third = again(desk, second, "failed")
    assert [entry[1] for entry in desk.claim()[0].entries] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert desk.job(third).retry_of == second


def test_a_rerun_takes_every_photo_to_another_model_and_backend(desk: Desk) -> None:
    old = desk.running(photos=4, params={"top_k": 2, "backend": None})
    (claim,) = desk.claim()
    desk.settle(claim, {0: "failed", 1: "accepted", 2: "rejected", 3: "accepted"})
    with desk.database.write() as session:
        locked = desk.locked(session, old)
        new = retry(session, locked, list(Decision), ("large", "3"), {"top_k": 2, "backend": "torch"}, 32).id
    assert desk.claim(abilities=[("large", "3", None)]) == []
    (claim,) = desk.claim(abilities=[("large", "3", "torch")])
    assert claim.job == new and [entry[1] for entry in claim.entries] == [f"{n}.jpg" for n in range(4)]
    assert desk.settle(claim)
    assert [item.decision for item in desk.items(old)] == ["failed", "accepted", "rejected", "accepted"]
    assert desk.job(new).params == {"top_k": 2, "backend": "torch"}
