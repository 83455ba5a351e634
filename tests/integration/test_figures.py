"""What the API tells Prometheus of the database: the right numbers, and little work however much there is."""

import re
from pathlib import Path
from typing import Any

from desk import LEASE, Desk
from prometheus_client import CollectorRegistry
from sqlalchemy import event, update

from api.metrics import FRESH_SECONDS, Figures
from db.blobs import FileBlobs
from db.database import Database
from db.schema import Job
from db.states import Kind, Lane
from db.store.workers import beat
from settings import Settings
from worker import meters
from worker.senders import Hints
from worker.sweep import sweep

QUOTA = 10**6


def told(figures: Figures) -> dict[str, float]:
    """Every figure that is not 0, written as Prometheus does."""
    registry = CollectorRegistry()
    registry.register(figures)
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value
    }


def test_the_figures_are_those_of_all_owners(desk: Desk, blobs: FileBlobs) -> None:
    desk.finished(photos=3, owner="cid")
    first = desk.running(photos=10, shard_items=4)
    desk.running(photos=5, owner="bob")
    desk.submit(Kind.IMAGE, Kind.IMAGE)
    desk.submit(Kind.ZIP)
    desk.claim(limit=1, lane=Lane.BULK)
    with desk.database.write() as session:
        session.execute(update(Job).where(Job.id == first).values(submitted_at=Job.submitted_at - 100))
        for name, kind, backend in (("a", "classify", "openvino"), ("b", "classify", "openvino")):
            beat(session, name, kind, "idle", backend=backend)
    found = told(Figures(desk.database, blobs, QUOTA))
    assert found.pop("shoebox_uploads_room_bytes") > 0
    assert 100 <= found.pop("shoebox_queue_age_seconds bulk") < 130
    assert found.pop("shoebox_queue_age_seconds interactive") < 30
    assert found == {
        "shoebox_database_up": 1,
        "shoebox_jobs queued": 1,
        "shoebox_jobs running": 3,
        "shoebox_shards interactive ready": 2,
        "shoebox_shards bulk ready": 3,
        "shoebox_shards bulk leased": 1,
        "shoebox_workers_alive classify openvino": 2,
        "shoebox_uploads_bytes": 60,
        "shoebox_uploads_quota_bytes": QUOTA,
    }


def test_what_has_ended_costs_nothing_and_what_is_known_is_not_asked_for_again(desk: Desk, blobs: FileBlobs) -> None:
    desk.finished(photos=40, shard_items=1)
    desk.running(photos=3, shard_items=1)
    explain, plans, now = "EXPLAIN QUERY PLAN" if desk.database.sqlite else "EXPLAIN", [], 0.0

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        if statement.startswith("SELECT"):
            raw = connection.connection.cursor()
            if not desk.database.sqlite:
                raw.execute("SET LOCAL enable_seqscan = off")  # so few rows are read whole otherwise
            plans.append(f"{statement} {raw.execute(f'{explain} {statement}', values).fetchall()}")

    figures = Figures(desk.database, blobs, 0, lambda: now)
    event.listen(desk.database.engine, "before_cursor_execute", note)
    assert told(figures)["shoebox_shards bulk ready"] == 3
    asked = len(plans)
    told(figures)
    assert len(plans) == asked <= 6
    now = FRESH_SECONDS
    told(figures)
    assert len(plans) == 2 * asked
    event.remove(desk.database.engine, "before_cursor_execute", note)
    for table, index in (
        ("jobs", "ix_jobs_state_lane_id"),
        ("shards", "ix_shards_claim"),
        ("webhooks", "ix_webhooks_"),
    ):
        (plan,) = [plan for plan in plans[:asked] if f"FROM {table}" in plan]
        assert index in plan and re.search(r"\(state=\?|Index Cond: \(+state", plan), plan
    assert not any("items" in plan or "tallies" in plan for plan in plans)


def test_what_a_sweep_makes_of_lost_photos_is_counted(desk: Desk, tmp_path: Path) -> None:
    def counts() -> dict[str, float]:
        told = meters.REGISTRY.get_sample_value
        found = {
            one: told("shoebox_shards_recovered_total", {"outcome": one}) for one in ("ready", "split", "given_up")
        }
        found["lost"] = told("shoebox_items_total", {"decision": "failed", "reason": "worker_lost"})
        return {name: value or 0.0 for name, value in found.items()}

    before = counts()
    job = desk.running(photos=2)
    hints = Hints(Settings(_env_file=None, data_dir=tmp_path))
    while desk.claim(suspects=True) or desk.claim():
        desk.lapse()
        assert sweep(desk.database, hints, 0.0, LEASE)
    hints.close()
    assert [item.reason for item in desk.items(job)] == ["worker_lost", "worker_lost"]
    # Twice whole, then each alone: two more tries, and the third is its last.
    assert {name: value - before[name] for name, value in counts().items()} == {
        "ready": 5, "split": 1, "given_up": 2, "lost": 2,
    }  # fmt: skip


def test_a_database_that_is_away_is_said_to_be(blobs: FileBlobs) -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    families = list(Figures(database, blobs, 0).collect())
    assert [(sample.name, sample.value) for one in families for sample in one.samples] == [("shoebox_database_up", 0)]
    database.close()
