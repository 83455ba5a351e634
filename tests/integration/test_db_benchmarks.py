"""Benchmarks: taken by one worker at a time, taken over from a dead one, settled once."""

from desk import MODEL, at_once
from sqlalchemy import update

from db.database import Database
from db.ids import new_id
from db.query.benchmarks import benchmark, benchmarks
from db.query.workers import ALIVE_SECONDS
from db.schema import Benchmark, Worker
from db.store.benchmarks import (
    BenchmarkClaim,
    claim_benchmark,
    free_benchmarks,
    hand_back_benchmark,
    insert_benchmark,
    settle_benchmark,
)
from db.store.workers import beat


def ask(database: Database, model: tuple[str, str] = MODEL) -> str:
    with database.write() as session:
        return insert_benchmark(session, "ann", model, new_id(), 10).id


def take(database: Database, worker: str = "w1", model: tuple[str, str] = MODEL) -> BenchmarkClaim | None:
    """A living worker takes what there is."""
    with database.write() as session:
        beat(session, worker, "classify", "busy", [(*model, None)], "fake")
    with database.write() as session:
        return claim_benchmark(session, worker, {model})


def die(database: Database, worker: str) -> None:
    with database.write() as session:
        late = Worker.beat_at - 2 * ALIVE_SECONDS
        session.execute(update(Worker).where(Worker.name == worker).values(beat_at=late))


def free(database: Database) -> int:
    with database.read() as session:
        return free_benchmarks(session)


def found(database: Database, id_: str) -> Benchmark:
    with database.read() as session:
        row = benchmark(session, id_)
    assert row is not None
    return row


def test_the_oldest_of_the_workers_models_is_taken_once(database: Database) -> None:
    first, second, other = ask(database), ask(database), ask(database, ("large", "1"))
    taken = [take(database, f"w{n}") for n in range(3)]
    assert [one and (one.id, one.attempt, one.bytes) for one in taken] == [(first, 1, 10), (second, 1, 10), None]
    assert found(database, other).state == "queued" and free(database) == 1
    with database.read() as session:
        assert [row.id for row in benchmarks(session, 2)] == [other, second]


def test_of_many_workers_one_gets_it(database: Database) -> None:
    ask(database)
    for n in range(8):
        with database.write() as session:
            beat(session, f"w{n}", "classify", "idle")

    def reach(n: int) -> BenchmarkClaim | None:
        with database.write() as session:
            return claim_benchmark(session, f"w{n}", {MODEL})

    assert sum(one is not None for one in at_once(reach, range(8))) == 1


def test_a_dead_workers_benchmark_is_taken_over_and_the_dead_cannot_write(database: Database) -> None:
    id_ = ask(database)
    zombie = take(database, "w1")
    assert zombie is not None and take(database, "w2") is None
    die(database, "w1")
    assert free(database) == 1
    heir = take(database, "w2")
    assert heir is not None and (heir.id, heir.attempt) == (id_, 2)
    with database.write() as session:
        assert not settle_benchmark(session, zombie, {"fastest": "abacus"})
        assert not hand_back_benchmark(session, zombie)
    with database.write() as session:
        assert settle_benchmark(session, heir, {"fastest": "torch"})
    with database.write() as session:
        assert not settle_benchmark(session, heir, {"fastest": "abacus"})
    row = found(database, id_)
    assert (row.state, row.result, row.worker) == ("done", {"fastest": "torch"}, None)
    assert row.finished_at is not None and row.finished_at >= row.created_at


def test_one_that_is_handed_back_bears_no_mark(database: Database) -> None:
    id_ = ask(database)
    claim = take(database)
    assert claim is not None
    with database.write() as session:
        assert hand_back_benchmark(session, claim)
    again = take(database, "w2")
    assert again is not None and (again.id, again.attempt) == (id_, 1)
    with database.write() as session:
        assert settle_benchmark(session, again, None, "timeout", "It took too long.")
    row = found(database, id_)
    assert (row.state, row.error, row.message, row.result) == ("failed", "timeout", "It took too long.", None)
