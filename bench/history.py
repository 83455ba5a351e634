"""How long a long history takes to ask, over HTTP: a job's status, pages narrowed in many ways, statistics.

    python -m bench.history [--items 1000000] [--rounds 40] [--stores sqlite postgresql]

Every request is repeated; the 95th percentile counts. Pages are of 100 photos: the first, and the one after it.
"""

import argparse
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from math import ceil
from typing import Any

import httpx
from sqlalchemy import insert, text

from bench.stack import STORES, Store, stack
from db.database import Database
from db.ids import new_id
from db.schema import Item, Job, Source, Tally
from settings import Settings

DAY = 86400.0
BEGAN = 20_000 * DAY
SIZES = (1, 1, 5, 50, 500, 5000, 60_000)
OWNER = "local"
NARROWED: dict[str, dict[str, str]] = {
    "nothing": {},
    "a decision": {"decision": "rejected"},
    "a reason": {"reason": "blank"},
    "a label that many have": {"label": "sea"},
    "a label that few have": {"label": "rare"},
    "a name that few have": {"name": "IMG_000123"},
    "a name that nearly all have": {"name": "IMG_"},
    "a name that only old ones have": {"name": "OLD_"},
    "a name that none has": {"name": "none"},
    "a name of many, a label of few": {"name": "IMG_", "label": "rare"},
    "a model of two jobs": {"model": "rare"},
    "an early day": {"from": "2024-10-07", "to": "2024-10-07"},
    "an early quarter": {"from": "2024-10-07", "to": "2025-01-06"},
    "until an early day": {"to": "2024-10-07"},
    "a day and a label": {"from": "2024-10-07", "to": "2024-10-07", "label": "forest"},
    "no review": {"reviewed": "false", "label": "sea"},
    "model, reason and name": {"model": "b", "reason": "blank", "name": "trip"},
}
STATISTICS: dict[str, tuple[str, dict[str, Any]]] = {
    "totals by day and decision": ("/v1/stats", {"by": ["day", "decision"]}),
    "totals by label": ("/v1/stats", {"by": ["label"]}),
    "totals by model and reason": ("/v1/stats", {"by": ["model", "reason"]}),
    "latency by day": ("/v1/stats/latency", {"by": "day"}),
    "reviews by day": ("/v1/stats/reviews", {"by": "day"}),
    "scores of a guard": ("/v1/scores", {}),
}


def fill(database: Database, items: int) -> int:
    """Makes jobs of very different sizes with so many items together; returns how many jobs."""
    chance = random.Random(1)
    sizes: list[int] = []
    while (left := items - sum(sizes)) > 0:
        sizes.append(min(left, chance.choice(SIZES)))
    chance.shuffle(sizes)
    source, tallies = new_id(), Counter[tuple[str, ...]]()
    with database.write() as session:
        blob = {"blob": source, "kind": "zip", "bytes": 1, "sha256": "0", "created_at": BEGAN}
        session.execute(insert(Source).values(id=source, **blob))
    for number, size in enumerate(sizes):
        at = BEGAN + number * DAY * 0.7
        model = "rare" if number in (3, len(sizes) // 2) else chance.choice("ab")
        words = {"owner": OWNER, "model": model, "version": "1"}
        times = {"submitted_at": at, "started_at": at, "finished_at": at + DAY}
        job: dict[str, Any] = {"id": f"01{number:024}", "lane": 1, "state": "completed", "fingerprint": "", **words}
        with database.write() as session:
            session.execute(insert(Job).values(**job, **times, params={}, meta={}, total=size))
            old = number < len(sizes) / 10
            rows = [_item(chance, position, old) | words for position in range(size)]
            shared = {"job_id": job["id"], "source_id": source}
            for row in rows:
                row |= shared | {"decided_at": at + row["position"]}
                day = datetime.fromtimestamp(row["decided_at"], UTC).date().isoformat()
                tallies[day, model, row["decision"], row["reason"] or "", row["label"] or ""] += 1
            for begin in range(0, size, 5000):
                session.execute(insert(Item), rows[begin : begin + 5000])
    with database.write() as session:
        columns = ("day", "model", "decision", "reason", "label")
        counted = [dict(zip(columns, of, strict=True)) | {"owner": OWNER, "count": n} for of, n in tallies.items()]
        session.execute(insert(Tally), counted)
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


def main() -> int:
    """Fills each database and prints the milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    arguments = parser.parse_args()
    for store in arguments.stores:
        measure(store, arguments.items, arguments.rounds)
    return 0


def measure(store: Store, items: int, rounds: int) -> None:
    """Asks a Shoebox whose database is full."""
    with stack(store, requests_per_minute=0, address_requests_per_minute=0, backend="fake") as shoebox:
        url = shoebox.environment.get("SHOEBOX_DATABASE_URL") or Settings(data_dir=shoebox.home).database
        database = Database(url)
        began = time.perf_counter()
        jobs = fill(database, items)
        print(f"{store}: {items:,} photos in {jobs} jobs, made in {time.perf_counter() - began:.0f} s", flush=True)
        database.close()
        with httpx.Client(base_url=shoebox.url, headers={"X-API-Key": shoebox.key}, timeout=60) as client:
            some = [job["id"] for job in client.get("/v1/jobs", params={"limit": 50}).json()["data"]]
            report("a job's status", [asked(client, f"/v1/jobs/{some[n % len(some)]}")[0] for n in range(5 * rounds)])
            for name, narrowed in NARROWED.items():
                first, answer = asked(client, "/v1/items", narrowed)
                pages = [narrowed] + ([narrowed | {"after": answer["next"]}] if answer["next"] else [])
                for number, page in enumerate(pages):
                    times = [asked(client, "/v1/items", page)[0] for _ in range(rounds)]
                    report(f"{name}, page {number + 1}", times, first if not number else None)
            for name, (path, query) in STATISTICS.items():
                report(name, [asked(client, path, query)[0] for _ in range(rounds)])


def asked(client: httpx.Client, path: str, query: dict[str, Any] | None = None) -> tuple[float, Any]:
    """Milliseconds until the answer, and the answer."""
    began = time.perf_counter()
    answer = client.get(path, params=query).raise_for_status()
    return 1000 * (time.perf_counter() - began), answer.json()


def report(name: str, milliseconds: list[float], first: float | None = None) -> None:
    """Prints the median and the 95th percentile, and what the very first took."""
    ordered = sorted(milliseconds)
    p95 = ordered[ceil(0.95 * len(ordered)) - 1]
    cold = f"  (first {first:.1f})" if first is not None else ""
    print(f"  {name:<42} p50 {ordered[len(ordered) // 2]:7.1f} ms   p95 {p95:7.1f} ms{cold}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
