"""Any story of submitting, working, dying, canceling and sweeping leaves rows that hold together, and has an end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from desk import LEASE, MODEL, Desk, clear
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from db.database import Database
from db.schema import Item, Job, Shard, Webhook
from db.states import JobState, Kind, ShardState
from db.store.broken import fail_job
from db.store.cancel import AlreadyFinished, StillRunning
from db.store.retry import NothingToRetry, retry
from db.store.settle import LeaseLost, Rest, SettleIncomplete
from db.store.shards import Claim, extend
from db.store.sweep import close, recover_unpacking, unclosed
from db.store.unpack import UnpackClaim, extend_unpack, hand_back_unpack
from model.verdict import Decision

DECISIONS = some.sampled_from(list(Decision))
OWNERS = some.sampled_from("ab")
WORKERS = some.sampled_from(["w1", "w2"])
FINISHED = [state for state in JobState if state.finished]
COUNTS = ("total", "pending", "accepted", "rejected", "failed", "canceled", "skipped")
ENDED = ("state", "outcome", "error", "finished_at", *COUNTS)
Ended = tuple[object, ...]


class Story(RuleBasedStateMachine):
    """Callers, workers and the sweep, each doing one thing at a time in any order, over an empty database."""

    jobs: Bundle[str] = Bundle("jobs")
    unpackings: Bundle[UnpackClaim] = Bundle("unpackings")
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.desk = Desk(database)
        self.written: dict[tuple[str, int], str] = {}
        self.ended: dict[str, Ended] = {}
        self.attempts: dict[object, int] = {}

    @initialize(target=claims, photos=some.integers(1, 6), owner=OWNERS)
    def begin(self, photos: int, owner: str) -> MultipleResults[Claim]:
        """A job with a part of its shards in two workers' hands, so that there is something to go wrong."""
        self.desk.running(photos, 2, owner=owner, webhook_url="https://example.org/hook")
        return multiple(*self.desk.claim(1, "w1"), *self.desk.claim(1, "w2"))

    @initialize(target=unpackings)
    def begin_unpacking(self) -> UnpackClaim:
        self.desk.submit(Kind.ZIP)
        return self.desk.claim_unpack("w1")

    @rule(
        target=jobs,
        kinds=some.lists(some.sampled_from(Kind), min_size=1, max_size=3),
        owner=OWNERS,
        tell=some.booleans(),
    )
    def submit(self, kinds: list[Kind], owner: str, tell: bool) -> str:
        return self.desk.submit(*kinds, owner=owner, webhook_url="https://example.org/hook" if tell else None)

    @rule(target=unpackings, worker=WORKERS)
    def start_unpacking(self, worker: str) -> UnpackClaim | MultipleResults[UnpackClaim]:
        return self.desk.next_unpack(worker) or multiple()

    @rule(claim=unpackings, photos=some.integers(0, 5), refused=some.integers(0, 2), shard_items=some.integers(1, 4))
    def settle_unpacking(self, claim: UnpackClaim, photos: int, refused: int, shard_items: int) -> None:
        with self.fenced(self.opens(claim)):
            self.desk.unpack(claim, photos, refused, shard_items)

    @rule(claim=unpackings)
    def hand_back_unpacking(self, claim: UnpackClaim) -> None:
        with self.fenced(self.opens(claim)), self.desk.database.write() as session:
            hand_back_unpack(session, claim)

    @rule(claim=unpackings)
    def renew_unpacking(self, claim: UnpackClaim) -> None:
        holds = self.opens(claim)
        with self.desk.database.write() as session:
            assert extend_unpack(session, claim, LEASE) == holds

    @rule(target=claims, worker=WORKERS, limit=some.integers(1, 4), suspects=some.booleans())
    def claim(self, worker: str, limit: int, suspects: bool) -> MultipleResults[Claim]:
        return multiple(*self.desk.claim(limit, worker, suspects=suspects))

    @rule(claim=claims, told=some.lists(DECISIONS, min_size=5, max_size=5))
    def settle(self, claim: Claim, told: list[Decision]) -> None:
        with self.fenced(self.holds(claim)):
            closed = self.desk.settle(claim, {entry[0]: told[i % 5] for i, entry in enumerate(claim.entries)})
            assert closed == (self.desk.job(claim.job).state in FINISHED)

    @rule(claim=claims, done=some.integers(0, 3), told=DECISIONS, rest=some.sampled_from(Rest))
    def settle_in_part(self, claim: Claim, done: int, told: Decision, rest: Rest) -> None:
        if rest is Rest.CANCELED and self.desk.state(claim.job) != JobState.CANCELING:
            rest = Rest.READY  # workers cancel only what is being canceled
        with suppress(SettleIncomplete), self.fenced(self.holds(claim)):
            self.desk.settle(claim, {entry[0]: told for entry in claim.entries[:done]}, rest)

    @rule(claim=claims, worker=WORKERS)
    def renew(self, claim: Claim, worker: str) -> None:
        holds = self.holds(claim, worker)
        with self.desk.database.write() as session:
            assert extend(session, worker, [claim], LEASE) == ({claim.shard} if holds else set())

    @precondition(lambda self: self.leases())
    @rule(seconds=some.sampled_from([-LEASE - 1, 3600.0]))
    def let_leases_run_out(self, seconds: float) -> None:
        self.desk.lapse(seconds)

    @precondition(lambda self: self.leases())
    @rule(worker=WORKERS, swept=some.booleans())
    def kill(self, worker: str, swept: bool) -> None:
        """Only its leases will run out. Its claims may still be settled: then it was not dead, but frozen."""
        with self.desk.database.write() as session:
            for table in (Shard, Job):
                mine = update(table).where(table.worker == worker)
                session.execute(mine.values(lease_until=table.lease_until - LEASE - 1))
        if swept:
            self.sweep()

    @precondition(lambda self: self.leases())
    @rule()
    def sweep(self) -> None:
        self.desk.recover()
        with self.desk.database.write() as session:
            recover_unpacking(session, LEASE)
        with self.desk.database.read() as session:
            late = unclosed(session)
        for job in late:
            with self.desk.database.write() as session:
                assert close(session, job)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        with suppress(AlreadyFinished):
            if self.desk.state(job) is not None:
                self.desk.cancel(job)

    @rule(job=jobs)
    def lose_the_upload(self, job: str) -> None:
        with self.desk.database.write() as session:
            fail_job(session, job, "blob_missing", "The upload is gone.")

    @rule(target=jobs, job=jobs, decision=DECISIONS)
    def retry(self, job: str, decision: Decision) -> str | MultipleResults[str]:
        state = self.desk.state(job)
        if state is None or not state.finished:
            return multiple()
        try:
            with self.desk.database.write() as session:
                return retry(session, self.desk.locked(session, job), [decision], MODEL, None, 2).id
        except NothingToRetry:
            return multiple()

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        try:
            self.desk.delete(job)
        except StillRunning:
            return
        self.written = {key: decision for key, decision in self.written.items() if key[0] != job}
        self.ended.pop(job, None)

    def leases(self) -> bool:
        """Whether anything is leased."""
        with self.desk.database.read() as session:
            return any(
                session.scalar(select(table.id).where(table.lease_until.is_not(None)).limit(1))
                for table in (Shard, Job)
            )

    def holds(self, claim: Claim, worker: str | None = None) -> bool:
        """Whether the claim is the latest of its shard, and the shard still leased (to that worker)."""
        with self.desk.database.read() as session:
            shard = session.get(Shard, claim.shard)
        if shard is None or (shard.job_id, shard.state) != (claim.job, ShardState.LEASED):
            return False
        return shard.attempt == claim.attempt and worker in (None, shard.worker)

    def opens(self, claim: UnpackClaim) -> bool:
        """The same of an unpacking."""
        with self.desk.database.read() as session:
            job = session.get(Job, claim.job)
        return job is not None and (job.state, job.attempt) == (JobState.UNPACKING, claim.attempt)

    @contextmanager
    def fenced(self, holds: bool) -> Iterator[None]:
        """What is done inside must be refused exactly when the lease is lost."""
        try:
            yield
        except LeaseLost:
            assert not holds, "the holder was refused"
        else:
            assert holds, "a zombie wrote"

    @invariant()
    def the_rows_hold_together(self) -> None:
        self.desk.check()

    @invariant()
    def what_was_decided_stays(self) -> None:
        with self.desk.database.read() as session:
            rows = session.execute(select(Item.job_id, Item.position, Item.decision))
            found = {(row.job_id, row.position): row.decision for row in rows}
        assert found.items() >= self.written.items()
        self.written = found

    @invariant()
    def a_job_ends_once_and_says_so_once(self) -> None:
        with self.desk.database.read() as session:
            jobs = session.scalars(select(Job).where(Job.state.in_(FINISHED))).all()
            asked = set(session.scalars(select(Job.id).where(Job.webhook_url.is_not(None))))
            told = Counter(session.scalars(select(Webhook.job_id)))
        ended = {job.id: tuple(getattr(job, name) for name in ENDED) for job in jobs}
        assert ended.items() >= self.ended.items()
        assert told == Counter(ended.keys() & asked)
        self.ended = ended

    @invariant()
    def fences_only_rise(self) -> None:
        with self.desk.database.read() as session:
            jobs = session.execute(select(Job.id, Job.attempt)).all()
            shards = session.execute(select(Shard.job_id, Shard.id, Shard.attempt)).all()
        now: dict[object, int] = {row.id: row.attempt for row in jobs}
        now |= {(row.job_id, row.id): row.attempt for row in shards}
        assert all(now[key] >= attempt for key, attempt in self.attempts.items() if key in now)
        self.attempts = now

    def teardown(self) -> None:
        """Whatever happened, one healthy worker brings every job to its end."""
        self.desk.lapse()
        self.sweep()
        while claim := self.desk.next_unpack():
            self.desk.unpack(claim)
        for suspects in (False, True):
            while claims := self.desk.claim(suspects=suspects):
                for taken in claims:
                    self.desk.settle(taken)
        self.desk.check()
        self.a_job_ends_once_and_says_so_once()
        with self.desk.database.read() as session:
            assert all(JobState(state).finished for state in session.scalars(select(Job.state)))


def test_every_story_holds_together_and_ends(database: Database) -> None:
    class Begun(Story):
        def __init__(self) -> None:
            clear(database)
            super().__init__(database)

    # What the last story left is the next one's to clear, or the fixture's.
    run_state_machine_as_test(Begun, settings=settings(max_examples=50, stateful_step_count=50, deadline=None))
