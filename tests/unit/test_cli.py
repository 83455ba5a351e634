"""The command line without a stack: what it loads, what it says, how it ends."""

import json
import os
import pty
import socket
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
from ports import free_port
from typer.testing import CliRunner

from cli.main import app
from cli.output import Failure, amount, plain, show_json, span
from cli.photos import results_folder
from cli.port import holder
from cli.starting import tail

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "streamlit", "openvino", "onnxruntime", "sqlalchemy", "numpy", "PIL", "celery", "httpx", "pygments")


@pytest.fixture
def shoebox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner whose data directory is empty and whose port nobody listens on."""
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SHOEBOX_PORT", str(free_port()))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_help_is_quick_to_load() -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from cli.main import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
found = [name for name in {HEAVY!r} if name in sys.modules]
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_commands_without_a_stack_say_how_to_start_one(shoebox: CliRunner) -> None:
    for command in (["jobs"], ["job", "J1"], ["cancel", "J1"], ["keys", "list"], ["results", "J1"]):
        found = shoebox.invoke(app, command)
        assert found.exit_code == 3, command
        assert "shoebox up" in found.stderr


def test_a_stack_that_is_gone_is_said_to_be_unreachable(shoebox: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "key").write_text("secret")

    found = shoebox.invoke(app, ["jobs"])

    assert found.exit_code == 3
    assert "does not answer" in found.stderr


def test_status_without_a_stack(shoebox: CliRunner) -> None:
    found = shoebox.invoke(app, ["status", "--json"])

    assert found.exit_code == 3
    assert json.loads(found.stdout)["processes"] == []


def test_down_without_a_stack_is_no_fault(shoebox: CliRunner) -> None:
    found = shoebox.invoke(app, ["down"])

    assert found.exit_code == 0
    assert "was not running" in found.stdout


def test_wrong_settings_are_named(shoebox: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_PORT", "many")

    found = shoebox.invoke(app, ["status"])

    assert found.exit_code == 2
    assert "SHOEBOX_PORT" in found.stderr


def test_photos_that_are_not_there(shoebox: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert shoebox.invoke(app, ["tag", "nothing.zip"]).exit_code == 2
    assert "no photos" in shoebox.invoke(app, ["tag", "empty"]).stderr


def test_taken_port_is_explained(shoebox: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory(prefix="sb-") as short:
        port = taken.getsockname()[1]
        monkeypatch.setenv("SHOEBOX_PORT", str(port))
        monkeypatch.setenv("SHOEBOX_DATA_DIR", short)  # pytest's own folders are too long for sockets

        found = shoebox.invoke(app, ["up"])

        assert found.exit_code == 3
        assert f"port {port} is taken" in found.stderr
        assert f"SHOEBOX_PORT={port + 1}" in found.stderr
        assert holder("127.0.0.1", port) is not None
    assert holder("127.0.0.1", port) is None


def test_prepare_makes_database_and_key_and_keeps_the_key_to_itself(shoebox: CliRunner, tmp_path: Path) -> None:
    found = shoebox.invoke(app, ["prepare"])

    key = tmp_path / "data" / "key"
    assert found.exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in found.stdout


def test_too_long_data_directory_is_explained(
    shoebox: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / ("d" * 100)))

    found = shoebox.invoke(app, ["up"])

    assert found.exit_code == 2
    assert "SHOEBOX_DATA_DIR=" in found.stderr and "choose a shorter one" in found.stderr


def test_doctor_names_what_is_wrong_and_how_to_mend_it(shoebox: CliRunner) -> None:
    found = shoebox.invoke(app, ["doctor", "--json"])

    findings = {each["part"]: each for each in json.loads(found.stdout)}
    assert found.exit_code == 1
    assert findings["python"]["ok"]
    assert findings["port"]["ok"]
    assert findings["decoders"]["ok"] and "out of their reach: " in findings["decoders"]["detail"]
    assert findings["stack"] == {"part": "stack", "ok": False, "detail": "not running", "mend": "shoebox up"}
    assert all(each["mend"] for each in findings.values() if not each["ok"])


def test_results_go_beside_or_where_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert results_folder(tmp_path / "trip.zip", None) == Path("trip.shoebox")
    assert results_folder(Path("trip.zip"), tmp_path / "a" / "b") == tmp_path / "a" / "b"
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failure, match="cannot be written"):
        results_folder(Path("trip.zip"), tmp_path / "file" / "b")


def test_options_of_every_command_stand_before_or_behind_it(shoebox: CliRunner) -> None:
    for words in (
        ["--url", "http://127.0.0.1:9", "--key", "k", "jobs"],
        ["jobs", "--url=http://127.0.0.1:9", "--key=k"],
    ):
        found = shoebox.invoke(app, words)
        assert found.exit_code == 3 and "127.0.0.1:9" in found.stderr
    # What one command was told is forgotten by the next.
    assert "shoebox up" in shoebox.invoke(app, ["jobs"]).stderr


def test_addresses_and_missing_keys_are_explained(shoebox: CliRunner) -> None:
    for url in ("photos.example.org", "ftp://photos.example.org", "http://"):
        found = shoebox.invoke(app, ["jobs", "--url", url, "--key", "k"])
        assert found.exit_code == 2 and "https://photos.example.org" in found.stderr
    assert shoebox.invoke(app, ["jobs", "--url", "https://photos.example.org"]).exit_code == 2
    assert shoebox.invoke(app, ["--url", "https://photos.example.org", "down"]).exit_code == 2


def test_version(shoebox: CliRunner) -> None:
    found = shoebox.invoke(app, ["--version"])

    assert found.exit_code == 0 and found.stdout == f"shoebox {version('shoebox')}\n"


def test_no_colours_but_on_a_terminal_that_wants_them() -> None:
    """Through a real pseudo-terminal: colours there, none with NO_COLOR, and none in a pipe."""

    def said(terminal: bool, **more: str) -> bytes:
        command = [sys.executable, "-c", "from cli.output import complain; complain('x')"]
        variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        ours, theirs = pty.openpty() if terminal else os.pipe()
        subprocess.run(command, env=variables | {"TERM": "xterm-256color"} | more, cwd=ROOT, stderr=theirs, check=True)
        os.close(theirs)
        text = os.read(ours, 1000)
        os.close(ours)
        return text

    assert b"\x1b[1;31m" in said(True)
    assert b"31m" not in said(True, NO_COLOR="1")
    assert said(False) == b"problem: x\n"


def test_names_of_any_encoding_can_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"odd": "caf\udce9", "fine": "ü"})
    assert json.loads(capsys.readouterr().out) == {"odd": "caf\udce9", "fine": "ü"}
    show_json({"fine": "ü"})
    assert "ü" in capsys.readouterr().out


def test_a_data_directory_that_is_none_is_explained(shoebox: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")

    found = shoebox.invoke(app, ["jobs"], catch_exceptions=False)

    assert found.exit_code == 1 and "cannot be read" in found.stderr


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[31m[red]b") == "a\\x1b[31m\\[red]b"


def test_tail_of_a_log(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"line {i}\n" for i in range(100_000)))

    assert tail(tmp_path / "a.log", 2) == ["line 99998", "line 99999"]
    assert tail(tmp_path / "none.log", 2) == []


def test_amounts_and_spans_in_words() -> None:
    assert (amount(1, "photo"), amount(1200, "photo"), amount(0, "entry", "entries")) == (
        "1 photo",
        "1,200 photos",
        "0 entries",
    )
    assert (span(0.2), span(45), span(150), span(7500)) == ("1 s", "45 s", "2 min", "2 h 5 min")
