"""What a process looks for garbage in: not in what it loads, but in all that comes afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.database import Database
from db.upgrade import upgrade

SAY = "lambda *_, **__: print(gc.isenabled(), gc.get_freeze_count() > 100_000)"


@pytest.mark.parametrize(
    ("library", "serving", "start", "arguments"),
    [("uvicorn", "Server.run", "api.start", ""), ("celery.apps.worker", "Worker.start", "worker.start", "['control']")],
    ids=["api", "worker"],
)
def test_a_process_that_serves_looks_for_garbage_again(
    tmp_path: Path, library: str, serving: str, start: str, arguments: str
) -> None:
    database = Database(f"sqlite:///{tmp_path}/shoebox.db")
    upgrade(database)
    database.close()
    code = f"import gc, {library}, {start}; gc.disable(); {library}.{serving} = {SAY}; {start}.main({arguments})"
    environment = os.environ | {"SHOEBOX_DATA_DIR": str(tmp_path), "SHOEBOX_LOG_LEVEL": "error"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert said.stdout.split() == ["True", "True"], said.stderr
