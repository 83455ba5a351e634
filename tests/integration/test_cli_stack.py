"""The stack of one machine: started, kept up, stopped without a trace. Real processes of all kinds."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from model.bundle import Bundle

ROOT = Path(__file__).parents[2]


class Shoebox:
    """The command line with a data directory and a port of its own."""

    def __init__(self, home: Path, model: str) -> None:
        self.home = home
        self.variables = {
            **os.environ,
            "SHOEBOX_DATA_DIR": str(home),
            "SHOEBOX_PORT": str(free_port()),
            "SHOEBOX_MODEL": model,
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from cli.main import run; run()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=200,
        )

    def pids(self) -> dict[str, int]:
        """The running processes by name."""
        found = json.loads(self("status", "--json").stdout)["processes"]
        return {each["name"]: each["pid"] for each in found if each["state"] == "running"}

    def left(self) -> list[str]:
        """The command lines of all processes that belong to the data directory."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.home) in words:
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found


@pytest.fixture
def shoebox(tiny_bundle: Bundle) -> Iterator[Shoebox]:
    # pytest's own folders are too deep for sockets.
    home = Path(tempfile.mkdtemp(prefix="sb #1 "))
    shutil.copytree(tiny_bundle.path, home / "models" / tiny_bundle.name)
    found = Shoebox(home, tiny_bundle.name)
    yield found
    found("down")
    shutil.rmtree(home)


def eventually(seconds: float, look: Any) -> Any:
    """The first true answer of ``look``."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_stack_is_kept_up_and_leaves_nothing_behind(shoebox: Shoebox) -> None:
    started = shoebox("up")
    assert started.returncode == 0, started.stderr
    assert "shown this once" in started.stdout
    before = shoebox.pids()
    assert set(before) == {"redis", "api", "worker-control", "worker-classify", "dashboard"}
    assert shoebox("doctor").returncode == 0

    again = shoebox("up")
    assert again.returncode == 0
    assert "shown this once" not in again.stdout
    assert shoebox.pids() == before

    for name in ("worker-classify", "redis"):
        os.kill(before[name], signal.SIGKILL)
    assert shoebox("up").returncode == 0
    after = eventually(30, lambda: found if set(found := shoebox.pids()) == set(before) else None)
    assert after["worker-classify"] != before["worker-classify"]
    assert after["redis"] != before["redis"]

    stopped = shoebox("down")
    assert stopped.returncode == 0
    assert eventually(5, lambda: not shoebox.left())
    assert shoebox("status").returncode == 3


def test_orphans_of_a_killed_supervisor_end_with_down(shoebox: Shoebox) -> None:
    assert shoebox("up").returncode == 0
    os.kill(int((shoebox.home / "run" / "supervisord.pid").read_text()), signal.SIGKILL)

    assert shoebox("down").returncode == 0

    assert eventually(5, lambda: not shoebox.left())


def test_damaged_model_is_named_and_nothing_is_left_running(shoebox: Shoebox) -> None:
    damaged = shoebox.home / "models" / "tiny" / "weights.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)

    found = shoebox("up")

    assert found.returncode == 3
    assert "worker-classify does not stay up" in found.stderr
    assert "weights.safetensors" in found.stderr
    assert eventually(5, lambda: not shoebox.left())


def test_as_many_classify_workers_as_were_asked_for_share_one_job(
    shoebox: Shoebox, scene: Callable[..., bytes], tmp_path: Path
) -> None:
    # The sweep finds idle workers, too: here only what a worker tells the next one counts.
    shoebox.variables |= {"SHOEBOX_CLASSIFY_WORKERS": "3", "SHOEBOX_SWEEP_SECONDS": "600", "SHOEBOX_DASHBOARD": "no"}
    shoebox.variables |= {"SHOEBOX_BACKEND": "fake", "SHOEBOX_DECODERS": "1"}
    workers = ["worker-classify", "worker-classify-2", "worker-classify-3"]
    photo = scene("forest")
    with zipfile.ZipFile(tmp_path / "trip.zip", "w") as archive:
        for number in range(800):
            archive.writestr(f"{number}.jpg", photo)

    assert shoebox("up").returncode == 0
    assert set(shoebox.pids()) == {"redis", "api", "worker-control", *workers}
    tagged = shoebox("tag", str(tmp_path / "trip.zip"))

    assert tagged.returncode == 0, tagged.stderr
    claims = {name: (shoebox.home / "logs" / f"{name}.log").read_text().count('"claimed"') for name in workers}
    assert all(claims.values()) and sum(claims.values()) == 800 / 32
