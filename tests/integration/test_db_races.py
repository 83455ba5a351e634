"""Races on PostgreSQL: real connections that start together, round after round, and one outcome however they end.

And on both databases what somebody sees who reads while others write.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from desk import LEASE, Desk, at_once
from sqlalchemy import event

from api.waiting import verdict_of
from api.wakeups import WakeUps
from db.database import Database
from db.query import jobs
from db.query.items import items_of_job
from db.states import JobState, Kind
from db.store.cancel import AlreadyFinished
from db.store.settle import LeaseLost, Rest
from db.store.shards import Claim, extend
from db.store.sweep import lapsed_shards, recover_shard, recover_unpacking

ROUNDS = 30
Act = Callable[[], Any]


@pytest.fixture
def racers(postgres_database: Database) -> Iterator[Desk]:
    """A desk on PostgreSQL; what the rounds leave behind must hold together."""
    at = Desk(postgres_database)
    yield at
    at.check()


def race(*acts: Act) -> list[Any]:
    """Lets each act begin at the same moment in a thread, and so on a connection, of its own; what they returned.

    An act that was refused returned the name of its exception.
    """
    gate = threading.Barrier(len(acts))

    def run(act: Act) -> Any:
        gate.wait(20)
        try:
            return act()
        except (LeaseLost, AlreadyFinished) as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def test_of_two_last_settles_one_closes_the_job(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.running(photos=8, shard_items=4)
        first, second = racers.claim()
        assert sorted(race(partial(racers.settle, first), partial(racers.settle, second, "rejected"))) == [False, True]
        found = racers.job(job)
        assert (found.state, found.accepted, found.rejected, found.pending) == (JobState.COMPLETED, 4, 4, 0)
        racers.check()


def test_cancel_against_the_last_settle(racers: Desk) -> None:
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        job = racers.running()
        (claim,) = racers.claim()
        closed, told = race(partial(racers.settle, claim), partial(racers.cancel, job))
        found = racers.job(job)
        # Whoever comes first, what was judged is kept, and the settlement closes the job.
        assert (closed, found.accepted, found.canceled) == (True, 4, 0)
        assert found.state == (JobState.COMPLETED if told == "AlreadyFinished" else JobState.CANCELED)
        seen[found.state] += 1
        racers.check()
    assert seen.total() == ROUNDS


def test_cancel_against_a_settle_in_part(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.running(photos=8, shard_items=4)
        first, second = racers.claim()
        race(
            partial(racers.cancel, job),
            partial(racers.settle, first, {0: "accepted"}, Rest.READY),
            partial(racers.settle, second, {5: "failed"}, Rest.READY),
        )
        racers.check()
        for left in racers.claim():
            racers.settle(left)
        found = racers.job(job)
        # A shard that was handed back before the cancel was dropped by it, one that came after it dropped its rest.
        assert (found.state, found.accepted, found.failed, found.canceled) == (JobState.CANCELED, 1, 1, 6)


def test_a_zombie_settles_while_its_shard_is_claimed_again(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.running()
        (zombie,) = racers.claim(worker="frozen")
        racers.lapse()
        assert racers.recover() == ["ready"]
        said, claims = race(partial(racers.settle, zombie, "rejected"), partial(racers.claim, worker="heir"))
        assert said == "LeaseLost"
        (heir,) = claims
        said, closed = race(partial(racers.settle, zombie, "rejected"), partial(racers.settle, heir))
        assert (said, closed) == ("LeaseLost", True)
        assert (racers.job(job).accepted, racers.job(job).rejected) == (4, 0)


def test_a_zombie_settles_while_the_sweep_puts_its_shard_back(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.running()
        (zombie,) = racers.claim()
        racers.lapse()
        said, put_back = race(partial(racers.settle, zombie), racers.recover)
        assert (said, put_back) in [("LeaseLost", ["ready"]), (True, []), (True, [None])]
        for heir in racers.claim():
            racers.settle(heir)
        assert racers.job(job).accepted == 4


def test_a_renewal_against_the_sweep(racers: Desk) -> None:
    for _ in range(ROUNDS):
        racers.running()
        (claim,) = racers.claim()
        racers.lapse()

        def renew(claim: Claim = claim) -> bool:
            with racers.database.write() as session:
                return bool(extend(session, "w1", [claim], LEASE))

        kept, put_back = race(renew, racers.recover)
        assert (kept, put_back) in [(True, []), (True, [None]), (False, ["ready"])]
        if kept:
            assert racers.settle(claim)
        for heir in racers.claim():
            racers.settle(heir)


def test_two_unpackings_settle(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.submit(Kind.ZIP)
        zombie = racers.claim_unpack("frozen")
        racers.lapse()
        with racers.database.write() as session:
            recover_unpacking(session, LEASE)
        heir = racers.claim_unpack("heir")
        said = race(
            partial(racers.unpack, zombie, photos=9),
            partial(racers.unpack, heir, photos=3),
            partial(racers.unpack, heir, photos=3),
        )
        assert said[0] == "LeaseLost"
        assert sorted(map(str, said[1:])) == ["LeaseLost", "None"]
        assert racers.job(job).total == 3
        for claim in racers.claim():
            racers.settle(claim)


def test_cancel_against_an_unpacking(racers: Desk) -> None:
    for _ in range(ROUNDS):
        job = racers.submit(Kind.ZIP)
        claim = racers.claim_unpack()
        unpacked, _ = race(partial(racers.unpack, claim, photos=6), partial(racers.cancel, job))
        found = racers.job(job)
        assert found.state == JobState.CANCELED
        assert (found.total, found.canceled) == ((None, 0) if unpacked == "LeaseLost" else (6, 6))
        assert racers.claim() == []


def test_sweepers_recover_together(racers: Desk) -> None:
    for _ in range(ROUNDS // 3):
        job = racers.running(photos=32, shard_items=4)
        racers.claim()
        racers.lapse()
        with racers.database.read() as session:
            lapsed = lapsed_shards(session, LEASE)

        def sweep(order: int, lapsed: list[tuple[int, int, str]] = lapsed) -> list[str]:
            done = []
            for shard, attempt, of in lapsed[::order]:
                with racers.database.write() as session:
                    done.append(recover_shard(session, shard, attempt, of, LEASE))
            return [what for what in done if what]

        forth, back = race(partial(sweep, 1), partial(sweep, -1))
        assert sorted(forth + back) == ["ready"] * 8
        assert {shard.deaths for shard in racers.shards(job)} == {1}
        for claim in racers.claim():
            racers.settle(claim)


def test_sweepers_recover_unpackings_together(racers: Desk) -> None:
    def sweep(_: int) -> list[tuple[str, str]]:
        with racers.database.write() as session:
            return recover_unpacking(session, LEASE)

    for _ in range(ROUNDS // 3):
        jobs = [racers.submit(Kind.ZIP) for _ in range(6)]
        for _ in jobs:
            racers.claim_unpack()
        racers.lapse()
        done = [job for some in at_once(sweep, range(4)) for job, _ in some]
        assert sorted(done) == sorted(jobs)
        assert {racers.job(job).deaths for job in jobs} == {1}
        for _ in jobs:
            racers.unpack(racers.claim_unpack(), photos=0)


def test_everything_at_once_on_one_job(racers: Desk) -> None:
    """Two workers, a sweeper, a cancel and a zombie; afterwards one worker brings the job to its end."""
    for turn in range(ROUNDS):
        job = racers.running(photos=12, shard_items=3)
        zombie, _ = racers.claim(limit=2, worker="frozen")
        racers.lapse()

        def work() -> int:
            judged = 0
            while claims := racers.claim(limit=1):
                judged += len(claims)
                racers.settle(claims[0])
            return judged

        acts: list[Act] = [work, work, racers.recover, partial(racers.settle, zombie)]
        race(*acts, *([partial(racers.cancel, job)] if turn % 2 else []))
        racers.recover()
        for suspects in (False, True):
            for claim in racers.claim(suspects=suspects):
                racers.settle(claim)
        found = racers.job(job)
        assert JobState(found.state).finished
        assert found.accepted + found.canceled == 12
        assert len(racers.items(job)) == found.accepted
        racers.check()


def test_who_waits_never_finds_a_job_that_ended_without_its_verdict(desk: Desk) -> None:
    job = desk.submit(Kind.IMAGE)
    waiting = desk.claim()

    def settle_between(_: Any, __: Any, statement: str, *rest: Any) -> None:
        if "FROM items" in statement and waiting:
            desk.settle(waiting.pop())

    event.listen(desk.database.engine, "after_cursor_execute", settle_between)
    found = asyncio.run(verdict_of(desk.database, WakeUps("redis://nobody"), "ann", job, 20))
    event.remove(desk.database.engine, "after_cursor_execute", settle_between)
    assert not waiting
    assert found is not None and found.decision == "accepted"


def test_what_reads_sees_one_moment(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    with desk.database.read() as session:
        before = jobs.job(session, "ann", job)
        desk.settle(claim)
        assert items_of_job(session, job, 10) == [] and before is not None and before.accepted == 0
    with desk.database.read() as session:
        assert len(items_of_job(session, job, 10)) == 4
