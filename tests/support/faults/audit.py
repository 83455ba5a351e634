"""The reckoning: the ledger against the rows. Nothing lost, nothing twice, nothing stuck, counts equal to rows."""

import json
from collections import Counter
from dataclasses import dataclass, field

from desk import Desk
from sqlalchemy import func, select

from db.database import Database
from db.query.items import every_item
from db.schema import Item, Job, Shard, Source
from db.states import JobState, ShardState
from faults.ledger import Entry
from faults.stack import Stack

# What a job may say whose upload was hurt on purpose.
TYPED = frozenset({"blob_missing", "blob_changed", "corrupt_archive", "unsafe_archive"})


@dataclass
class Findings:
    """What was counted, and every promise that was broken, in words."""

    figures: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def audit(stack: Stack) -> Findings:
    """Compares the ledger with the rows of a stack at rest."""
    database, entries = stack.database, stack.ledger.read()
    found = Findings(broken=list(stack.broken))
    with database.read() as session:
        jobs = {job.id: job for job in session.scalars(select(Job))}
        leased = select(func.count()).where(Shard.state.in_([ShardState.READY, ShardState.LEASED]))
        stuck = session.scalar(leased) or 0
        reasons = Counter(
            {str(reason): int(n) for reason, n in session.execute(
                select(Item.reason, func.count()).where(Item.decision == "failed").group_by(Item.reason)
            )}
        )  # fmt: skip
        blobs = set(session.scalars(select(Source.blob)))
    if stuck:
        found.broken.append(f"{stuck} shards are still ready or leased")
    if len({entry.job for entry in entries}) != len(entries):
        found.broken.append("two submissions share a job")
    unknown = jobs.keys() - {entry.job for entry in entries}
    if unknown:
        found.broken.append(f"jobs that nobody was told of: {sorted(unknown)}")
    for entry in entries:
        _check(stack, entry, jobs.get(entry.job), found)
    try:
        Desk(database).check()
    except AssertionError as error:
        found.broken.append(f"the rows do not hold together: {error!r}")
    states = Counter(job.state for job in jobs.values())
    found.figures = {
        "jobs accepted": len(entries),
        "photos accepted": sum(len(entry.photos) for entry in entries),
        "rows of photos": sum(job.accepted + job.rejected + job.failed for job in jobs.values()),
        "jobs completed": states[JobState.COMPLETED],
        "jobs canceled": states[JobState.CANCELED],
        "jobs failed": states[JobState.FAILED],
        "jobs whose upload was hurt": len(stack.damaged),
        "photos given up after three deaths (worker_lost)": reasons.pop("worker_lost", 0),
        "photos failed otherwise": sum(reasons.values()),
        "writes refused by the fence": said(stack, "lease_lost"),
        "shards put back by the sweep": said(stack, "shard_recovered"),
        "processes started again": stack.ended.total(),
        "files without a job": len([path for path in stack.blobs.iterdir() if path.name not in blobs]),
    }
    return found


def _check(stack: Stack, entry: Entry, job: Job | None, found: Findings) -> None:
    if job is None:
        found.broken.append(f"job {entry.job} is lost")
        return
    state = JobState(job.state)
    rows = _rows(stack.database, job.id)
    hurt, canceled = stack.damaged.get(job.id), job.id in stack.canceled
    say = f"job {job.id} ({state}, hurt: {hurt}, error: {job.error})"
    if job.idempotency_key != entry.key:
        found.broken.append(f"{say}: another key")
    if not state.finished:
        found.broken.append(f"{say}: stuck")
    if len({position for position, _ in rows}) != len(rows):
        found.broken.append(f"{say}: a photo has two rows")
    if not _sent(entry.photos, rows, hurt is not None):
        found.broken.append(f"{say}: a row of a photo that was never sent")
    if state is JobState.COMPLETED and len(rows) != len(entry.photos) and not hurt:
        found.broken.append(f"{say}: {len(rows)} rows for {len(entry.photos)} photos")
    if state is JobState.FAILED and not (hurt and job.error in TYPED):
        found.broken.append(f"{say}: failed, and nobody hurt its upload that way")
    if state is JobState.CANCELED and not canceled:
        found.broken.append(f"{say}: canceled, and nobody asked for that")
    if state is JobState.CANCELED and job.total is not None and len(rows) + job.canceled != len(entry.photos):
        found.broken.append(f"{say}: {len(rows)} rows and {job.canceled} canceled of {len(entry.photos)}")


def _sent(photos: list[str], rows: list[tuple[int, str]], hurt: bool) -> bool:
    """Whether every row is of a photo that was sent, at its place; one upload fewer moves the places of the others."""
    if not hurt:
        return all(position < len(photos) and photos[position] == name for position, name in rows)
    left = iter(photos)
    return all(name in left for _, name in rows)


def _rows(database: Database, job_id: str) -> list[tuple[int, str]]:
    return [(item.position, item.name) for item in every_item(database, job_id)]


def said(stack: Stack, event: str) -> int:
    """How often the workers' logs say so."""
    logs = [path for path in stack.running.home.glob("*.log") if path.name.startswith(("classify", "control"))]
    lines = (line for path in logs for line in path.read_text(errors="replace").splitlines())
    return sum(1 for line in lines if f'"{event}"' in line and json.loads(line).get("event") == event)
