"""Unpacking: leased, fenced and settled in one transaction, like a shard."""

import pytest
from desk import Desk, at_once

from db.database import Database
from db.query import jobs as queries
from db.states import JobState, Kind, Outcome, ShardState
from db.store.settle import LeaseLost
from db.store.sweep import recover_unpacking
from db.store.unpack import UnpackClaim, Unpacked, extend_unpack, fail_unpack, hand_back_unpack, settle_unpack
from model.verdict import Decision, Reason, Verdict


def recover(database: Database) -> list[tuple[str, str]]:
    with database.write() as session:
        return recover_unpacking(session, 30.0)


def test_jobs_are_unpacked_in_order_and_once(desk: Desk) -> None:
    first, second = desk.submit(Kind.ZIP), desk.submit(Kind.ZIP, owner="bob")
    assert {desk.claim_unpack().job, desk.claim_unpack().job} == {first, second}
    assert desk.next_unpack() is None
    assert desk.job(first).state == JobState.UNPACKING


def test_no_job_is_unpacked_twice_at_once(desk: Desk) -> None:
    jobs = {desk.submit(Kind.ZIP) for _ in range(6)}
    claims = [claim for claim in at_once(lambda n: desk.next_unpack(f"c{n}"), range(8)) if claim]
    assert sorted(claim.job for claim in claims) == sorted(jobs)


def test_photos_become_shards_and_refusals_items(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP, Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=40, refused=2)
    found = desk.job(job)
    assert (found.state, found.total, found.pending, found.rejected) == (JobState.RUNNING, 84, 80, 4)
    assert [shard.size for shard in desk.shards(job)] == [32, 8, 32, 8]
    assert len({shard.source_id for shard in desk.shards(job)}) == 2
    assert [item.position for item in desk.items(job)] == [40, 41, 82, 83]
    assert {item.reason for item in desk.items(job)} == {"unsafe_entry"}


def test_a_job_without_photos_is_completed_at_once(desk: Desk) -> None:
    empty, unsafe = desk.submit(Kind.ZIP), desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0)
    desk.unpack(desk.claim_unpack(), photos=0, refused=3)
    assert (desk.job(empty).state, desk.job(empty).outcome) == (JobState.COMPLETED, Outcome.EMPTY)
    assert (desk.job(unsafe).state, desk.job(unsafe).outcome) == (JobState.COMPLETED, Outcome.NONE_ACCEPTED)


def test_one_bad_source_among_two_does_not_end_the_job(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP, Kind.ZIP)
    claim = desk.claim_unpack()
    good, bad = claim.sources
    results = [
        Unpacked(good.ordinal, good.source, entries=[[0, "a.jpg"]], skipped=3),
        Unpacked(bad.ordinal, bad.source, error="unsafe_archive", message="Its entries overlap."),
    ]
    with desk.database.write() as session:
        settle_unpack(session, claim, results, 32)
    assert (desk.job(job).state, desk.job(job).total, desk.job(job).skipped) == (JobState.RUNNING, 1, 3)
    with desk.database.read() as session:
        views = queries.sources(session, [job])[job]
    assert [(view.state, view.error) for view in views] == [("unpacked", None), ("failed", "unsafe_archive")]


def test_a_job_whose_sources_all_fail_has_failed(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    result = Unpacked(0, claim.sources[0].source, error="unsafe_archive", message="Its entries overlap.")
    with desk.database.write() as session:
        settle_unpack(session, claim, [result], 32)
    found = desk.job(job)
    assert (found.state, found.error, found.message) == (JobState.FAILED, "unsafe_archive", "Its entries overlap.")


def test_who_lost_the_lease_writes_nothing(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    zombie = desk.claim_unpack()
    desk.lapse()
    assert recover(desk.database) == [(job, JobState.QUEUED)]
    for waiting_again in (True, False):
        with pytest.raises(LeaseLost):
            desk.unpack(zombie)
        if waiting_again:
            successor = desk.claim_unpack("c2")
    desk.unpack(successor)
    with pytest.raises(LeaseLost):
        desk.unpack(zombie)
    assert desk.job(job).total == 4


def test_of_two_settlements_at_once_one_counts(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()

    def settle(_: int) -> bool:
        try:
            desk.unpack(claim)
        except LeaseLost:
            return False
        return True

    assert sorted(at_once(settle, range(2))) == [False, True]
    assert desk.job(job).total == 4


def test_a_lease_is_renewed_until_it_is_lost(desk: Desk) -> None:
    desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    desk.lapse()
    with desk.database.write() as session:
        assert extend_unpack(session, claim, 30.0)
    assert recover(desk.database) == []
    desk.cancel(claim.job)
    with desk.database.write() as session:
        assert not extend_unpack(session, claim, 30.0)


def test_a_worker_that_stops_hands_back_without_a_mark(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    with desk.database.write() as session:
        hand_back_unpack(session, claim)
    assert (desk.job(job).state, desk.job(job).deaths) == (JobState.QUEUED, 0)
    assert desk.claim_unpack().attempt == 2


def test_a_fault_of_all_sources_fails_the_job(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    with desk.database.write() as session:
        fail_unpack(session, claim, "blob_missing", "The upload is gone.")
    assert (desk.job(job).state, desk.job(job).error) == (JobState.FAILED, "blob_missing")


def test_a_job_that_kills_three_workers_is_given_up(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    for state in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        desk.claim_unpack()
        desk.lapse()
        assert recover(desk.database) == [(job, state)]
    assert desk.job(job).error == "worker_lost"
    assert desk.next_unpack() is None


def test_a_lease_further_ahead_than_a_lease_can_be_has_run_out(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    desk.claim_unpack()
    desk.lapse(3600.0)
    assert recover(desk.database) == [(job, JobState.QUEUED)]


def test_cancel_fences_out_the_unpacker(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    desk.cancel(job)
    with pytest.raises(LeaseLost):
        desk.unpack(claim)
    assert (desk.job(job).state, desk.job(job).total) == (JobState.CANCELED, None)
    assert desk.shards(job) == []


def test_nothing_found_at_all_is_a_failure(desk: Desk) -> None:
    desk.submit(Kind.ZIP)
    claim = desk.claim_unpack()
    with desk.database.write() as session:
        settle_unpack(session, claim, [], 32)
    assert desk.job(claim.job).error == "no_source"


def test_sources_refused_for_many_reasons_do_not_deadlock(desk: Desk) -> None:
    """Tallies are locked in one order, however the sources of two jobs are ordered."""
    reasons = [Reason.UNSAFE_ENTRY, Reason.ENCRYPTED_ENTRY]
    for _ in range(5):
        desk.submit(*[Kind.ZIP] * 12)
        desk.submit(*[Kind.ZIP] * 12)
        claims = [desk.claim_unpack(), desk.claim_unpack()]

        def settle(turn: int, claims: list[UnpackClaim] = claims) -> None:
            results = []
            for source in claims[turn].sources:
                reason = reasons[(source.ordinal + turn) % 2]
                refused = [([source.ordinal, "x"], Verdict(Decision.REJECTED, reason, "No."))]
                results.append(Unpacked(source.ordinal, source.source, refused=refused))
            with desk.database.write() as session:
                settle_unpack(session, claims[turn], results, 32)

        at_once(settle, [0, 1])
    assert desk.next_unpack() is None
    assert {shard.state for claim in claims for shard in desk.shards(claim.job)} <= {ShardState.READY}


def test_more_refused_entries_than_fit_one_statement_are_all_written_and_counted(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    desk.unpack(desk.claim_unpack(), photos=0, refused=2500)
    assert desk.job(job).rejected == desk.job(job).total == 2500
    assert [item.position for item in desk.items(job)] == list(range(2500))
