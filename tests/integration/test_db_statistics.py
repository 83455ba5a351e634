"""Latencies from buckets, agreement of reviewers, the queue, and what workers hold."""

from dataclasses import replace
from typing import Any

import pytest
from desk import Desk, at_once, verdict
from sqlalchemy import event, select, update

from db.buckets import bucket_of, percentile
from db.query.latency import latencies
from db.query.queue import Queue, holdings, oldest, queues
from db.query.reviews import agreement
from db.query.uploads import stored
from db.schema import Job, Latency, Review
from db.states import Kind, Lane
from db.store.reviews import review
from db.store.settle import LeaseLost, settle
from db.store.shards import Claim


def timed(desk: Desk, claim: Claim, milliseconds: list[float | None], backend: str = "onnx") -> None:
    """Settles the claim with these times in the network."""
    said = {
        entry[0]: replace(verdict(), backend=None if time is None else backend, inference_ms=time)
        for entry, time in zip(claim.entries, milliseconds, strict=True)
    }
    with desk.database.write() as session:
        settle(session, claim, said)


def test_photos_are_counted_by_what_their_inference_took(desk: Desk) -> None:
    desk.running(photos=4)
    timed(desk, desk.claim()[0], [2.0, 2.01, 8.0, None])
    desk.running(photos=2)
    timed(desk, desk.claim()[0], [2.0, 32.0], backend="torch")
    desk.running(photos=1, owner="bob")
    timed(desk, desk.claim()[0], [1.0])
    slow, quick = bucket_of(8.0), bucket_of(2.0)
    with desk.database.read() as session:
        assert latencies(session, "ann", "backend") == {
            "onnx": {quick: 2, slow: 1},
            "torch": {quick: 1, bucket_of(32.0): 1},
        }
        (hour,) = set(session.scalars(select(Latency.hour)))
        assert latencies(session, "ann", "hour", hour, hour + 1) == latencies(session, "ann", "hour")
        assert latencies(session, "ann", "day") == {
            hour // 24: {quick: 3, slow: 1, bucket_of(32.0): 1},
        }
        assert latencies(session, "ann", "hour", hour + 1) == latencies(session, "ann", "day", end_hour=hour) == {}
        assert latencies(session, "nobody", "day") == {}
        assert percentile(latencies(session, "ann", "day")[hour // 24], 0.5) == pytest.approx(2.0, rel=0.05)
        with pytest.raises(KeyError):
            latencies(session, "ann", "owner")


def test_hours_and_days_are_kept_apart(desk: Desk) -> None:
    with desk.database.write() as session:
        for hour in (23, 24, 47, 48):
            session.add(Latency(owner="ann", hour=hour, backend="onnx", bucket=8, count=hour))
    with desk.database.read() as session:
        assert latencies(session, "ann", "day") == {0: {8: 23}, 1: {8: 71}, 2: {8: 48}}
        assert list(latencies(session, "ann", "hour", 24, 48)) == [24, 47]


def test_a_settlement_that_is_refused_counts_nothing(desk: Desk) -> None:
    desk.running(photos=2)
    (claim,) = desk.claim()
    timed(desk, claim, [2.0, 2.0])
    with pytest.raises(LeaseLost):
        timed(desk, claim, [2.0, 2.0])
    with desk.database.read() as session:
        assert latencies(session, "ann", "backend") == {"onnx": {bucket_of(2.0): 2}}


def test_workers_that_settle_at_once_count_each_photo_once(desk: Desk) -> None:
    desk.running(photos=64, shard_items=4)
    claims = desk.claim()
    assert len(claims) == 16
    at_once(lambda claim: timed(desk, claim, [1.0, 2.0, 4.0, 1.0][:: 1 if claim.shard % 2 else -1]), claims)
    with desk.database.read() as session:
        assert latencies(session, "ann", "backend") == {"onnx": {0: 32, 8: 16, 16: 16}}


def test_deleted_jobs_stay_counted(desk: Desk) -> None:
    job = desk.running(photos=2)
    timed(desk, desk.claim()[0], [2.0, 2.0])
    desk.delete(job)
    with desk.database.read() as session:
        assert latencies(session, "ann", "backend") == {"onnx": {8: 2}}


def test_agreement_is_counted_by_day_label_and_model(desk: Desk) -> None:
    job = desk.running(photos=6)
    desk.settle(desk.claim()[0], {n: "rejected" if n < 2 else "accepted" for n in range(6)})
    other = desk.finished(photos=1, owner="bob")
    said = [(0, None, True), (1, "sea", False), (2, "sea", True), (3, "sea", True), (4, "lake", False)]
    for position, label, correct in said:
        with desk.database.write() as session:
            review(session, desk.items(job)[position], label, correct)
            session.execute(
                update(Review).where(Review.position == position).values(reviewed_at=position // 2 * 86400.0)
            )
    with desk.database.write() as session:
        review(session, desk.items(other)[0], "sea", True)
    with desk.database.read() as session:
        assert agreement(session, "ann", "day") == [("1970-01-01", 2, 1), ("1970-01-02", 2, 2), ("1970-01-03", 1, 0)]
        assert agreement(session, "ann", "label") == [("sea", 3, 2), (None, 2, 1)]
        assert agreement(session, "ann", "model") == [("tiny", 5, 3)]
        assert agreement(session, "ann", "day", 86400.0, 2 * 86400.0) == [("1970-01-02", 2, 2)]
        assert agreement(session, "ann", "label", since=2 * 86400.0) == [("sea", 1, 0)]
        assert agreement(session, "nobody", "model") == []
        with pytest.raises(KeyError):
            agreement(session, "ann", "owner")


def test_the_queue_is_the_owners_by_lane(desk: Desk) -> None:
    first = desk.running(photos=10, shard_items=4)
    desk.running(photos=5, owner="bob")
    desk.submit(Kind.IMAGE, Kind.IMAGE)
    waiting = desk.submit(Kind.ZIP)
    desk.claim(limit=1, lane=Lane.BULK)
    with desk.database.write() as session:
        session.execute(update(Job).where(Job.id == first).values(submitted_at=Job.submitted_at - 100))
        session.execute(update(Job).where(Job.id == waiting).values(submitted_at=Job.submitted_at - 50))
    with desk.database.read() as session:
        found = queues(session, "ann")
        nothing = queues(session, "nobody")
    bulk, interactive = found[Lane.BULK], found[Lane.INTERACTIVE]
    assert (bulk.ready, bulk.leased, bulk.items_ready, bulk.uploads_waiting) == (2, 1, 6, 1)
    assert bulk.oldest_seconds == pytest.approx(100, abs=20)
    assert (interactive.ready, interactive.leased, interactive.items_ready) == (2, 0, 2)
    assert interactive.oldest_seconds == pytest.approx(0, abs=20)
    assert nothing == {Lane.INTERACTIVE: Queue(), Lane.BULK: Queue()}


def test_an_owners_queue_is_not_looked_for_among_everybodys(desk: Desk) -> None:
    for _ in range(25):
        desk.running(photos=40, shard_items=1, owner="bob")
    desk.running(photos=3, shard_items=1)
    explain, plans = "EXPLAIN QUERY PLAN" if desk.database.sqlite else "EXPLAIN", []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        if "FROM shards" in statement:
            raw = connection.connection.cursor()
            plans.append(str(raw.execute(f"{explain} {statement}", values).fetchall()))

    if not desk.database.sqlite:
        with desk.database.write() as session:
            session.connection().exec_driver_sql("ANALYZE jobs, shards")
    event.listen(desk.database.engine, "before_cursor_execute", note)
    with desk.database.read() as session:
        found = queues(session, "ann")[Lane.BULK]
    event.remove(desk.database.engine, "before_cursor_execute", note)
    assert (found.ready, found.items_ready) == (3, 3)
    assert len(plans) == 1 and "ix_shards_job_id" in plans[0], plans
    assert "ix_shards_claim" not in plans[0] and "Seq Scan on shards" not in plans[0], plans


def test_an_upload_that_waits_has_an_age_too(desk: Desk) -> None:
    desk.submit(Kind.ZIP)
    with desk.database.write() as session:
        session.execute(update(Job).values(submitted_at=Job.submitted_at - 50))
    with desk.database.read() as session:
        assert queues(session, "ann")[Lane.BULK].oldest_seconds == pytest.approx(50, abs=20)
    assert oldest([None, -3.0, 0.5]) == 0.5 and oldest([-3.0]) == 0.0 and oldest([None]) is None


def test_workers_hold_shards_and_uploads(desk: Desk) -> None:
    job = desk.running(photos=8, shard_items=2)
    other = desk.running(photos=2, owner="bob")
    desk.claim(limit=2, worker="w1")
    desk.claim(limit=100, worker="w2")
    opening = desk.submit(Kind.ZIP)
    desk.claim_unpack("c1")
    with desk.database.read() as session:
        found = holdings(session)
    assert sum(found[name].count for name in ("w1", "w2")) == 5 and found["w1"].count == 2
    assert set(found["w1"].jobs) | set(found["w2"].jobs) == {(job, "ann"), (other, "bob")}
    assert (found["c1"].count, found["c1"].jobs) == (1, [(opening, "ann")])


def test_stored_uploads_are_counted(desk: Desk) -> None:
    with desk.database.read() as session:
        assert stored(session) == (0, 0)
    desk.submit(Kind.ZIP, Kind.IMAGE)
    with desk.database.read() as session:
        assert stored(session) == (2, 20)
