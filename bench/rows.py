"""What do verdicts cost a PostgreSQL: bytes on its disk, bytes in its journal, and seconds of its writing?

    python -m bench.rows [--jobs 40] [--photos 5000] [--writers 1 2]

Jobs are unpacked, claimed and settled as workers do it, shard by shard, with verdicts like an engine's and neither
network nor pictures in between. Prints the photos that so many writers, each a process, settle in a second on the
server's default settings, then the bytes of each table and index for one photo.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.stack import postgresql
from db.database import Database
from db.ids import new_id
from db.states import Kind
from db.store.settle import settle
from db.store.shards import claim
from db.store.submit import Submission, Upload, insert_job
from db.store.unpack import Unpacked, claim_unpack, settle_unpack
from db.upgrade import upgrade
from model.verdict import Decision, Reason, Score, Tag, Verdict

SHARD, LEASE_SECONDS, OWNERS = 32, 300.0, 20
LABELS = [f"a label of some length {number}" for number in range(200)]


def main() -> int:
    """Fills a server of the bench's own, and prints what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--photos", type=int, default=5000, help="of each job")
    parser.add_argument("--writers", nargs="+", type=int, default=[1, 2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sb-") as folder, postgresql(Path(folder) / "postgresql") as url:
        database = Database(url)
        upgrade(database)
        for writers in arguments.writers:
            fill(database, arguments.jobs, arguments.photos)
            before, journal = time.perf_counter(), written(database)
            together(url, writers)
            seconds, photos = time.perf_counter() - before, arguments.jobs * arguments.photos
            rate, bytes_each = photos / seconds, (written(database) - journal) / photos
            print(
                f"{writers} writers: {rate:,.0f} photos a second, {bytes_each:,.0f} bytes of journal each", flush=True
            )
        sizes(database, arguments.jobs * arguments.photos * len(arguments.writers))
        database.close()
    return 0


def fill(database: Database, jobs: int, photos: int) -> None:
    """Jobs whose photos wait."""
    for number in range(jobs):
        upload = Upload(new_id(), f"holiday {number}.zip", Kind.ZIP, 4_000_000 * photos, f"{number:064}")
        with database.write() as session:
            insert_job(session, Submission(f"owner{number % OWNERS}", "scenes", "2", [upload]), SHARD)
        with database.write() as session:
            taken = claim_unpack(session, "bench", LEASE_SECONDS)
            assert taken is not None
            coordinates = (3_990_000, 4_000_000, 8, 2**31)
            entries = [[n, f"2026/07/IMG_{n:06d}.jpg", 4_000_000 * n, *coordinates] for n in range(photos)]
            settle_unpack(session, taken, [Unpacked(0, taken.sources[0].source, entries)], SHARD)


def together(url: str, writers: int) -> None:
    """Settles all that waits, by so many processes."""
    processes = [multiprocessing.get_context("spawn").Process(target=work, args=(url, n)) for n in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def work(url: str, number: int) -> None:
    """Claims shards and settles each in a transaction of its own, until none is left."""
    database, chance = Database(url), random.Random(number)
    while True:
        with database.write() as session:
            taken = claim(session, f"bench{number}", [("scenes", "2", None)], LEASE_SECONDS, 4)
        if not taken:
            break
        for one in taken:
            with database.write() as session:
                settle(session, one, {entry[0]: verdict(chance) for entry in one.entries})
    database.close()


def verdict(chance: random.Random) -> Verdict:
    """Three of four photos are tagged, as in a library of holidays."""
    names = ("blank", "natural", "confidence", "novelty", "flat")
    scores = {name: Score(chance.random(), chance.random()) for name in names}
    seen = {"checksum": "0123456789abcdef", "backend": "openvino", "width": 4000, "height": 3000, "bytes": 4_000_000}
    said = {"scores": scores, "inference_ms": chance.uniform(5, 20), **seen}
    if chance.random() < 0.75:
        tags = tuple(Tag(label, chance.random()) for label in chance.sample(LABELS, 3))
        return Verdict(Decision.ACCEPTED, None, f"This is {tags[0].label}, as far as the model can tell.", tags, **said)  # type: ignore[arg-type]
    why = "The best label is not sure enough to stand behind it."
    return Verdict(Decision.REJECTED, Reason.LOW_CONFIDENCE, why, **said)  # type: ignore[arg-type]


def written(database: Database) -> int:
    """Bytes that the server has written to its journal since it was made."""
    with database.read() as session:
        return int(session.execute(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")).scalar_one())


def sizes(database: Database, photos: int) -> None:
    """Prints what lies on the disk for one photo, the largest first."""
    query = text(
        "SELECT relname, pg_table_size(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = "
        "'public'::regnamespace AND pg_table_size(oid) > :least ORDER BY 2 DESC"
    )
    with database.read() as session:
        for name, size in session.execute(query, {"least": photos}):
            print(f"{name:28} {size / photos:8,.0f} bytes a photo")
        whole = session.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        print(f"{'all of it':28} {whole / photos:8,.0f} bytes a photo")


if __name__ == "__main__":
    sys.exit(main())
