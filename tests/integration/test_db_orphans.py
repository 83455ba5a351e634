"""What else outlives its time: benchmarks, files without a row; and who has the turn to delete it."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from shop import Shop, orphan, rows
from sqlalchemy import select, update

from db.blob_store import BlobStore
from db.blobs import open_blobs
from db.clock import now
from db.database import Database
from db.schema import Beat, Benchmark, Shard
from db.states import JobState
from db.store import retention as store
from db.store.beats import put_off, take_turn
from db.store.benchmarks import claim_benchmark, insert_benchmark, settle_benchmark
from worker.keeper import NAME, Keeper
from worker.orphans import OLD_SECONDS, delete_orphans, find_orphans
from worker.retention import DAY, Keep


def test_old_benchmarks_go(shop: Shop) -> None:
    keys = [orphan(shop.blobs, days=0) for _ in range(2)]
    with shop.database.write() as session:
        for key in keys:
            insert_benchmark(session, "ann", ("tiny", "1"), key, 1)
        claim = claim_benchmark(session, "w", [("tiny", "1")])
        assert claim is not None
        settle_benchmark(session, claim, {"backends": []})
        session.execute(update(Benchmark).values(finished_at=Benchmark.finished_at - 9 * DAY))
    assert shop.prune(results=10).benchmarks == 0
    assert shop.prune(results=8).benchmarks == 1
    assert rows(shop.database, Benchmark) == 1
    assert {file.name for file in shop.blobs.files()} == set(keys) - {claim.blob}


def test_orphans_go_after_a_day(shop: Shop) -> None:
    job = shop.finished(days=0)
    for file in list(shop.blobs.files()):
        os.utime(shop.blobs.folder / file.name, (0, 0))
    gone = {orphan(shop.blobs), orphan(shop.blobs, whole=False)}
    kept = {orphan(shop.blobs, days=0.9), orphan(shop.blobs, days=0.9, whole=False)}
    (shop.blobs.folder / "README").write_text("not ours")
    found = find_orphans(shop.database, shop.blobs)
    assert set(found.names) == gone and found.bytes == 10
    assert set(delete_orphans(shop.database, shop.blobs).names) == gone
    assert shop.has_upload(job)
    assert kept < {path.name for path in shop.blobs.folder.iterdir()}
    assert (shop.blobs.folder / "README").exists()


def test_what_is_forgotten_in_s3_goes_and_what_has_a_row_stays(sqlite_database: Database, bucket: str) -> None:
    blobs = open_blobs(bucket)
    with sqlite_database.write() as session:
        insert_benchmark(session, "ann", ("tiny", "1"), kept := stored(blobs, b"x"), 1)
    forgotten, half = stored(blobs, b"forgotten"), blobs.create()
    half.write(bytes(9 * 2**20))
    assert delete_orphans(sqlite_database, blobs).names == []
    gone = delete_orphans(sqlite_database, blobs, old_seconds=0.0)
    assert forgotten in gone.names and gone.count == 2
    assert [file.name for file in blobs.files()] == [kept]


def stored(blobs: BlobStore, data: bytes) -> str:
    writer = blobs.create()
    writer.write(data)
    return writer.commit()


def test_a_crash_between_row_and_file_leaves_an_orphan_that_goes(shop: Shop) -> None:
    job = shop.finished(days=40)
    (source,) = shop.sources(job)
    with shop.database.write() as session:
        store.drop_uploads(session, [source.id], (session.scalar(select(now())) or 0) - 30 * DAY)
    os.utime(shop.blobs.folder / source.blob, (0, 0))
    assert delete_orphans(shop.database, shop.blobs).names == [source.blob]


def test_a_file_that_is_touched_in_time_stays(shop: Shop) -> None:
    name = orphan(shop.blobs)
    assert find_orphans(shop.database, shop.blobs).names == [name]
    shop.blobs.touch(name)  # as a job is made of it
    assert not shop.blobs.delete_old(name, OLD_SECONDS)
    assert delete_orphans(shop.database, shop.blobs).names == []


def test_the_files_of_another_database_are_left_alone(shop: Shop) -> None:
    names = {orphan(shop.blobs) for _ in range(30)}
    assert delete_orphans(shop.database, shop.blobs).suspicious
    assert {file.name for file in shop.blobs.files()} == names


def test_one_process_at_a_time_has_the_turn(shop: Shop) -> None:
    def turn() -> bool:
        with shop.database.write() as session:
            return take_turn(session, NAME, 60)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda _: turn(), range(4))) == [False, False, False, True]
    with shop.database.write() as session:
        put_off(session, NAME, 0)
    assert turn()
    with shop.database.write() as session:
        session.execute(update(Beat).where(Beat.name == NAME).values(due_at=now() + 1e6))
    assert turn(), "a clock that jumped holds nobody up"


def test_a_keeper_works_and_then_waits(shop: Shop) -> None:
    keepers = [Keeper(shop.database, shop.blobs, Keep(DAY, None), 3600, Event()) for _ in range(2)]
    job = shop.finished(days=2)
    assert keepers[0].look_after()
    assert not shop.has_upload(job)
    assert not keepers[1].look_after()
    with shop.database.read() as session:
        due = session.scalar(select(Beat.due_at - now()).where(Beat.name == NAME))
    assert due is not None and 3500 < due <= 3600


def test_claims_go_on_beside_it(shop: Shop) -> None:
    for _ in range(5):
        shop.finished(days=10, photos=200)
    running = shop.desk.running(photos=200, shard_items=2)
    before = shop.tallied()
    longest, claimed = 0.0, 0
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(shop.retention(results=1).run)
        while claimed < 100:
            began = time.monotonic()
            (claim,) = shop.desk.claim(limit=1)
            longest = max(longest, time.monotonic() - began)
            shop.desk.settle(claim)
            claimed += 1
        done = run.result(timeout=60)
    assert done.photos == 1000
    assert shop.desk.job(running).state == JobState.COMPLETED
    assert longest < 2, f"a claim waited {longest:.2f} s"
    shop.desk.deleted += before


def test_shards_of_others_are_untouched(shop: Shop) -> None:
    shop.finished(days=10)
    running = shop.desk.running(photos=8, shard_items=4)
    shop.prune(results=1)
    assert [shard.size for shard in shop.desk.shards(running)] == [4, 4]
    assert rows(shop.database, Shard) == 2
