"""The sweep: one at a time, and whatever was left lying is taken up again."""

from itertools import chain

import pytest
from desk import LEASE, Desk, at_once
from sqlalchemy import update

from db.database import Database
from db.query.workers import alive
from db.schema import Beat, Worker
from db.states import JobState, Kind, ShardState
from db.store.settle import LeaseLost, Rest
from db.store.shards import Claim, extend
from db.store.sweep import Waiting, close, elect, forget_workers, lapsed_shards, recover_shard, unclosed, waiting
from db.store.workers import beat, leave


def run_for_sweeper(desk: Desk) -> bool:
    with desk.database.write() as session:
        return elect(session, 10.0)


def turn_clock(desk: Desk, seconds: float) -> None:
    with desk.database.write() as session:
        session.execute(update(Beat).values(due_at=Beat.due_at + seconds))


def test_one_sweeps_and_not_again_before_it_is_time(desk: Desk) -> None:
    assert sorted(at_once(lambda _: run_for_sweeper(desk), range(6))) == [False] * 5 + [True]
    turn_clock(desk, -9.0)
    assert not run_for_sweeper(desk)
    turn_clock(desk, -2.0)
    assert run_for_sweeper(desk)


def test_a_clock_that_jumped_does_not_stop_the_sweeps(desk: Desk) -> None:
    assert run_for_sweeper(desk)
    turn_clock(desk, 3600.0)
    assert run_for_sweeper(desk)


def test_a_lease_that_runs_is_left_alone(desk: Desk) -> None:
    desk.running()
    desk.claim()
    assert desk.recover() == []
    desk.lapse(-LEASE + 5)
    assert desk.recover() == []


def test_a_lapsed_shard_is_ready_again(desk: Desk) -> None:
    job = desk.running()
    desk.claim()
    desk.lapse()
    assert desk.recover() == ["ready"]
    assert desk.recover() == []
    (shard,) = desk.shards(job)
    assert (shard.state, shard.deaths) == (ShardState.READY, 1)
    assert desk.claim()[0].attempt == 2


def test_of_many_sweepers_one_puts_each_shard_back(desk: Desk) -> None:
    job = desk.running(photos=48, shard_items=4)
    desk.claim()
    desk.lapse()
    # What was listed before anybody began: each then finds that others were quicker.
    with desk.database.read() as session:
        lapsed = lapsed_shards(session, LEASE)

    def sweep(turn: int) -> list[str]:
        own = Database(desk.database.url.render_as_string(hide_password=False))
        done = []
        for shard, attempt, of in lapsed[turn:] + lapsed[:turn]:
            with own.write() as session:
                done.append(recover_shard(session, shard, attempt, of, LEASE))
        own.close()
        return [what for what in done if what]

    assert list(chain(*at_once(sweep, range(4)))) == ["ready"] * 12
    assert {(shard.state, shard.deaths) for shard in desk.shards(job)} == {(ShardState.READY, 1)}
    for claim in desk.claim():
        desk.settle(claim)
    assert desk.job(job).accepted == 48


def test_a_lease_further_ahead_than_a_lease_can_be_has_run_out(desk: Desk) -> None:
    desk.running()
    desk.claim()
    desk.lapse(3600.0)
    assert desk.recover() == ["ready"]


def test_a_lease_renewed_since_it_was_listed_is_left_alone(desk: Desk) -> None:
    job = desk.running()
    claims = desk.claim()
    desk.lapse()
    with desk.database.read() as session:
        ((shard, attempt, of),) = lapsed_shards(session, LEASE)
    with desk.database.write() as session:
        assert extend(session, "w1", claims, LEASE) == {shard}
    with desk.database.write() as session:
        assert recover_shard(session, shard, attempt, of, LEASE) is None
    assert desk.settle(claims[0])
    assert desk.job(job).accepted == 4


def test_two_sweepers_recover_a_shard_once(desk: Desk) -> None:
    job = desk.running()
    desk.claim()
    desk.lapse()
    done = at_once(lambda _: desk.recover(), range(4))
    assert [what for some in done for what in some if what] == ["ready"]
    assert desk.shards(job)[0].deaths == 1


def test_a_settle_and_a_recovery_at_once_agree(desk: Desk) -> None:
    for _ in range(4):
        job = desk.running()
        (claim,) = desk.claim()
        desk.lapse()

        def settle(claim: Claim = claim) -> list[str | None]:
            try:
                desk.settle(claim)
            except LeaseLost:
                return ["lost"]
            return ["settled"]

        done = [what for some in at_once(lambda work: work(), [settle, desk.recover]) for what in some if what]
        assert sorted(done) in (["settled"], ["lost", "ready"])
        for left in desk.claim():
            desk.settle(left)
        assert desk.job(job).accepted == 4


def test_a_shard_that_kills_is_split_and_its_killer_given_up(desk: Desk) -> None:
    job = desk.running(photos=3)
    for done in ("ready", "split"):
        desk.claim()
        desk.lapse()
        assert desk.recover() == [done]
    assert desk.claim() == []
    singles = desk.claim(suspects=True)
    assert [claim.entries[0][0] for claim in singles] == [0, 1, 2]
    desk.settle(singles[0])
    desk.settle(singles[2])
    for done in ("ready", "ready", "given_up"):
        desk.lapse()
        assert desk.recover() == [done]
        desk.check()
        desk.claim(suspects=True)
    found = desk.job(job)
    assert (found.state, found.accepted, found.failed) == (JobState.COMPLETED, 2, 1)
    lost = desk.items(job)[1]
    assert (lost.decision, lost.reason, lost.name) == ("failed", "worker_lost", "1.jpg")


def test_a_partly_settled_shard_is_split_into_what_is_left(desk: Desk) -> None:
    job = desk.running(photos=4)
    desk.settle(desk.claim()[0], {1: "accepted"}, Rest.READY)
    for _ in range(2):
        desk.claim()
        desk.lapse()
        desk.recover()
    assert [claim.entries[0][0] for claim in desk.claim(suspects=True)] == [0, 2, 3]
    assert desk.job(job).pending == 3


def test_the_dead_worker_of_a_canceled_job_is_not_waited_for(desk: Desk) -> None:
    job = desk.running()
    desk.claim()
    desk.cancel(job)
    desk.lapse()
    assert desk.recover() == ["canceled"]
    assert (desk.job(job).state, desk.job(job).canceled) == (JobState.CANCELED, 4)


def test_a_job_that_nobody_closed_is_closed_once(desk: Desk) -> None:
    job = desk.submit()
    with desk.database.read() as session:
        assert unclosed(session) == [job]

    def end(_: int) -> bool:
        with desk.database.write() as session:
            return close(session, job)

    assert sorted(at_once(end, range(3))) == [False, False, True]
    with desk.database.write() as session:
        assert not close(session, "nobody")
        assert unclosed(session) == []


def test_a_job_with_work_left_is_not_closed(desk: Desk) -> None:
    job = desk.running()
    with desk.database.write() as session:
        assert unclosed(session) == []
        assert not close(session, job)


def test_what_waits_is_counted(desk: Desk) -> None:
    desk.running(photos=12, shard_items=4)
    desk.submit(Kind.IMAGE)
    desk.submit(Kind.ZIP)
    desk.claim(limit=2)
    with desk.database.read() as session:
        assert waiting(session) == Waiting(unpack=1, interactive=0, bulk=2, benchmarks=0)


def test_heartbeats_are_kept_until_a_worker_leaves_or_is_forgotten(desk: Desk) -> None:
    for state in ("starting", "idle"):
        with desk.database.write() as session:
            beat(session, "w1", "classify", state, [("tiny", "1", None)], "fake")
            beat(session, "c1", "control", state, [], None)
    with desk.database.read() as session:
        assert [(w.name, w.state, w.models) for w in alive(session)] == [
            ("c1", "idle", []),
            ("w1", "idle", [["tiny", "1"]]),
        ]
        assert [w.name for w in alive(session, "classify")] == ["w1"]
    with desk.database.write() as session:
        leave(session, "c1")
        session.execute(update(Worker).values(beat_at=Worker.beat_at - 60))
    with desk.database.write() as session:
        assert alive(session) == []
        forget_workers(session)
        assert session.get(Worker, "w1") is not None
        session.execute(update(Worker).values(beat_at=Worker.beat_at - 3600))
        forget_workers(session)
        session.expunge_all()
        assert session.get(Worker, "w1") is None


@pytest.mark.parametrize("seconds", [-LEASE - 1, 3600.0])
def test_recovering_what_is_gone_does_nothing(desk: Desk, seconds: float) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    desk.lapse(seconds)
    with desk.database.write() as session:
        assert recover_shard(session, claim.shard, claim.attempt + 1, job, LEASE) is None
        assert recover_shard(session, claim.shard, claim.attempt, "nobody", LEASE) is None
