"""The main job as a user types it: `make tag PHOTOS=…` on a fresh data directory."""

import csv
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from ports import free_port

from model.bundle import Bundle

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]
Make = Callable[..., Done]
Shoebox = Callable[..., Done]


@pytest.fixture(scope="module")
def home(tiny_bundle: Bundle) -> Iterator[Path]:
    """A data directory that holds the tiny model besides what ships; its stack is taken down afterwards."""
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        path = Path(folder) / "home"
        shutil.copytree(tiny_bundle.path, path / "models" / "tiny")
        yield path


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    """The settings of a Shoebox of its own: a port and a data directory nobody else has."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SHOEBOX_", "MAKE"))}
    return own | {"SHOEBOX_DATA_DIR": str(home), "SHOEBOX_PORT": str(free_port()), "SHOEBOX_MODEL": "tiny"}


@pytest.fixture(scope="module")
def make(environment: dict[str, str]) -> Iterator[Make]:
    """``make(target, NAME=value…)`` in the project's folder."""

    def run(target: str, **variables: object) -> Done:
        values = [f"{name}={value}" for name, value in variables.items()]
        return _run(["make", "--silent", target, *values], environment)

    yield run
    run("down")


@pytest.fixture(scope="module")
def shoebox(environment: dict[str, str]) -> Shoebox:
    """``shoebox(argument…)``: the command itself."""
    return lambda *arguments: _run([str(Path(sys.executable).with_name("shoebox")), *arguments], environment)


def _run(command: list[str], environment: dict[str, str]) -> Done:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def png_bomb() -> bytes:
    """A PNG whose header claims 177 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 13_300, 13_300, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def trip(scene: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of good pictures, broken files, junk and bombs."""
    path = tmp_path_factory.mktemp("photos") / "trip.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zip_:
        for kind in ("sunset", "forest", "sea"):
            zip_.writestr(f"good/{kind}.jpg", scene(kind, 1))
        zip_.writestr("odd/orchid.jpg", scene("orchid", 1))
        zip_.writestr("broken/half.jpg", scene("sea", 2)[:2000])
        zip_.writestr("broken/empty.jpg", b"")
        zip_.writestr("broken/notes.txt", "not a picture at all")
        zip_.writestr("broken/vector.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n")
        zip_.writestr("bomb/pixels.png", png_bomb())
        zip_.writestr("bomb/zeros.jpg", bytes(150 * 2**20))
        zip_.writestr("../../outside.jpg", scene("sea", 3))
        zip_.writestr("__MACOSX/good/._sea.jpg", b"junk")
        zip_.writestr(".DS_Store", b"junk")
    return path


def test_the_main_job(make: Make, home: Path, trip: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = make("tag", PHOTOS=trip, OUT=out)
    assert done.returncode == 0, done.stderr + done.stdout

    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    found = {row["name"]: (row["decision"], row["reason"], row["label"]) for row in rows}
    assert found == {
        "good/sunset.jpg": ("accepted", None, "sunset"),
        "good/forest.jpg": ("accepted", None, "forest"),
        "good/sea.jpg": ("accepted", None, "sea"),
        "odd/orchid.jpg": ("rejected", "out_of_distribution", None),
        "broken/half.jpg": ("rejected", "corrupt_image", None),
        "broken/empty.jpg": ("rejected", "empty_file", None),
        "broken/notes.txt": ("rejected", "not_an_image", None),
        "broken/vector.jpg": ("rejected", "unsupported_format", None),
        "bomb/pixels.png": ("rejected", "too_many_pixels", None),
        "bomb/zeros.jpg": ("rejected", "file_too_large", None),
        "../../outside.jpg": ("accepted", None, "sea"),
    }
    assert all(row["explanation"] for row in rows)

    with (out / "results.csv").open(newline="") as file:
        table = {row["name"]: row for row in csv.DictReader(file)}
    assert set(table) == set(found)
    assert table["good/sea.jpg"]["tags"].split("|")[0] == "sea"

    for words in ("sunset", "too many pixels", "drawn sunsets"):
        assert words in done.stdout, done.stdout
    assert not list(home.rglob("outside.jpg"))


def test_a_second_run_reuses_the_stack_and_takes_folders_and_single_images(
    make: Make, home: Path, scene: Callable[..., bytes], tmp_path: Path
) -> None:
    assert make("up").returncode == 0
    before = (home / "run" / "supervisord.pid").read_text()
    library = tmp_path / "library"
    (library / "2024" / "may").mkdir(parents=True)
    (library / "2024" / "may" / "a.jpg").write_bytes(scene("forest", 4))
    (library / "b.jpg").write_bytes(scene("sunset", 5))
    done = make("tag", PHOTOS=library, OUT=tmp_path / "folder")
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [json.loads(line) for line in (tmp_path / "folder" / "results.jsonl").read_text().splitlines()]
    assert {row["name"] for row in rows} == {"2024/may/a.jpg", "b.jpg"}

    single = make("tag", PHOTOS=library / "b.jpg", OUT=tmp_path / "single")
    assert single.returncode == 0, single.stderr + single.stdout
    assert len((tmp_path / "single" / "results.jsonl").read_text().splitlines()) == 1
    assert (home / "run" / "supervisord.pid").read_text() == before


def test_the_shipped_model_refuses_what_it_does_not_know(
    shoebox: Shoebox, scene: Callable[..., bytes], tmp_path: Path
) -> None:
    noise = io.BytesIO()
    Image.frombytes("RGB", (320, 240), os.urandom(320 * 240 * 3)).save(noise, "PNG")
    blank = io.BytesIO()
    Image.new("RGB", (320, 240), (30, 90, 200)).save(blank, "PNG")
    path = tmp_path / "unknown.zip"
    with zipfile.ZipFile(path, "w") as zip_:
        zip_.writestr("noise.png", noise.getvalue())
        zip_.writestr("blank.png", blank.getvalue())
        zip_.writestr("orchid.jpg", scene("orchid", 6))
    done = shoebox("tag", str(path), "--out", str(tmp_path / "out"), "--model", "scenes")
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    found = {row["name"]: row for row in rows}
    assert {row["decision"] for row in rows} == {"rejected"}
    assert (found["blank.png"]["reason"], found["noise.png"]["reason"]) == ("blank", "unnatural_statistics")
    assert {row["model"]["name"] for row in rows} == {"scenes"}


def test_a_killed_process_comes_back_and_down_leaves_none(make: Make, shoebox: Shoebox, home: Path) -> None:
    assert make("up").returncode == 0
    status = make("status")
    assert status.returncode == 0, status.stdout
    killed = pids(shoebox)["api"]
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while pids(shoebox).get("api", killed) == killed or make("doctor").returncode != 0:
        assert time.monotonic() < deadline, make("doctor").stdout
        time.sleep(0.5)
    assert processes_of(home)
    assert make("down").returncode == 0
    assert not processes_of(home)


def pids(shoebox: Shoebox) -> dict[str, int]:
    """The running processes by name."""
    found = json.loads(shoebox("status", "--json").stdout)["processes"]
    return {each["name"]: each["pid"] for each in found if each["state"] == "running"}


def processes_of(home: Path) -> list[int]:
    """Living processes whose environment names the data directory, zombies left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"SHOEBOX_DATA_DIR={home}".encode() in (folder / "environ").read_bytes().split(b"\0")
            running = "State:\tZ" not in (folder / "status").read_text()
        except (OSError, ProcessLookupError):
            continue
        if ours and running and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found
