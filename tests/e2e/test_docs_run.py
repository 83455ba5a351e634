"""What the documents show is run, block after block, against a real Shoebox: shell and Python alike.

A block that cannot run says why in a comment before it: ``<!-- not run: why -->``. Ids and the port are
filled in.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port

from client.client import Client
from client.values import JobView
from model.bundle import Bundle

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?:<!-- not run: (?P<why>.+?) -->\n)?^```(?P<kind>sh|python)\n(?P<text>.*?)^```", re.M | re.S)
DOCUMENTS = ("docs/tagging.md", "docs/reviewing.md", "docs/client.md", "docs/cli.md", "docs/sidecars.md", "docs/api.md")

# A whole page, a benchmark among it: 40 s on two idle cores.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Block:
    """A block of a document that can run."""

    kind: str
    text: str


def blocks(document: str) -> list[Block]:
    """The blocks of a document that can run, in order."""
    found = BLOCK.finditer((ROOT / document).read_text())
    return [Block(block["kind"], block["text"]) for block in found if block["why"] is None]


class World:
    """A home folder with a few photos and a Shoebox at work."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        own = {name: value for name, value in os.environ.items() if not name.startswith("SHOEBOX_")}
        self.environment = own | {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SHOEBOX_DATA_DIR": str(home / ".shoebox"),
            "SHOEBOX_PORT": str(port),
            "SHOEBOX_MODEL": "tiny",
            "SHOEBOX_DASHBOARD": "false",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error::ResourceWarning",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A program in the home folder."""
        return subprocess.run(
            words, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=400
        )  # fmt: skip

    def tagged(self, client: Client) -> JobView:
        """A finished job of some photos: whatever document came before, or one of our own."""
        for _ in range(2):
            for job in client.jobs(state="completed"):
                if (job.counts.accepted or 0) > 1:
                    return job
            assert self.run("shoebox", "tag", "trip").returncode == 0
        raise AssertionError("nothing was tagged")

    def filled(self, text: str) -> str:
        """A block with real ids and the real port."""
        key = (self.home / ".shoebox" / "key").read_text().strip()
        ids: dict[str, str] = {}
        with Client(f"http://127.0.0.1:{self.port}", key) as client:
            if re.search(r"\b(JOB|ITEM|OTHER)\b", text):
                done = self.tagged(client)
                items = [item.id for item in client.items(done.id, decision="accepted")]
                ids = {"JOB": done.id, "ITEM": items[0], "OTHER": items[1]}
            if "TICKET" in text:
                ids["TICKET"] = client.ticket().ticket
            if "BENCHMARK" in text:
                ids["BENCHMARK"] = client.benchmarks()[0]["id"]
        for name in ("JOB", "ITEM", "OTHER", "TICKET", "BENCHMARK"):
            if re.search(rf"\b{name}\b", text):
                text = re.sub(rf"\b{name}\b", ids[name], text)
        return re.sub(r"(127\.0\.0\.1|localhost):8000", f"127.0.0.1:{self.port}", text)


@pytest.fixture(scope="module")
def world(tiny_bundle: Bundle, scene: Callable[..., bytes]) -> Iterator[World]:
    # pytest's own folders are too deep for sockets.
    home = Path(tempfile.mkdtemp(prefix="sb-"))
    (home / "trip" / "rome").mkdir(parents=True)
    for seed, kind in enumerate(("sunset", "forest", "sea", "orchid")):
        (home / "trip" / f"{kind}.jpg").write_bytes(scene(kind, seed))
    (home / "trip" / "rome" / "day1.jpg").write_bytes(scene("sea", 7))
    (home / "trip" / "rome" / "day1.nef").write_bytes(b"raw")
    (home / "beach.jpg").write_bytes(scene("sea", 8))
    shutil.make_archive(str(home / "trip"), "zip", home / "trip")
    shutil.copytree(tiny_bundle.path, home / ".shoebox" / "models" / "tiny")
    found = World(home, free_port())
    # For curl an answer of 400 or more is a failure.
    (home / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    started = found.run("shoebox", "up")
    assert started.returncode == 0, started.stderr
    found.environment["KEY"] = (home / ".shoebox" / "key").read_text().strip()
    yield found
    found.run("shoebox", "down")
    shutil.rmtree(home)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_shown_runs(world: World, document: str) -> None:
    assert blocks(document)
    python = ""
    for block in blocks(document):
        if block.kind == "python":
            python += world.filled(block.text)
            continue
        done = world.run("bash", "-euc", world.filled(block.text))
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    if python:
        done = world.run(sys.executable, "-W", "error", "-c", python)
        assert done.returncode == 0, f"{python}\n{done.stdout}\n{done.stderr}"


def test_blocks_that_do_not_run_say_why() -> None:
    for document in DOCUMENTS:
        for block in BLOCK.finditer((ROOT / document).read_text()):
            assert block["why"] is None or len(block["why"]) > 10
