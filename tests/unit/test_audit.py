"""The audit says what it found, and never takes silence for good news."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from audit import CLEAN, FOUND, UNCHECKED, told

ROOT = Path(__file__).parents[2]
WEAK: dict[str, Any] = {"name": "old", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}]}
SOUND: dict[str, Any] = {"name": "new", "version": "2.0", "vulns": []}
STRANGE: dict[str, Any] = {"name": "ours", "skip_reason": "not found"}


def test_weaknesses_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert told([WEAK, SOUND, STRANGE]) == FOUND
    said = capsys.readouterr().out
    assert "old 1.0: CVE-1 (mended in 1.1, 2.0)" in said
    assert "Not checked: ours" in said and "2 packages checked, 1 with" in said


def test_without_any_it_is_clean() -> None:
    assert told([SOUND, STRANGE]) == CLEAN


def test_a_service_that_knows_nothing_has_checked_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert told([STRANGE]) == UNCHECKED
    assert "Nothing was checked" in capsys.readouterr().err


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    pytest.importorskip("pip_audit", reason="make audit installs pip-audit")
    (tmp_path / "one.txt").write_text("idna==3.10\n")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "tests/support/audit.py", "--no-deps", "--disable-pip", "-r", str(tmp_path / "one.txt")]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, **nowhere, "no_proxy": "", "NO_PROXY": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == UNCHECKED, done.stdout + done.stderr
    assert done.stderr.startswith("Nothing was checked")
