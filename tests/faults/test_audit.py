"""The reckoning would notice: each way to break the promise, done to rows by hand."""

from collections.abc import Callable, Iterator

import pytest
from desk import Desk
from faults.audit import audit
from faults.ledger import Entry
from faults.stack import Stack
from running import running
from sqlalchemy import delete, update

from db.schema import Item, Job
from model.bundle import Bundle

NAMES = [f"{i}.jpg" for i in range(4)]


@pytest.fixture
def shoebox(tiny_bundle: Bundle) -> Iterator[Stack]:
    """A Shoebox that never starts: its rows and its ledger alone."""
    with running(tiny_bundle) as stack:
        at = Stack(stack, None, small_disk=False)
        at.blobs.mkdir()
        yield at
        at.close()


def judged(shoebox: Stack) -> str:
    """A job that ended as it should, and its line in the ledger."""
    job = Desk(shoebox.database).finished(idempotency_key="k1")
    shoebox.ledger.write(Entry(job, "k1", NAMES))
    return job


def test_all_is_well(shoebox: Stack) -> None:
    judged(shoebox)
    found = audit(shoebox)
    assert found.broken == []
    assert (found.figures["photos accepted"], found.figures["rows of photos"]) == (4, 4)


def lose_a_job(shoebox: Stack, job: str) -> None:
    Desk(shoebox.database).delete(job)


def lose_a_row(shoebox: Stack, job: str) -> None:
    with shoebox.database.write() as session:
        session.execute(delete(Item).where(Item.job_id == job, Item.position == 2))


def miscount(shoebox: Stack, job: str) -> None:
    with shoebox.database.write() as session:
        session.execute(update(Job).values(accepted=3, rejected=1))


def judge_another_photo(shoebox: Stack, job: str) -> None:
    with shoebox.database.write() as session:
        session.execute(update(Item).where(Item.position == 1).values(name="strange.jpg"))


def accept_twice(shoebox: Stack, job: str) -> None:
    Desk(shoebox.database).finished(idempotency_key="k2")


def leave_one_running(shoebox: Stack, job: str) -> None:
    shoebox.ledger.write(Entry(Desk(shoebox.database).running(idempotency_key="k2"), "k2", NAMES))


def fail_without_reason(shoebox: Stack, job: str) -> None:
    with shoebox.database.write() as session:
        session.execute(update(Job).values(state="failed", outcome=None, error="worker_lost"))


def cancel_unasked(shoebox: Stack, job: str) -> None:
    desk = Desk(shoebox.database)
    desk.cancel(other := desk.running(idempotency_key="k2"))
    shoebox.ledger.write(Entry(other, "k2", NAMES))


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lose_a_job, "is lost"),
        (lose_a_row, "3 rows for 4 photos"),
        (miscount, "do not hold together"),
        (judge_another_photo, "never sent"),
        (accept_twice, "nobody was told of"),
        (leave_one_running, "stuck"),
        (fail_without_reason, "nobody hurt its upload"),
        (cancel_unasked, "nobody asked for that"),
    ],
)
def test_a_broken_promise_is_found(shoebox: Stack, break_it: Callable[[Stack, str], None], said: str) -> None:
    break_it(shoebox, judged(shoebox))
    assert [what for what in audit(shoebox).broken if said in what]


def test_what_was_done_on_purpose_is_no_broken_promise(shoebox: Stack) -> None:
    desk = Desk(shoebox.database)
    judged(shoebox)
    desk.cancel(canceled := desk.running(idempotency_key="k2"))
    shoebox.canceled.add(canceled)
    shoebox.ledger.write(Entry(canceled, "k2", NAMES))
    assert audit(shoebox).broken == []
