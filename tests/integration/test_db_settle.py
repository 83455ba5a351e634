"""Settling: verdicts become rows and counts in one transaction, once, and the last one closes the job."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from desk import Desk, at_once, tallied, verdict

from db.states import JobState, Kind, Outcome, ShardState
from db.store.cancel import AlreadyFinished, cancel
from db.store.settle import LeaseLost, Rest, SettleIncomplete, Settlement, settle, settle_all
from db.store.shards import Claim
from model.verdict import Decision, Reason, Score, Verdict


def test_a_verdict_becomes_a_row(desk: Desk) -> None:
    job = desk.running(photos=1)
    (claim,) = desk.claim()
    scores = {"novelty": Score(3.5, 2.0), "blank": Score(0.1)}
    said = Verdict(
        Decision.REJECTED,
        Reason.OUT_OF_DISTRIBUTION,
        "Unlike all it knows.",
        scores=scores,
        backend="fake",
        width=3,
        height=2,
        bytes=5 * 2**32,
        inference_ms=0.25,
    )
    with desk.database.write() as session:
        assert settle(session, claim, {0: said})
    (item,) = desk.items(job)
    assert (item.name, item.decision, item.reason) == ("0.jpg", "rejected", "out_of_distribution")
    assert (item.label, item.confidence, item.tags) == (None, None, [])
    assert item.scores == {
        "novelty": {"value": 3.5, "threshold": 2.0},
        "blank": {"value": 0.1, "threshold": None},
    }
    assert (item.width, item.height, item.bytes, item.inference_ms) == (3, 2, 5 * 2**32, 0.25)
    assert (item.model, item.version, item.owner, item.entry) == ("tiny", "1", "ann", claim.entries[0])


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        (["accepted", "accepted"], Outcome.ALL_ACCEPTED),
        (["accepted", "failed"], Outcome.PARTIAL),
        (["rejected", "failed"], Outcome.NONE_ACCEPTED),
    ],
)
def test_the_outcome_says_how_it_went(desk: Desk, decisions: list[str], outcome: Outcome) -> None:
    job = desk.running(photos=2)
    (claim,) = desk.claim()
    assert desk.settle(claim, dict(enumerate(decisions)))
    assert (desk.job(job).state, desk.job(job).outcome) == (JobState.COMPLETED, outcome)
    (shard,) = desk.shards(job)
    assert (shard.state, shard.entries, shard.size) == (ShardState.DONE, [], 0)


def test_of_two_last_settles_one_closes_the_job(desk: Desk) -> None:
    for _ in range(5):
        job = desk.running(photos=8, shard_items=4)
        assert sorted(at_once(desk.settle, desk.claim())) == [False, True]
        assert desk.job(job).accepted == 8


def test_a_shard_delivered_twice_counts_once(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()

    def try_to(claim: Claim) -> bool:
        try:
            return desk.settle(claim)
        except LeaseLost:
            return False

    assert sorted(at_once(try_to, [claim] * 4)) == [False, False, False, True]
    assert desk.job(job).accepted == 4


def test_a_zombie_writes_nothing(desk: Desk) -> None:
    job = desk.running()
    (zombie,) = desk.claim(worker="w1")
    desk.lapse()
    assert desk.recover() == ["ready"]
    with pytest.raises(LeaseLost):
        desk.settle(zombie)
    (heir,) = desk.claim(worker="w2")
    with pytest.raises(LeaseLost):
        desk.settle(zombie)
    assert desk.items(job) == []
    assert desk.settle(heir, "rejected")
    with pytest.raises(LeaseLost):
        desk.settle(zombie)
    assert (desk.job(job).accepted, desk.job(job).rejected) == (0, 4)


def test_a_shard_of_a_deleted_job_is_lost(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    desk.settle(claim)
    desk.delete(job)
    with pytest.raises(LeaseLost):
        desk.settle(claim)


def test_verdicts_may_not_be_forgotten(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    with pytest.raises(SettleIncomplete):
        desk.settle(claim, {0: "accepted"})
    assert desk.items(job) == []
    assert desk.settle(claim)


def test_a_worker_that_stops_settles_what_it_has(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    assert not desk.settle(claim, {2: "accepted", 0: "failed"}, Rest.READY)
    assert [item.position for item in desk.items(job)] == [0, 2]
    (rest,) = desk.claim(worker="w2")
    assert [entry[0] for entry in rest.entries] == [1, 3]
    assert (rest.shard, rest.attempt) == (claim.shard, claim.attempt + 1)
    assert desk.settle(rest)


def test_a_worker_may_hand_back_all(desk: Desk) -> None:
    desk.running()
    (claim,) = desk.claim()
    assert not desk.settle(claim, {}, Rest.READY)
    assert len(desk.claim()[0].entries) == 4


def test_a_rest_that_is_empty_is_done(desk: Desk) -> None:
    for rest in (Rest.READY, Rest.CANCELED):
        job = desk.running()
        (claim,) = desk.claim()
        assert desk.settle(claim, "accepted", rest)
        assert desk.job(job).outcome == Outcome.ALL_ACCEPTED


def test_the_rest_of_a_canceled_shard_is_counted(desk: Desk) -> None:
    job = desk.running(photos=6, shard_items=4)
    (claim,) = desk.claim(limit=1)
    desk.cancel(job)
    assert desk.settle(claim, {0: "accepted"}, Rest.CANCELED)
    found = desk.job(job)
    assert (found.state, found.outcome) == (JobState.CANCELED, Outcome.PARTIAL)
    assert (found.accepted, found.canceled, found.total) == (1, 5, 6)


def test_a_stop_during_a_cancel_hands_nothing_back(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    desk.cancel(job)
    assert desk.settle(claim, {0: "accepted"}, Rest.READY)
    assert (desk.job(job).state, desk.job(job).canceled) == (JobState.CANCELED, 3)
    assert desk.claim() == []


def test_settles_of_one_owner_share_tallies_without_deadlock(desk: Desk) -> None:
    jobs = [desk.running(photos=40, shard_items=4) for _ in range(4)]
    labels = ("sea", "forest", "lake")

    def work(claim: Claim) -> None:
        said = {entry[0]: verdict(label=labels[(entry[0] + claim.shard) % 3]) for entry in claim.entries}
        with desk.database.write() as session:
            settle(session, claim, dict(reversed(said.items())))

    at_once(work, desk.claim())
    assert {desk.job(job).state for job in jobs} == {JobState.COMPLETED}


def together(desk: Desk, claims: Iterable[Claim]) -> set[str]:
    """Settles shards in one transaction, all their photos accepted; the jobs that this closed."""
    settlements = [Settlement(claim, {entry[0]: verdict() for entry in claim.entries}) for claim in claims]
    with desk.database.write() as session:
        return settle_all(session, settlements)


def test_shards_of_several_jobs_are_settled_together(desk: Desk) -> None:
    halved = desk.running(photos=6, shard_items=3)
    whole = [desk.submit(Kind.IMAGE, owner=owner) for owner in ("ann", "bob")]
    *claims, left = sorted(desk.claim(), key=lambda claim: (claim.job == halved, claim.shard))
    assert together(desk, reversed(claims)) == set(whole)
    assert [desk.job(job).accepted for job in (halved, *whole)] == [3, 1, 1]
    assert desk.job(halved).state == JobState.RUNNING
    assert together(desk, [left]) == {halved}
    with desk.database.read() as session:
        assert sorted(tallied(session).items()) == [
            (("ann", "accepted", "", "sea"), 7),
            (("bob", "accepted", "", "sea"), 1),
        ]


def test_of_shards_settled_together_none_is_written_when_one_is_lost(desk: Desk) -> None:
    jobs = [desk.submit(Kind.IMAGE) for _ in range(3)]
    claims = desk.claim()
    desk.settle(claims[1])
    for others in (claims, claims[::-1]):
        with pytest.raises(LeaseLost):
            together(desk, others)
    assert sorted(desk.job(job).accepted for job in jobs) == [0, 0, 1]
    assert len(together(desk, [claims[0], claims[2]])) == 2


def test_groups_that_share_jobs_and_tallies_do_not_deadlock(desk: Desk) -> None:
    jobs = [desk.running(photos=8, shard_items=1, owner=owner) for owner in ("ann", "bob", "cas", "ann")]
    by_job: dict[str, list[Claim]] = {job: [] for job in jobs}
    for claim in desk.claim():
        by_job[claim.job].append(claim)
    groups = [[by_job[job][n] for job in (jobs if n % 2 else reversed(jobs))] for n in range(8)]
    closed = at_once(partial(together, desk), groups)
    assert sorted(job for found in closed for job in found) == sorted(jobs)


def test_a_settle_that_is_rolled_back_leaves_the_lease(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    with pytest.raises(RuntimeError), desk.database.write() as session:
        settle(session, claim, {entry[0]: verdict() for entry in claim.entries})
        raise RuntimeError
    assert desk.job(job).pending == 4
    assert desk.settle(claim)


def test_a_settle_waits_for_a_cancel_and_obeys_it(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    with ThreadPoolExecutor(1) as thread:
        with desk.database.write() as session:
            cancel(session, desk.locked(session, job))
            later = thread.submit(desk.settle, claim, {1: "accepted"}, Rest.READY)
            time.sleep(0.1)
            assert not later.done()
        assert later.result(timeout=20)
    assert (desk.job(job).state, desk.job(job).canceled) == (JobState.CANCELED, 3)


def test_a_cancel_waits_for_the_last_settle_and_comes_too_late(desk: Desk) -> None:
    job = desk.running()
    (claim,) = desk.claim()
    with ThreadPoolExecutor(1) as thread:
        with desk.database.write() as session:
            settle(session, claim, {entry[0]: verdict() for entry in claim.entries})
            later = thread.submit(desk.cancel, job)
            time.sleep(0.1)
            assert not later.done()
        with pytest.raises(AlreadyFinished):
            later.result(timeout=20)
    assert desk.job(job).state == JobState.COMPLETED
