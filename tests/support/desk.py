"""A desk at which tests work on a database: what workers and callers do to it in few words, and what must then hold."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from db.database import Database
from db.ids import new_id
from db.query.items import items_of_job
from db.schema import Base, Item, Job, JobSource, Shard, Source, Tally
from db.states import JobState, Kind, ShardState
from db.store.cancel import cancel, delete_job
from db.store.counts import lock_job
from db.store.settle import Rest, settle
from db.store.shards import Claim, claim
from db.store.submit import Submission, Upload, insert_job
from db.store.sweep import lapsed_shards, recover_shard
from db.store.unpack import UnpackClaim, Unpacked, claim_unpack, settle_unpack
from model.verdict import Decision, Reason, Tag, Verdict

MODEL, LEASE = ("tiny", "1"), 30.0
ABLE = (*MODEL, None)
A = TypeVar("A")
R = TypeVar("R")


def at_once(work: Callable[[A], R], arguments: Iterable[A]) -> list[R]:
    """Calls ``work`` with each argument, all in threads of their own; the results in order."""
    calls = list(arguments)
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(work, calls))


def verdict(decision: str = "accepted", label: str = "sea", reason: str = "blank") -> Verdict:
    """A verdict as an engine would give it."""
    if decision == Decision.ACCEPTED:
        return Verdict(Decision.ACCEPTED, None, "It is the sea.", (Tag(label, 0.9),), backend="fake", bytes=7)
    return Verdict(Decision(decision), Reason(reason if decision == "rejected" else "timeout"), "It is not.")


def clear(database: Database) -> None:
    """Deletes every row. To make a database anew would take ten times as long."""
    with database.write() as session:
        if not database.sqlite:
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(update(table).values(due_at=0) if table.name == "beats" else delete(table))


class Desk:
    """What is done to a database, in few words. Every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.deleted: Counter[tuple[str, str, str, str]] = Counter()

    def submit(self, *kinds: Kind, owner: str = "ann", **says: Any) -> str:
        """A new job over sources of these kinds; its id."""
        uploads = [Upload(new_id(), f"{i}.{kind}", kind, 10, f"{i:064}") for i, kind in enumerate(kinds)]
        name, version = says.pop("model", MODEL)
        submission = Submission(owner, name, version, uploads, **says)
        with self.database.write() as session:
            return insert_job(session, submission, 32).id

    def next_unpack(self, worker: str = "c1") -> UnpackClaim | None:
        with self.database.write() as session:
            return claim_unpack(session, worker, LEASE)

    def claim_unpack(self, worker: str = "c1") -> UnpackClaim:
        """The next job to unpack, where there is one."""
        taken = self.next_unpack(worker)
        assert taken is not None
        return taken

    def unpack(self, taken: UnpackClaim, photos: int = 4, refused: int = 0, shard_items: int = 32) -> None:
        """Settles an unpacking: each of the job's sources holds so many photos and refused entries."""
        numbers = itertools.count()
        results = []
        for source in taken.sources:
            entries = [[n, f"{n}.jpg", 100 * n, 7, 7, 0, n] for n in itertools.islice(numbers, photos)]
            unsafe = [
                ([n, f"{n}.jpg"], verdict("rejected", reason="unsafe_entry"))
                for n in itertools.islice(numbers, refused)
            ]
            results.append(Unpacked(source.ordinal, source.source, entries, unsafe))
        with self.database.write() as session:
            settle_unpack(session, taken, results, shard_items)

    def running(self, photos: int = 4, shard_items: int = 32, **says: Any) -> str:
        """A job of one ZIP whose photos wait to be judged; its id. Nothing else may wait to be unpacked."""
        job = self.submit(Kind.ZIP, **says)
        self.unpack(self.claim_unpack(), photos, shard_items=shard_items)
        return job

    def claim(self, limit: int = 100, worker: str = "w1", lease: float = LEASE, **says: Any) -> list[Claim]:
        with self.database.write() as session:
            return claim(session, worker, says.pop("abilities", [ABLE]), lease, limit, **says)

    def settle(self, taken: Claim, decisions: Mapping[int, str] | str = "accepted", rest: Rest = Rest.NONE) -> bool:
        """Settles with one decision for all photos, or one for each position; whether the job was closed."""
        if isinstance(decisions, str):
            decisions = {entry[0]: decisions for entry in taken.entries}
        with self.database.write() as session:
            return settle(session, taken, {position: verdict(said) for position, said in decisions.items()}, rest)

    def finished(self, photos: int = 4, decision: str = "accepted", **says: Any) -> str:
        """A job that ended with one decision on all its photos; its id. Nothing else may be ready."""
        job = self.running(photos, **says)
        for taken in self.claim():
            self.settle(taken, decision)
        return job

    def cancel(self, job_id: str) -> None:
        with self.database.write() as session:
            cancel(session, self.locked(session, job_id))

    def delete(self, job_id: str) -> list[str]:
        """Deletes the job, and remembers its items, for the tallies keep them."""
        with self.database.write() as session:
            return self.delete_in(session, job_id)

    def delete_in(self, session: Session, job_id: str) -> list[str]:
        items = tallied(session, Item.job_id == job_id)
        blobs = delete_job(session, job_id)
        self.deleted += items
        return blobs

    def locked(self, session: Session, job_id: str) -> Job:
        job = lock_job(session, job_id)
        assert job is not None
        return job

    def lapse(self, seconds: float = -LEASE) -> None:
        """Moves the end of every lease by so many seconds."""
        with self.database.write() as session:
            for table in (Shard, Job):
                session.execute(update(table).values(lease_until=table.lease_until + seconds))

    def recover(self) -> list[str | None]:
        """Recovers every lapsed shard as the sweep does; what was done to each."""
        with self.database.read() as session:
            lapsed = lapsed_shards(session, LEASE)
        done = []
        for shard, attempt, job in lapsed:
            with self.database.write() as session:
                done.append(recover_shard(session, shard, attempt, job, LEASE))
        return done

    def job(self, job_id: str) -> Job:
        with self.database.read() as session:
            found = session.get(Job, job_id)
        assert found is not None
        return found

    def state(self, job_id: str) -> JobState | None:
        """The state of a job that may be gone."""
        with self.database.read() as session:
            found = session.scalar(select(Job.state).where(Job.id == job_id))
        return None if found is None else JobState(found)

    def items(self, job_id: str) -> list[Item]:
        with self.database.read() as session:
            return items_of_job(session, job_id, 10_000)

    def shards(self, job_id: str) -> list[Shard]:
        with self.database.read() as session:
            return list(session.scalars(select(Shard).where(Shard.job_id == job_id).order_by(Shard.id)))

    def check(self) -> None:
        """What must be true of the rows at any time between two transactions."""
        with self.database.read() as session:
            for job in session.scalars(select(Job)):
                _check_job(session, job)
            told = select(Tally.owner, Tally.decision, Tally.reason, Tally.label, func.sum(Tally.count))
            tallies = Counter(
                {tuple(row[:4]): int(row[4]) for row in session.execute(told.group_by(*told.selected_columns[:4]))}
            )
            assert tallies == tallied(session) + self.deleted
            unused = select(Source.id).where(Source.id.not_in(select(JobSource.source_id)))
            assert session.scalars(unused).all() == []


def tallied(session: Session, *narrowed: Any) -> Counter[tuple[str, str, str, str]]:
    """The items that are there, by owner, decision, reason and label."""
    rows = session.execute(select(Item.owner, Item.decision, Item.reason, Item.label).where(*narrowed))
    return Counter((owner, decision, reason or "", label or "") for owner, decision, reason, label in rows)


def _check_job(session: Session, job: Job) -> None:
    state = JobState(job.state)
    shards = session.scalars(select(Shard).where(Shard.job_id == job.id)).all()
    live = [shard for shard in shards if shard.state in (ShardState.READY, ShardState.LEASED)]
    items = session.execute(select(Item.position, Item.decision).where(Item.job_id == job.id)).all()
    decided = Counter(row.decision for row in items)
    if job.expired_at is None:  # what is expired keeps its counts while its items go
        assert (job.accepted, job.rejected, job.failed) == (decided["accepted"], decided["rejected"], decided["failed"])
    assert (job.total or 0) == job.pending + job.accepted + job.rejected + job.failed + job.canceled
    assert min(job.pending, job.canceled, job.skipped) >= 0
    assert job.pending == sum(shard.size for shard in live)
    assert all(len(shard.entries) == shard.size for shard in live)
    positions = [row.position for row in items] + [entry[0] for shard in live for entry in shard.entries]
    assert len(set(positions)) == len(positions), "a photo stands in two places"
    assert set(positions) <= set(range(job.total or 0))
    for shard in shards:
        leased = shard.state == ShardState.LEASED
        assert leased == (shard.lease_until is not None) == (shard.worker is not None)
    assert (state is JobState.UNPACKING) == (job.lease_until is not None) == (job.worker is not None)
    assert state.finished == (job.finished_at is not None)
    assert (job.outcome is not None) == (state in (JobState.COMPLETED, JobState.CANCELED))
    assert (job.error is not None) == (state is JobState.FAILED)
    assert (job.pending > 0) == (state in (JobState.RUNNING, JobState.CANCELING))
    if state is JobState.CANCELING:
        assert all(shard.state == ShardState.LEASED for shard in live), "nobody should take these up"
