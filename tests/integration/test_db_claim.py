"""Claiming: never a shard twice, in lane and fair order, only what the worker can judge."""

import itertools

import pytest
from desk import ABLE, LEASE, MODEL, Desk, at_once
from sqlalchemy import update

from db.query.work import asked_for, interactive_waits, next_ability, params, places
from db.schema import Shard
from db.states import JobState, Kind, Lane, ShardState
from db.store.settle import LeaseLost, Rest
from db.store.shards import Claim, canceling, extend


def order(desk: Desk, limit: int = 1) -> list[str]:
    """The jobs of all ready shards, in the order in which one worker gets and finishes them."""
    jobs = []
    while claims := desk.claim(limit):
        for claim in claims:
            jobs.append(claim.job)
            desk.settle(claim)
    return jobs


def test_a_claim_is_a_lease(desk: Desk) -> None:
    job = desk.running(photos=2)
    (claim,) = desk.claim(worker="w7")
    assert (claim.job, claim.attempt, claim.lane, claim.suspect) == (job, 1, Lane.BULK, False)
    assert (claim.model, claim.version) == MODEL
    assert claim.entries == [[0, "0.jpg", 0, 7, 7, 0, 0], [1, "1.jpg", 100, 7, 7, 0, 1]]
    (shard,) = desk.shards(job)
    assert (shard.state, shard.worker) == (ShardState.LEASED, "w7")
    assert desk.claim() == []


def test_a_claim_takes_no_more_than_asked(desk: Desk) -> None:
    desk.running(photos=10, shard_items=2)
    assert len(desk.claim(limit=3)) == 3
    assert len(desk.claim(limit=3)) == 2
    assert desk.claim(limit=3) == []


def test_only_what_the_worker_can_judge_is_claimed(desk: Desk) -> None:
    old = desk.running(model=("tiny", "0"))
    new = desk.running(model=("tiny", "1"))
    assert desk.claim(abilities=[]) == []
    assert desk.claim(abilities=[("other", "1", None)]) == []
    assert [claim.job for claim in desk.claim(abilities=[("tiny", "1", None), ("other", "0", None)])] == [new]
    assert [claim.job for claim in desk.claim(abilities=[("tiny", "0", None)])] == [old]


def test_only_the_backend_that_a_job_asks_for_judges_it(desk: Desk) -> None:
    any_ = desk.running(params={"backend": None})
    torch = desk.running(params={"backend": "torch"})
    assert [shard.backend for shard in desk.shards(torch)] == ["torch"]
    assert desk.claim(abilities=[("tiny", "1", "openvino"), ("tiny", "2", "torch"), ("other", "1", "torch")]) == []
    assert [claim.job for claim in desk.claim(abilities=[("tiny", "1", "openvino"), ABLE])] == [any_]
    with desk.database.read() as session:
        assert next_ability(session, [ABLE, ("tiny", "1", "torch")]) == ("tiny", "1", "torch")
        assert asked_for(session) == {("tiny", "1", "torch")}
    assert [claim.job for claim in desk.claim(abilities=[ABLE, ("tiny", "1", "torch")])] == [torch]


def test_the_interactive_lane_goes_first(desk: Desk) -> None:
    bulk = desk.running(photos=64)
    with desk.database.glance() as connection:
        assert not interactive_waits(connection, [ABLE])
    single = desk.submit(Kind.IMAGE, owner="bob")
    with desk.database.glance() as connection:
        assert interactive_waits(connection, [ABLE])
    with desk.database.glance() as connection:
        assert not interactive_waits(connection, [("other", "1", None)])
    assert desk.claim(limit=1, lane=Lane.INTERACTIVE)[0].job == single
    assert desk.claim(lane=Lane.INTERACTIVE) == []
    assert {claim.job for claim in desk.claim()} == {bulk}


def test_suspects_are_claimed_only_when_asked_for(desk: Desk) -> None:
    job = desk.running(photos=8, shard_items=4)
    with desk.database.write() as session:
        session.execute(update(Shard).where(Shard.id == desk.shards(job)[0].id).values(suspect=True))
    assert [claim.suspect for claim in desk.claim()] == [False]
    assert [claim.suspect for claim in desk.claim(suspects=True)] == [True]


def test_no_shard_is_handed_out_twice(desk: Desk) -> None:
    jobs = [desk.running(photos=60, shard_items=4, owner=owner) for owner in ("ann", "bob")]

    def work(number: int) -> list[Claim]:
        return list(itertools.chain.from_iterable(iter(lambda: desk.claim(limit=2, worker=f"w{number}"), [])))

    claims = list(itertools.chain.from_iterable(at_once(work, range(8))))
    assert sorted(claim.shard for claim in claims) == sorted(shard.id for job in jobs for shard in desk.shards(job))
    assert {claim.attempt for claim in claims} == {1}


def test_workers_at_once_judge_every_photo_once(desk: Desk) -> None:
    job = desk.running(photos=120, shard_items=5)

    def work(number: int) -> int:
        closed = 0
        while claims := desk.claim(limit=2, worker=f"w{number}"):
            closed += sum(desk.settle(claim) for claim in claims)
        return closed

    assert sum(at_once(work, range(8))) == 1
    assert [item.position for item in desk.items(job)] == list(range(120))
    assert desk.job(job).state == JobState.COMPLETED


def test_a_small_job_does_not_wait_behind_a_huge_one(desk: Desk) -> None:
    huge = desk.running(photos=5000)
    running = desk.claim(limit=2)
    for claim in running:
        desk.settle(claim)
    running = desk.claim(limit=2)
    small = desk.running(photos=50, owner="bob")
    assert {claim.job for claim in running} == {huge}
    assert [claim.job for claim in desk.claim(limit=2)] == [small, small]


def test_jobs_of_one_size_take_turns(desk: Desk) -> None:
    ann, bob = desk.running(photos=96, owner="ann"), desk.running(photos=96, owner="bob")
    assert order(desk) == [ann, bob] * 3


def test_an_owner_of_many_jobs_gets_no_more_than_another(desk: Desk) -> None:
    for _ in range(6):
        desk.running(photos=320, owner="ann")
    alone = desk.running(photos=320, owner="bob")
    first = order(desk)[:20]
    # An owner's n-th job weighs n: ann's six have 1 + 1/2 + ... + 1/6 = 2.45 shares beside bob's one.
    assert first.count(alone) >= 5


def test_a_shard_that_nobody_can_judge_does_not_hold_the_order_back(desk: Desk) -> None:
    desk.running(photos=4, model=("gone", "1"), owner="eve")
    early = desk.running(photos=320)
    for claim in desk.claim(limit=8):
        desk.settle(claim)
    (running,) = desk.claim(limit=1)
    late = desk.running(photos=320, owner="bob")
    desk.settle(running)
    assert [claim.job for claim in desk.claim(limit=4)] == [late, early, late, late]


def test_leases_are_renewed_only_by_their_holder(desk: Desk) -> None:
    desk.running(photos=8, shard_items=4)
    mine, yours = desk.claim(limit=1, worker="w1"), desk.claim(limit=1, worker="w2")
    with desk.database.write() as session:
        assert extend(session, "w1", mine + yours, LEASE) == {mine[0].shard}
        assert extend(session, "w1", [], LEASE) == set()


def test_a_settled_or_taken_shard_is_not_renewed(desk: Desk) -> None:
    desk.running(photos=8, shard_items=4)
    settled, taken = desk.claim()
    desk.settle(settled)
    desk.lapse()
    desk.recover()
    (again,) = desk.claim(worker="w1")
    with desk.database.write() as session:
        assert extend(session, "w1", [settled, taken], LEASE) == set()
        assert extend(session, "w1", [again], LEASE) == {again.shard}


def test_a_shard_handed_back_is_unmarked(desk: Desk) -> None:
    desk.running()
    (claim,) = desk.claim()
    assert not desk.settle(claim, {}, Rest.READY)
    with pytest.raises(LeaseLost):
        desk.settle(claim)
    (again,) = desk.claim()
    assert again.attempt == 2
    assert not desk.settle(again, {0: "accepted"}, Rest.READY)
    assert [shard.deaths for shard in desk.shards(again.job)] == [0]


def test_a_worker_hears_of_cancels(desk: Desk) -> None:
    canceled, other = desk.running(), desk.running()
    desk.claim()
    desk.cancel(canceled)
    with desk.database.read() as session:
        assert canceling(session, [canceled, other]) == {canceled}
        assert canceling(session, []) == set()


def test_a_worker_is_told_what_it_needs(desk: Desk) -> None:
    job = desk.running(params={"top_k": 5})
    with desk.database.read() as session:
        assert next_ability(session, [("tiny", "1", None), ("other", "1", None)]) == ABLE
        assert next_ability(session, [("other", "1", None)]) is None
        assert next_ability(session, []) is None
        assert params(session, [job]) == {job: {"top_k": 5}}
        (claim,) = desk.claim()
        assert places(session, [claim.source])[claim.source].bytes == 10
