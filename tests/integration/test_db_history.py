"""The history, narrowed in every way at once, and how it is looked up among many items."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from desk import Desk, verdict
from sqlalchemy import event, text, update

from db.database import Database
from db.query import history
from db.query.history import every_item_of_owner, items_of_owner
from db.query.items import items_at, items_of_job, reviews_of
from db.query.narrow import Filter
from db.schema import Item, Job
from db.states import Kind
from db.store.reviews import review
from db.store.settle import settle
from db.upgrade import upgrade

DAY = 86400.0
NAMES = (
    "IMG_1.jpg",
    "img_1.jpg",
    "IMG_2.jpg",
    "IMG%.jpg",
    "a/IMG_1.jpg",
    "海辺.jpg",
    "海辺\U0010ffff.jpg",
    "\ud7ff.jpg",
)
PREFIXES = (None, "IMG_", "IMG%", "海", "\ud7ff", "\U0010ffff")


@pytest.fixture
def days(desk: Desk) -> list[Item]:
    """Three jobs of eight photos, each a day later than the one before, the second by another model; newest first."""
    for number in range(3):
        job = desk.submit(Kind.ZIP, model=("other" if number == 1 else "tiny", "1"))
        desk.unpack(desk.claim_unpack(), photos=8)
        (claim,) = desk.claim(abilities=[("tiny", "1", None), ("other", "1", None)])
        entries = [[entry[0], name, *entry[2:]] for entry, name in zip(claim.entries, NAMES, strict=True)]
        object.__setattr__(claim, "entries", entries)
        kinds = [("accepted", "sea"), ("accepted", "forest"), ("rejected", "")]
        with desk.database.write() as session:
            settle(session, claim, {n: verdict(*kinds[(n + number) % 3]) for n in range(8)})
            shift = {"submitted_at": number * DAY, "started_at": number * DAY, "finished_at": number * DAY + 100}
            session.execute(update(Job).where(Job.id == job).values(shift))
            session.execute(update(Item).where(Item.job_id == job).values(decided_at=number * DAY + 50))
        with desk.database.write() as session:
            for item in items_of_job(session, job, 2, after=number):
                review(session, item, "sea", False)
    with desk.database.read() as session:
        return items_of_owner(session, "ann", 100)


def wanted(item: Item, filter_: Filter, reviewed: set[tuple[str, int]]) -> bool:
    """The filter in plain words."""
    pairs = [(filter_.decision, item.decision), (filter_.label, item.label), (filter_.model, item.model)]
    return (
        all(asked is None or asked == has for asked, has in pairs)
        and (filter_.reviewed is None or filter_.reviewed == ((item.job_id, item.position) in reviewed))
        and (filter_.name is None or item.name.startswith(filter_.name))
        and (filter_.job is None or item.job_id == filter_.job)
        and (filter_.since is None or item.decided_at >= filter_.since)
        and (filter_.until is None or item.decided_at < filter_.until)
    )


@pytest.mark.parametrize(("few_names", "few_jobs", "few_days"), [(5000, 50, 100), (0, 0, 0), (3, 1, 1)])
def test_every_combination_finds_what_it_says(
    desk: Desk, days: list[Item], monkeypatch: pytest.MonkeyPatch, few_names: int, few_jobs: int, few_days: int
) -> None:
    monkeypatch.setattr("db.query.days.MANY_DAYS", few_days)
    monkeypatch.setattr(history, "FEW_ITEMS", few_names)
    for name in ("FEW_NAMES", "MANY_NAMES"):
        monkeypatch.setattr(history, name, few_names)
    monkeypatch.setattr(history, "PLACES_PAGE", 3)
    monkeypatch.setattr(history, "FEW_JOBS", few_jobs)
    with desk.database.read() as session:
        reviewed = {(i.job_id, i.position) for i in items_of_owner(session, "ann", 100, None, Filter(reviewed=True))}
    assert len(reviewed) == 6
    days_asked = ((None, None), (DAY, None), (DAY, 2 * DAY), (None, 2 * DAY), (20.0, DAY + 50.5), (9 * DAY, None))
    choices: list[tuple[Any, ...]] = [
        (None, "sea"),
        (None, "other"),
        (None, True, False),
        PREFIXES,
        days_asked,
        (None, days[-1].job_id),
    ]
    found = 0
    for label, model, seen, name, (since, until), job in itertools.product(*choices):
        decision = None if label is None else "accepted"
        filter_ = Filter(decision, None, label, model, seen, name, since, until, job)
        expected = [(i.job_id, i.position) for i in days if wanted(i, filter_, reviewed)]
        with desk.database.read() as session:
            assert [(i.job_id, i.position) for i in items_of_owner(session, "ann", 100, None, filter_)] == expected
            of_jobs = [items_of_job(session, job, 100, -1, filter_) for job in dict.fromkeys(i.job_id for i in days)]
            assert [(i.job_id, i.position) for items in of_jobs for i in reversed(items)] == expected
            if len(expected) > 2:
                rest = items_of_owner(session, "ann", 2, expected[0], filter_)
                assert [(i.job_id, i.position) for i in rest] == expected[1:3]
        found += len(expected)
    assert found > 200


def test_an_export_meets_every_item_once(desk: Desk, days: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EXPORT_PAGE", 3)
    for filter_ in (Filter(), Filter(name="IMG"), Filter(model="tiny"), Filter(name="海", until=DAY)):
        found = [(item.job_id, item.position) for item in every_item_of_owner(desk.database, "ann", filter_)]
        assert found == [(item.job_id, item.position) for item in days if wanted(item, filter_, set())]
    assert list(every_item_of_owner(desk.database, "bob", Filter())) == []


@pytest.fixture
def many(empty_url: str) -> Iterator[tuple[Desk, str]]:
    """A desk over a database of its own, because what ANALYZE learns stays in it, and a job of 3,000 photos."""
    database = Database(empty_url)
    upgrade(database)
    desk = Desk(database)
    job = desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0, refused=3000)
    yield desk, job
    database.close()


def learn(database: Database) -> None:
    """Has PostgreSQL look at its tables as it does by itself after a while."""
    if not database.sqlite:
        with database.write() as session:
            session.connection().exec_driver_sql("ANALYZE items, reviews")


@pytest.fixture
def plans(many: tuple[Desk, str]) -> Iterator[list[str]]:
    """The plan of every query of items that is asked."""
    found: list[str] = []
    database: Database = many[0].database
    explain = "EXPLAIN QUERY PLAN" if database.sqlite else "EXPLAIN"

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        if "FROM items" in statement or "FROM reviews" in statement:
            raw = connection.connection.cursor()
            found.append(str(raw.execute(f"{explain} {statement}", values).fetchall()))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def reads_all(plan: str) -> bool:
    """Whether the plan goes through a whole table, or through all of an owner's items."""
    whole = ("SCAN items", "SCAN reviews", "Seq Scan on items", "Seq Scan on reviews", "(owner=?)")
    return any(words in plan for words in whole)


def test_along_a_name_that_nearly_all_have_the_history_is_walked(
    many: tuple[Desk, str], plans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MANY_NAMES", 100)
    desk, _ = many
    learn(desk.database)
    plans.clear()
    with desk.database.read() as session:
        names = [item.name for item in items_of_owner(session, "ann", 10, None, Filter(name="1"))]
    assert len(names) == 10 and all(name.startswith("1") for name in names)
    if desk.database.sqlite:
        assert "TEMP B-TREE" not in plans[-1] and "ix_items_owner_name" not in plans[-1], plans
    else:  # so small a table it reads whole; of a large one it can tell better, as long as it sees the column itself
        assert "(name >= '1'::text)" in plans[-1].replace("\\", ""), plans


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [
        (Filter(name="1999."), "ix_items_owner_name"),
        (Filter(label="rare", decision="accepted"), "ix_items_owner_label"),
        (Filter(reason="timeout", decision="failed"), "ix_items_owner_reason"),
    ],
)
def test_few_are_found_among_many_without_reading_them_all(
    many: tuple[Desk, str], plans: list[str], narrowed: Filter, index: str
) -> None:
    desk, _ = many
    learn(desk.database)
    plans.clear()
    with desk.database.read() as session:
        items_of_owner(session, "ann", 100, None, narrowed)
    if narrowed.name:
        del plans[0]  # the newest few are looked at first
    assert index in plans[0], plans
    assert len(plans) == (3 if narrowed.name else 1) and not any(map(reads_all, plans)), plans
    assert narrowed.name or "TEMP B-TREE" not in plans[0], plans


def test_of_a_name_that_nearly_all_have_the_newest_few_make_a_page(many: tuple[Desk, str], plans: list[str]) -> None:
    desk, job = many
    plans.clear()
    with desk.database.read() as session:
        page = items_of_owner(session, "ann", 100, (job, 2000), Filter(name="1"))
    assert [item.position for item in page] == list(range(1999, 1899, -1))
    assert len(plans) == 2 and not any("ix_items_owner_name" in plan for plan in plans), plans


def test_an_early_day_is_found_without_meeting_later_ones(many: tuple[Desk, str], plans: list[str]) -> None:
    desk, job = many
    early = Filter(since=DAY, until=2 * DAY)
    with desk.database.write() as session:
        session.execute(update(Item).where(Item.position < 1500).values(decided_at=1.5 * DAY))
        session.execute(update(Item).where(Item.position < 200).values(decided_at=2 * DAY))
        session.execute(update(Item).where(Item.position >= 1500).values(decided_at=Item.position * DAY))
    learn(desk.database)
    plans.clear()
    with desk.database.read() as session:
        page = items_of_owner(session, "ann", 100, (job, 251), early)
    assert [item.position for item in page] == list(range(250, 199, -1))
    assert "ix_items_owner_day" in plans[1], plans
    if desk.database.sqlite:  # PostgreSQL reads a table as small as this one
        assert "ix_items_owner_day" in plans[2] and not any(map(reads_all, plans)), plans


def test_what_is_rare_is_found_among_the_days_without_reading_them(many: tuple[Desk, str], plans: list[str]) -> None:
    desk, _ = many
    with desk.database.write() as session:
        session.execute(update(Item).values(decided_at=1.5 * DAY))
        session.execute(update(Item).where(Item.position.in_([7, 2000])).values(reason="blank"))
    learn(desk.database)
    plans.clear()
    with desk.database.read() as session:
        page = items_of_owner(session, "ann", 100, None, Filter(reason="blank", since=DAY, until=2 * DAY))
    assert [item.position for item in page] == [2000, 7]
    assert "ix_items_owner_reason" in plans[-1] and "ix_items_owner_day" not in "".join(plans), plans


def test_an_export_of_some_days_looks_for_them_twice(
    many: tuple[Desk, str], plans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "EXPORT_PAGE", 100)
    desk, _ = many
    with desk.database.write() as session:
        session.execute(update(Item).where(Item.position < 2000).values(decided_at=1.5 * DAY))
        session.execute(update(Item).where(Item.position >= 2000).values(decided_at=2.5 * DAY))
    learn(desk.database)
    plans.clear()
    found = [item.position for item in every_item_of_owner(desk.database, "ann", Filter(since=DAY, until=2 * DAY))]
    assert found == list(range(1999, -1, -1))
    if desk.database.sqlite:
        # At the first page, before which later days lie, and once the photos end: the days, and the places on them.
        assert sum("ix_items_owner_day" in plan for plan in plans) == 4, plans


def test_old_photos_are_found_by_a_name_that_many_have(
    many: tuple[Desk, str], plans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, job = many
    learn(desk.database)
    monkeypatch.setattr(history, "FEW_NAMES", 100)
    plans.clear()
    with desk.database.read() as session:
        page = items_of_owner(session, "ann", 100, (job, 999), Filter(name="1"))
    names = [str(number) for number in range(998, -1, -1) if str(number).startswith("1")]
    assert [item.name.partition(".")[0] for item in page] == names[:100]
    if desk.database.sqlite:  # PostgreSQL knows how many they are, and reads a table as small as this one
        assert all("ix_items_owner_name" in plan for plan in plans[1:3]) and not any(map(reads_all, plans)), plans


def test_items_and_reviews_are_looked_up_by_their_places(many: tuple[Desk, str], plans: list[str]) -> None:
    desk, job = many
    with desk.database.write() as session:
        for item in items_of_job(session, job, 2000):
            review(session, item, None, True)
    learn(desk.database)
    plans.clear()
    with desk.database.read() as session:
        found = items_at(session, "ann", [(job, 7), (job, 2999), (job, 3000), ("none", 7)])
        reviews = reviews_of(session, list(found.values()))
        assert items_at(session, "bob", [(job, 7)]) == {}
    assert set(found) == {(job, 7), (job, 2999)} and set(reviews) == {(job, 7)}
    assert len(plans) == 3 and "pk_items" in plans[0].replace("sqlite_autoindex_items_1", "pk_items"), plans
    if desk.database.sqlite:  # PostgreSQL reads reviews as few as these
        assert not any(map(reads_all, plans)), plans


def test_what_is_asked_often_is_planned_anew_for_what_is_asked(postgres_database: Database) -> None:
    for _ in range(15):  # from the eleventh time on PostgreSQL may take one plan for all
        with postgres_database.read() as session:
            items_of_owner(session, "ann", 100, filter_=Filter(model="tiny", reason="blank", name="trip"))
    with postgres_database.read() as session:
        plans = text(
            "SELECT max(custom_plans), sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%items%'"
        )
        often, for_all = session.execute(plans).one()
    assert often >= 10
    assert for_all == 0
