"""Listings by keyset, totals from the tallies, progress, reviews."""

from typing import Any

import pytest
from desk import Desk, at_once, verdict
from sqlalchemy import event, update

from db.query import items as items_of
from db.query import jobs as jobs_of
from db.query.history import items_of_owner
from db.query.items import every_item, items_of_job, reviews_of, source_of
from db.query.jobs import Progress, progress
from db.query.narrow import Filter
from db.query.stats import totals
from db.schema import Item, Job
from db.states import JobState, Kind
from db.store.reviews import review
from db.store.settle import settle


def judged(desk: Desk, owner: str = "ann") -> str:
    """A job of nine photos: three seas, three blank, three timed out."""
    job = desk.running(photos=9, owner=owner)
    (claim,) = desk.claim()
    desk.settle(claim, {n: ("accepted", "rejected", "failed")[n % 3] for n in range(9)})
    return job


def test_pages_of_jobs_meet(desk: Desk) -> None:
    ids = [desk.submit(Kind.ZIP) for _ in range(7)]
    desk.submit(Kind.ZIP, owner="bob")
    found: list[str] = []
    with desk.database.read() as session:
        while page := jobs_of.jobs(session, "ann", 3, found[-1] if found else None):
            found += [job.id for job in page]
        assert len(jobs_of.jobs(session, "ann", 3, state=JobState.QUEUED)) == 3
        assert jobs_of.jobs(session, "ann", 3, state=JobState.RUNNING) == []
        assert jobs_of.sources(session, []) == {}
    assert found == sorted(ids, reverse=True)


@pytest.mark.parametrize("size", [1, 4, 18, 50])
def test_pages_of_the_history_meet(desk: Desk, size: int) -> None:
    first, second = judged(desk), judged(desk)
    judged(desk, owner="bob")
    found: list[tuple[str, int]] = []
    with desk.database.read() as session:
        while page := items_of_owner(session, "ann", size, found[-1] if found else None):
            found += [(item.job_id, item.position) for item in page]
    expected = [(job, position) for job in (first, second) for position in range(9)]
    assert found == sorted(expected, reverse=True)


@pytest.mark.parametrize(
    ("narrowed", "positions"),
    [
        (Filter(decision="accepted"), [0, 3, 6]),
        (Filter(reason="blank"), [1, 4, 7]),
        (Filter(label="sea", model="tiny"), [0, 3, 6]),
        (Filter(decision="failed", reason="timeout"), [2, 5, 8]),
        (Filter(label="forest"), []),
        (Filter(model="other"), []),
    ],
)
def test_listings_are_narrowed(desk: Desk, narrowed: Filter, positions: list[int]) -> None:
    job = judged(desk)
    with desk.database.read() as session:
        of_job = items_of_job(session, job, 10, filter_=narrowed)
        of_owner = items_of_owner(session, "ann", 10, filter_=narrowed)
        after = items_of_job(session, job, 10, after=2, filter_=narrowed)
    assert [item.position for item in of_job] == positions
    assert [item.position for item in of_owner] == positions[::-1]
    assert [item.position for item in after] == [position for position in positions if position > 2]


def test_reviewed_items_are_listed_page_by_page(desk: Desk) -> None:
    first, second = judged(desk), judged(desk)
    other = judged(desk, owner="bob")
    said = [(first, 1), (first, 4), (first, 8), (second, 0), (second, 7)]
    for job, position in [*said, (other, 2)]:
        with desk.database.write() as session:
            review(session, desk.items(job)[position], "sea", False)
    only, none = Filter(reviewed=True), Filter(reviewed=False)
    found: list[tuple[str, int]] = []
    with desk.database.read() as session:
        while page := items_of_owner(session, "ann", 2, found[-1] if found else None, only):
            found += [(item.job_id, item.position) for item in page]
        of_job = items_of_job(session, first, 2, after=1, filter_=only)
        failed = items_of_owner(session, "ann", 9, filter_=Filter(decision="failed", reviewed=True))
        without = items_of_owner(session, "ann", 50, filter_=none)
        left = items_of_job(session, second, 3, after=0, filter_=none)
    assert found == sorted(said, reverse=True)
    assert [item.position for item in of_job] == [4, 8]
    assert [(item.job_id, item.position) for item in failed] == [(first, 8)]
    assert not {(item.job_id, item.position) for item in without} & set(said)
    assert len(without) == 13
    assert [item.position for item in left] == [1, 2, 3]


def test_a_few_reviews_are_found_among_many_items_without_reading_them_all(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0, refused=3000)
    with desk.database.write() as session:
        for item in items_of_job(session, job, 3, after=1000):
            review(session, item, None, True)
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, *rest: Any) -> None:
        asked.append((statement, values))

    event.listen(desk.database.engine, "before_cursor_execute", note)
    with desk.database.read() as session:
        found = items_of_owner(session, "ann", 500, (job, 2000), Filter(reviewed=True))
        statement, values = asked[-1]
        explain = "EXPLAIN QUERY PLAN" if desk.database.sqlite else "EXPLAIN"
        plan = session.connection().exec_driver_sql(f"{explain} {statement}", values).all()
    event.remove(desk.database.engine, "before_cursor_execute", note)
    assert [item.position for item in found] == [1003, 1002, 1001]
    if desk.database.sqlite:
        assert "ix_reviews_owner" in str(plan)
    else:  # three reviews it may read as they lie, as soon as it has noticed how few they are
        assert "ix_reviews_owner" in str(plan) or "Seq Scan on reviews" in str(plan), plan
        assert "Seq Scan on items" not in str(plan), plan


def test_an_item_and_its_upload_are_the_owners(desk: Desk) -> None:
    job = judged(desk)
    with desk.database.read() as session:
        found = items_of.item(session, "ann", job, 4)
        assert found is not None
        source = source_of(session, found)
        assert source is not None
        assert source.kind == Kind.ZIP
        assert items_of.item(session, "bob", job, 4) is None
        assert items_of.item(session, "ann", job, 9) is None


@pytest.mark.parametrize("photos", [0, 9, 500, 501, 1100])
def test_an_export_reads_every_page(desk: Desk, photos: int) -> None:
    job = desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0, refused=photos)
    assert [item.position for item in every_item(desk.database, job)] == list(range(photos))


def test_totals_add_up_the_tallies(desk: Desk) -> None:
    judged(desk)
    desk.delete(judged(desk))
    judged(desk, owner="bob")
    with desk.database.read() as session:
        assert totals(session, "ann", []) == [{"count": 18}]
        assert totals(session, "ann", ["decision"]) == [
            {"decision": "accepted", "count": 6},
            {"decision": "failed", "count": 6},
            {"decision": "rejected", "count": 6},
        ]
        assert {"model": "tiny", "label": "sea", "count": 6} in totals(session, "ann", ["model", "label"])
        ((day, _),) = (tuple(row.values()) for row in totals(session, "ann", ["day"]))
        assert totals(session, "ann", ["reason"], str(day), str(day)) == totals(session, "ann", ["reason"])
        assert totals(session, "ann", ["reason"], "9999-01-01") == []
        assert totals(session, "ann", ["reason"], last_day="2000-01-01") == []
        assert totals(session, "nobody", ["day"]) == []
        with pytest.raises(KeyError):
            totals(session, "ann", ["owner"])


def test_the_rate_goes_by_the_databases_clock(desk: Desk) -> None:
    job = desk.running(photos=30, shard_items=10)
    with desk.database.read() as session:
        assert progress(session, desk.job(job)) == Progress(None, None)
    for claim in desk.claim(limit=2):
        desk.settle(claim)
    with desk.database.write() as session:
        session.execute(update(Job).values(started_at=Job.started_at - 100))
    with desk.database.read() as session:
        told = progress(session, desk.job(job))
    assert told.rate == pytest.approx(0.2, rel=0.1)
    assert told.eta_seconds == pytest.approx(50, rel=0.1)
    desk.settle(desk.claim()[0])
    with desk.database.read() as session:
        assert progress(session, desk.job(job)).eta_seconds is None


def test_a_later_review_replaces_an_earlier_one(desk: Desk) -> None:
    job = judged(desk)
    _, second, third = desk.items(job)[:3]
    for label, correct in (("lake", False), (None, False), ("sea", True)):
        with desk.database.write() as session:
            said = review(session, second, label, correct)
            assert (said.label, said.correct, said.owner) == (label, correct, "ann")
    with desk.database.read() as session:
        found = reviews_of(session, [second, third])
        assert {key: value.label for key, value in found.items()} == {(job, 1): "sea"}
        assert reviews_of(session, []) == {}


def test_reviews_at_once_do_no_harm(desk: Desk) -> None:
    item = desk.items(judged(desk))[0]

    def say(label: str) -> None:
        with desk.database.write() as session:
            review(session, item, label, False)

    at_once(say, ["lake", "pond", "puddle", "forest"])
    with desk.database.read() as session:
        assert len(reviews_of(session, [item])) == 1


def test_many_items_in_one_settlement(desk: Desk) -> None:
    """More values than one statement of SQLite takes."""
    job = desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0, refused=4000)
    assert desk.job(job).rejected == 4000


def test_names_of_all_scripts_are_kept(desk: Desk) -> None:
    job = desk.submit(Kind.IMAGE)
    (claim,) = desk.claim()
    with desk.database.write() as session:
        settle(session, claim, {0: verdict(label="海 🌊 'quoted'; --")})
    with desk.database.read() as session:
        (found,) = items_of_owner(session, "ann", 5, filter_=Filter(label="海 🌊 'quoted'; --"))
    assert isinstance(found, Item)
    assert (found.job_id, found.label) == (job, "海 🌊 'quoted'; --")
