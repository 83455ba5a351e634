"""A setting that cannot be used ends every program within seconds: exit code 2, a sentence for each, no traceback."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "api": ["-m", "api"],
    "control": ["-m", "worker", "control"],
    "classify": ["-m", "worker", "classify"],
    "migrate": ["-c", "from cli.main import run; run()", "db", "upgrade"],
    "dashboard": ["-m", "dashboard"],
    "up": ["-c", "from cli.main import run; run()", "up"],
    "prepare": ["-c", "from cli.main import run; run()", "prepare"],
}
UPLOADS = (
    "SHOEBOX_BLOBS_URL=file:///proc/nowhere cannot be used: "
    "the place for uploads cannot be used (No such file or directory)"
)
SECONDS = 60  # for all of them at once, on a machine with much else to do


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sb-") as made:
        yield Path(made)


def said(home: Path, wrong: dict[str, str], *names: str) -> dict[str, list[str]]:
    """What each program says on standard error before it ends, all started at once."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SHOEBOX_")}
    environment = own | {"SHOEBOX_DATA_DIR": str(home)} | {f"SHOEBOX_{name}": value for name, value in wrong.items()}
    started = {
        name: subprocess.Popen(
            [sys.executable, *PROGRAMS[name]], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        for name in names or PROGRAMS
    }
    try:
        found = {name: process.communicate(timeout=SECONDS)[1] for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
    assert {name: started[name].returncode for name in found} == dict.fromkeys(found, 2), found
    return {name: text.removeprefix("problem: ").splitlines() for name, text in found.items()}


def test_every_program_names_each_wrong_setting(folder: Path) -> None:
    wrong = {
        "PORT": "99999",
        "BACKEND": "tensorflow",
        "REDIS_URL": "redis://:hush@h:abc/0",
        "DATABSE_URL": "postgresql://ann:hush@h/photos",
    }
    for name, lines in said(folder / "data", wrong).items():
        # What pydantic itself refuses hides what is looked at afterwards.
        assert [line.partition(" ")[0] for line in lines] == ["SHOEBOX_PORT=99999", "SHOEBOX_DATABSE_URL"], name
    del wrong["PORT"]
    for name, lines in said(folder / "data", wrong, "api", "up").items():
        assert [line.partition(" ")[0] for line in lines] == [
            "SHOEBOX_REDIS_URL", "SHOEBOX_BACKEND=tensorflow", "SHOEBOX_DATABSE_URL",
        ], name  # fmt: skip
        assert "hush" not in str(lines)
    assert not (folder / "data").exists()


def test_what_cannot_be_reached_is_named(folder: Path) -> None:
    wrong = {"DATABASE_URL": "postgresql://ann:hush@127.0.0.1:1/photos", "BLOBS_URL": "file:///proc/nowhere"}
    for name, lines in said(folder / "d", wrong, "api", "control", "classify", "up", "migrate").items():
        assert len(lines) == (1 if name == "migrate" else 2), (name, lines)
        assert lines[0].startswith("SHOEBOX_DATABASE_URL cannot be used, its value is not shown"), name
        assert "the database does not answer (" in lines[0] and "Connection refused" in lines[0], name
        assert lines[1:] in ([], [UPLOADS]), name
        assert "hush" not in str(lines)


def test_a_data_directory_that_cannot_be_is_named(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    for name, lines in said(folder / "file" / "data", {}, "api", "control", "up", "prepare").items():
        assert all(line.startswith(f"SHOEBOX_DATA_DIR={folder}/file/data cannot be used: ") for line in lines), name
        assert "(Not a directory)" in lines[0], name


def test_a_model_that_is_not_there_is_named(folder: Path) -> None:
    (lines,) = said(folder / "data", {"MODEL": "nothing"}, "classify").values()
    assert lines[-1].startswith("SHOEBOX_MODEL=nothing cannot be used: "), lines
