"""The tables: made from nothing, by several processes at once, the same as the model, and taken down again."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from desk import at_once
from sqlalchemy import insert, inspect, select, text

from db.buckets import bucket_of
from db.database import Database
from db.query.latency import latencies
from db.schema import Base, Beat, Item, Job, Source
from db.upgrade import MIGRATIONS, is_current, upgrade

ROOT = MIGRATIONS.parent.parent
REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))
HEAD = REVISIONS[-1]
# What a migration changes or removes although it was there, as table.column: nothing of the release before uses it.
AGREED = {"0005": {"items.name"}}  # its collation alone


def migrate(database: Database, how: Callable[[Config, str], None], revision: str) -> None:
    """Brings the tables up or down to a revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.execution_options(shoebox_write=True).begin() as connection:
        config.attributes["connection"] = connection
        how(config, revision)


def test_a_new_database_is_migrated_once(empty_url: str) -> None:
    database = Database(empty_url)
    assert not is_current(database)
    upgrade(database)
    upgrade(database)
    assert is_current(database)
    with database.read() as session:
        assert session.scalars(select(Beat.name).order_by(Beat.name)).all() == ["retention", "sweep"]
    database.close()


def test_several_processes_may_migrate_at_once(empty_url: str, tmp_path: Path) -> None:
    environment = os.environ | {"SHOEBOX_DATABASE_URL": empty_url, "SHOEBOX_DATA_DIR": str(tmp_path)}
    command_line = [sys.executable, "-c", "from cli.main import run; run()", "db", "upgrade"]
    processes = [subprocess.Popen(command_line, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    database = Database(empty_url)
    assert is_current(database)
    database.close()


# SQLite tells nothing of what an index computes: that the days' index serves, its plan shows (test_db_history.py).
@pytest.mark.filterwarnings("ignore:.*expression-based index '?ix_items_owner_day")
def test_the_migrations_make_what_the_model_says(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_downgrade_leaves_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    upgrade(database)
    migrate(database, command.downgrade, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    upgrade(database)
    assert is_current(database)
    database.close()


def test_the_tables_of_a_newer_version_serve_and_are_left_alone(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    assert is_current(database)
    upgrade(database)
    with database.write() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "later"
        session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})


def test_migrations_only_add(empty_url: str) -> None:
    """What a program of the version before does not know must not stand in its way, and what it knows must stay."""
    database = Database(empty_url)
    before: dict[tuple[str, str], tuple[Any, ...]] = {}
    for revision in REVISIONS:
        migrate(database, command.upgrade, revision)
        found = inspect(database.engine)
        now = {
            (table, column["name"]): (str(column["type"]), column["nullable"], column["default"])
            for table in found.get_table_names()
            for column in found.get_columns(table)
        }
        changed = {".".join(column) for column, said in before.items() if now.get(column) != said}
        assert changed <= AGREED.get(revision, set()), f"{revision} changes or removes what others may use"
        old = {table for table, _ in before}
        for (table, name), (_, nullable, default) in now.items():
            if (table, name) not in before and table in old:
                assert nullable or default is not None, f"{revision} adds {table}.{name}, which others do not fill"
        before = now
    database.close()


def test_threads_wait_for_their_turn_to_write(database: Database) -> None:
    def move_on(_: int) -> None:
        with database.write() as session:
            beat = session.scalars(select(Beat).where(Beat.name == "sweep").with_for_update()).one()
            beat.due_at += 1

    at_once(move_on, range(12))
    with database.read() as session:
        assert session.scalars(select(Beat.due_at).where(Beat.name == "sweep")).one() == 12


def test_many_may_open_a_new_database_at_once(empty_url: str) -> None:
    def look(_: int) -> list[str]:
        database = Database(empty_url)
        with database.read() as session:
            tables = inspect(session.connection()).get_table_names()
        database.close()
        return tables

    assert at_once(look, range(12)) == [[]] * 12


def test_photos_judged_before_latencies_were_kept_are_counted(empty_url: str) -> None:
    database = Database(empty_url)
    migrate(database, command.upgrade, "0005")
    with database.write() as session:
        at = 1e9
        times = {"submitted_at": at, "started_at": at, "finished_at": at}
        words = {"owner": "ann", "model": "tiny", "version": "1"}
        job = {"id": "J", "lane": 1, "state": "completed", "fingerprint": "f", "params": {}, "meta": {}} | words
        session.execute(insert(Job).values(**job, **times))
        session.execute(insert(Source).values(id="S", blob="S", kind="zip", bytes=1, digest="0", created_at=at))
        said = {"decision": "accepted", "explanation": "", "tags": [], "scores": {}, "entry": [], "name": "a"} | words
        for position, milliseconds in enumerate((2.0, 2.0, 8.0, None, 0.0)):
            place = {"job_id": "J", "position": position, "source_id": "S", "decided_at": at + 3600 * position}
            session.execute(insert(Item).values(**said, **place, backend="onnx", inference_ms=milliseconds))
    upgrade(database)
    with database.read() as session:
        found = latencies(session, "ann", "backend")
        hours = list(latencies(session, "ann", "hour"))
    assert found == {"onnx": {bucket_of(2.0): 2, bucket_of(8.0): 1, bucket_of(0.0): 1}}
    assert hours == [int(at // 3600) + n for n in (0, 1, 2, 4)]
    database.close()
