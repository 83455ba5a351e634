"""How long a page of a long history takes, narrowed in many ways: ``python -m bench.history [ITEMS] [DATABASE_URL]``.

Without a URL it makes a SQLite database in a temporary folder. A PostgreSQL database must be empty.
"""

import random
import sys
import tempfile
import time
from typing import Any

from sqlalchemy import insert, text

from db.database import Database
from db.ids import new_id
from db.query.history import items_of_owner
from db.query.narrow import Filter
from db.schema import Item, Job, Source
from db.upgrade import upgrade

DAY = 86400.0
BEGAN = 20_000 * DAY
SIZES = (1, 1, 5, 50, 500, 5000, 60_000)
NARROWED = {
    "nothing": Filter(),
    "a label that many have": Filter(label="sea"),
    "a label that few have": Filter(label="rare", decision="accepted"),
    "a reason": Filter(decision="rejected", reason="blank"),
    "a name that few have": Filter(name="IMG_000123"),
    "a name that a third has": Filter(name="IMG_"),
    "a name that the oldest have": Filter(name="OLD_"),
    "a name that none has": Filter(name="none"),
    "a name of many, a label of few": Filter(name="IMG_", label="rare"),
    "a model of two jobs": Filter(model="rare"),
    "an early day": Filter(since=BEGAN + 3 * DAY, until=BEGAN + 4 * DAY),
    "a day and a label": Filter(since=BEGAN + 3 * DAY, until=BEGAN + 4 * DAY, label="forest"),
    "no review": Filter(reviewed=False, label="sea"),
    "model, reason and name": Filter(model="b", reason="blank", name="trip"),
}


def fill(database: Database, items: int) -> int:
    """Makes jobs of very different sizes with so many items together; returns how many jobs."""
    chance = random.Random(1)
    sizes: list[int] = []
    while (left := items - sum(sizes)) > 0:
        sizes.append(min(left, chance.choice(SIZES)))
    chance.shuffle(sizes)
    source = new_id()
    with database.write() as session:
        blob = {"blob": source, "kind": "zip", "bytes": 1, "sha256": "0", "created_at": BEGAN}
        session.execute(insert(Source).values(id=source, **blob))
    for number, size in enumerate(sizes):
        at = BEGAN + number * DAY * 0.7
        model = "rare" if number in (3, len(sizes) // 2) else chance.choice("ab")
        words = {"owner": "ann", "model": model, "version": "1"}
        times = {"submitted_at": at, "started_at": at, "finished_at": at + DAY}
        job: dict[str, Any] = {"id": f"01{number:024}", "lane": 1, "state": "completed", "fingerprint": "", **words}
        with database.write() as session:
            session.execute(insert(Job).values(**job, **times, params={}, meta={}, total=size))
            old = number < len(sizes) / 10
            rows = [_item(chance, position, old) | words for position in range(size)]
            shared = {"job_id": job["id"], "source_id": source}
            for row in rows:
                row |= shared | {"decided_at": at + row["position"]}
            for begin in range(0, size, 5000):
                session.execute(insert(Item), rows[begin : begin + 5000])
    if not database.sqlite:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return len(sizes)


def _item(chance: random.Random, position: int, old: bool) -> dict[str, Any]:
    accepted, few = chance.random() < 0.7, chance.random() < 1e-5
    start = "OLD_" if old and chance.random() < 0.2 else "IMG_"
    return {
        "position": position,
        "entry": [position],
        "name": f"{'trip/' if position % 3 else ''}{start}{position:06}.jpg",
        "decision": "accepted" if accepted else "rejected",
        "reason": None if accepted else chance.choice(("blank", "low_confidence", "out_of_distribution")),
        "explanation": "Looks like: sea (90 %).",
        "label": ("rare" if few else chance.choice(("sea", "forest"))) if accepted else None,
        "tags": [],
        "scores": {name: {"value": 0.9, "threshold": 0.6} for name in ("confidence", "novelty", "statistics.slope")},
    }


def main(items: int, url: str) -> None:
    """Fills the database and prints the milliseconds of the first and the second page."""
    database = Database(url)
    upgrade(database)
    began = time.perf_counter()
    print(f"{items:,} photos in {fill(database, items)} jobs, made in {time.perf_counter() - began:.0f} s")
    for words, narrowed in NARROWED.items():
        after, took = None, []
        for _ in range(2):
            with database.read() as session:
                began = time.perf_counter()
                page = items_of_owner(session, "ann", 101, after, narrowed)
                took.append(f"{1000 * (time.perf_counter() - began):6.1f} ms")
            if len(page) < 101:
                break
            after = page[-1].job_id, page[-1].position
        print(f"{words:32} {len(page):3} photos {' then '.join(took)}")
    database.close()


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        main(wanted, sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/history.db")
