"""The commands about jobs, photos, keys and webhooks against a real stack."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Running, wait_until
from terminal import Terminal

from cli import complete, context

ROOT = Path(__file__).parents[3]
Scene = Callable[..., bytes]


def test_jobs_items_reviews_and_results_from_the_command_line(shoebox: Terminal, trip: Path, tmp_path: Path) -> None:
    job = shoebox.json("tag", trip, "--out", "out")["jobs"][0]["id"]

    assert job in [one["id"] for one in shoebox.json("jobs", "--limit", "3")]
    assert shoebox.json("job", job)["state"] == "completed"
    assert "5 photos:" in shoebox("job", job, "--watch", "--out", "again").stdout
    assert shoebox.json("job", job, "--watch", "--out", "again")["counts"]["total"] == 5
    assert Path("again/results.csv").read_text() == Path("out/results.csv").read_text()

    listed = shoebox("items", job, "--decision", "accepted", "--json").stdout.splitlines()
    first = json.loads(listed[0])
    assert {json.loads(line)["decision"] for line in listed} == {"accepted"}
    assert first["name"] in shoebox("items", job).stdout
    assert shoebox.json("review", first["id"], "--label", "sea")["label"] == "sea"
    assert shoebox.json("review", first["id"], "--correct")["correct"] is True
    assert shoebox.json("review", first["id"], "--none")["label"] is None
    assert shoebox("review", first["id"]).exit_code == 2

    files = shoebox.json("results", job, "--out", "new/folder", "--format", "csv")["results"]
    assert files == ["new/folder/results.csv"] and Path(files[0]).is_file()
    gone = shoebox("results", "nothing", "--out", "never")
    assert gone.exit_code == 4 and not Path("never").exists()

    again = shoebox.json("rerun", job, "--model", "tiny")["id"]
    assert shoebox("cancel", again).exit_code in (0, 4)
    assert shoebox("retry", job).exit_code in (0, 4)


def test_the_shell_is_offered_jobs_and_models(
    shoebox: Terminal, stack: Running, trip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shoebox.json("tag", trip / "0.jpg")["jobs"][0]["id"]
    words = {"_SHOEBOX_COMPLETE": "complete_bash", "COMP_WORDS": f"shoebox job {job[:20]}", "COMP_CWORD": "2"}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'shoebox'; from cli.main import run; run()"]

    offered = subprocess.run(
        command, cwd=ROOT, env=os.environ | shoebox.variables | words, capture_output=True, text=True, timeout=60
    )

    assert job in offered.stdout.splitlines(), offered.stderr
    for name, value in shoebox.variables.items():
        monkeypatch.setenv(name, value)
    context.begin()
    assert [name for name, _ in complete.models("tin")] == ["tiny", "tiny@1"]
    monkeypatch.setenv("SHOEBOX_SERVER_URL", "http://127.0.0.1:9")
    assert complete.models("tin") == complete.jobs("") == []


def test_wrong_servers_and_keys_are_explained(shoebox: Terminal, stack: Running, trip: Path) -> None:
    nowhere = shoebox("jobs", "--url", "http://127.0.0.1:9")
    assert nowhere.exit_code == 3 and "127.0.0.1:9" in nowhere.stderr
    assert shoebox("jobs", "--url", "photos.example.org").exit_code == 2
    wrong = shoebox("--key", "sb_wrong", "jobs")
    assert wrong.exit_code == 4 and "Traceback" not in wrong.stderr
    assert "wants a key" in shoebox("jobs", server_key="").stderr
    assert "leave --url out" in shoebox("--url", shoebox.url, "up").stderr
    status = shoebox("status", "--json")
    assert status.exit_code == 0 and json.loads(status.stdout)["health"]["status"] == "ready"


def test_the_benchmark_of_a_worker_is_shown_with_the_fastest(shoebox: Terminal, trip: Path) -> None:
    done = shoebox("bench", trip / "0.jpg")

    assert done.exit_code == 0, done.output
    assert "Fastest for tiny 1: " in done.stdout and "onnxruntime" in done.stdout
    assert "█" in done.stdout


def test_many_files_are_looked_through_quickly(shoebox: Terminal, stack: Running, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number:05d}.jpg").write_bytes(number.to_bytes(4, "little"))
    assert shoebox.json("tag", many)["counts"]["rejected"] == 3000

    began = time.monotonic()
    done = shoebox("tag", many, "--only-new")

    assert "nothing new: 3,000 photos" in done.stdout
    assert time.monotonic() - began < 5


def test_webhooks_are_asked_for_and_shown(shoebox: Terminal, trip: Path) -> None:
    unsigned = shoebox("tag", trip, "--webhook", "https://nowhere.invalid/hook")
    assert unsigned.exit_code != 0 and "Messages are signed" in unsigned.output
    assert shoebox.json("keys", "webhook-secret")["secret"].startswith("whsec_")
    inside = shoebox("tag", trip, "--webhook", "https://10.0.0.1/hook")
    assert inside.exit_code != 0 and "not one of the public internet" in inside.output

    shoebox.json("tag", trip, "--webhook", "https://nowhere.invalid/hook")

    (job,) = shoebox.json("jobs", "--limit", "1")
    wait_until(lambda: "The host's name is not known." in shoebox("job", job["id"]).stdout.replace("\n", " "), 20)
    assert "webhook to https://nowhere.invalid/hook: not yet, after 1 try" in shoebox("job", job["id"]).stdout


def test_keys_end_are_changed_and_recorded(shoebox: Terminal) -> None:
    made = shoebox.json("keys", "create", "visitor", "--scope", "read", "--days", "9")
    changed = shoebox.json("keys", "rotate", made["id"], "--grace-hours", "1")

    assert changed["id"] == made["id"] and changed["secret"] != made["secret"] and changed["previous_until"]
    listed = shoebox("keys", "list").stdout
    assert "valid until" in listed and made["expires_at"][:10] in listed
    assert [row["action"] for row in shoebox.json("keys", "audit", "--limit", "2")] == ["key_rotated", "key_made"]
    assert "key rotated" in shoebox("keys", "audit").stdout
