"""Any story of submitting, working, dying, canceling and sweeping leaves rows that hold together, and has an end."""

import itertools
import shutil
from contextlib import suppress
from pathlib import Path

from desk import LEASE, MODEL, Desk
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from db.database import Database
from db.schema import Item, Job
from db.states import JobState, Kind
from db.store.broken import fail_job
from db.store.cancel import AlreadyFinished, StillRunning
from db.store.retry import NothingToRetry, retry
from db.store.settle import LeaseLost, Rest, SettleIncomplete
from db.store.shards import Claim, extend
from db.store.sweep import recover_unpacking
from db.store.unpack import UnpackClaim, hand_back_unpack
from model.verdict import Decision

DECISIONS = some.sampled_from(list(Decision))
WORKERS = some.sampled_from(["w1", "w2"])


class Story(RuleBasedStateMachine):
    """Callers, workers and the sweep, each doing one thing at a time in any order, over SQLite."""

    jobs: Bundle[str] = Bundle("jobs")
    unpackings: Bundle[UnpackClaim] = Bundle("unpackings")
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.desk = Desk(Database(f"sqlite:///{path}"))
        self.written: dict[tuple[str, int], str] = {}

    @rule(target=jobs, kinds=some.lists(some.sampled_from(Kind), min_size=1, max_size=3), owner=some.sampled_from("ab"))
    def submit(self, kinds: list[Kind], owner: str) -> str:
        return self.desk.submit(*kinds, owner=owner)

    @rule(target=unpackings, worker=WORKERS)
    def start_unpacking(self, worker: str) -> UnpackClaim | MultipleResults[UnpackClaim]:
        return self.desk.next_unpack(worker) or multiple()

    @rule(claim=unpackings, photos=some.integers(0, 5), refused=some.integers(0, 2), shard_items=some.integers(1, 4))
    def settle_unpacking(self, claim: UnpackClaim, photos: int, refused: int, shard_items: int) -> None:
        with suppress(LeaseLost):
            self.desk.unpack(claim, photos, refused, shard_items)

    @rule(claim=unpackings)
    def hand_back_unpacking(self, claim: UnpackClaim) -> None:
        with suppress(LeaseLost), self.desk.database.write() as session:
            hand_back_unpack(session, claim)

    @rule(target=claims, worker=WORKERS, limit=some.integers(1, 4), suspects=some.booleans())
    def claim(self, worker: str, limit: int, suspects: bool) -> MultipleResults[Claim]:
        return multiple(*self.desk.claim(limit, worker, suspects=suspects))

    @rule(claim=claims, told=some.lists(DECISIONS, min_size=5, max_size=5))
    def settle(self, claim: Claim, told: list[Decision]) -> None:
        with suppress(LeaseLost):
            self.desk.settle(claim, {entry[0]: told[i % 5] for i, entry in enumerate(claim.entries)})

    @rule(claim=claims, done=some.integers(0, 3), told=DECISIONS, rest=some.sampled_from(Rest))
    def settle_in_part(self, claim: Claim, done: int, told: Decision, rest: Rest) -> None:
        if rest is Rest.CANCELED and self.desk.state(claim.job) != JobState.CANCELING:
            rest = Rest.READY  # workers cancel only what is being canceled
        with suppress(LeaseLost, SettleIncomplete):
            self.desk.settle(claim, {entry[0]: told for entry in claim.entries[:done]}, rest)

    @rule(claim=claims, worker=WORKERS)
    def renew(self, claim: Claim, worker: str) -> None:
        with self.desk.database.write() as session:
            extend(session, worker, [claim], LEASE)

    @rule(seconds=some.sampled_from([-LEASE - 1, 3600.0]))
    def let_leases_run_out(self, seconds: float) -> None:
        self.desk.lapse(seconds)

    @rule()
    def sweep(self) -> None:
        self.desk.recover()
        with self.desk.database.write() as session:
            recover_unpacking(session, LEASE)

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

    def teardown(self) -> None:
        """Whatever happened, one healthy worker brings every job to its end."""
        try:
            self.desk.lapse()
            self.sweep()
            while claim := self.desk.next_unpack():
                self.desk.unpack(claim)
            for suspects in (False, True):
                while claims := self.desk.claim(suspects=suspects):
                    for taken in claims:
                        self.desk.settle(taken)
            self.desk.check()
            with self.desk.database.read() as session:
                assert all(JobState(state).finished for state in session.scalars(select(Job.state)))
        finally:
            self.desk.database.close()
            self.path.unlink()


def test_every_story_holds_together_and_ends(migrated_sqlite: Path, tmp_path: Path) -> None:
    numbers = itertools.count()

    class Begun(Story):
        def __init__(self) -> None:
            super().__init__(Path(shutil.copy(migrated_sqlite, tmp_path / f"{next(numbers)}.db")))

    run_state_machine_as_test(Begun, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
