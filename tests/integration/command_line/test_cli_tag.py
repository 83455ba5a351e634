"""``shoebox tag`` and what follows it, against a real stack: folders, parts, what is new, uploads that break off."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from relay import Relay
from running import API, Running, running, wait_until
from terminal import Terminal, lines

from model.bundle import Bundle

ROOT = Path(__file__).parents[3]
Scene = Callable[..., bytes]


def test_a_folder_is_tagged_and_what_stays_behind_is_counted_and_named(shoebox: Terminal, trip: Path) -> None:
    done = shoebox("tag", trip, "--out", "out", "--show-skipped", "--json")

    said = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert said["counts"]["total"] == 5 and said["tags"]["sea"] >= 2
    assert said["left_out"] == {"raw photo": 1, "no photo": 1} and said["unread"] == []
    assert said["results"] == ["out/results.jsonl", "out/results.csv"]
    for words in ("skipped, raw photo: rome/day 1.NEF", "left out: 1", "sending"):
        assert words in done.stderr
    assert {item["name"] for item in lines(Path("out/results.jsonl"))} == {
        "0.jpg", "1.jpg", "2.jpg", "3.jpg", "rome/day 1.jpg",
    }  # fmt: skip


def test_quiet_says_results_alone(shoebox: Terminal, trip: Path) -> None:
    for words in (["--quiet", "tag", trip], ["tag", trip, "--quiet"]):
        done = shoebox(*words)
        assert done.exit_code == 0 and done.stderr == "", done.stderr
        assert "5 photos:" in done.stdout and "\x1b" not in done.stdout


def test_more_photos_than_a_job_may_hold_become_several_jobs_with_one_summary(
    stack: Running, shoebox: Terminal, trip: Path
) -> None:
    done = shoebox("tag", trip, "--out", "out", max_entries=2)

    assert done.exit_code == 0, done.output
    assert "5 photos:" in done.stdout and "3 jobs" in done.stdout
    found = lines(Path("out/results.jsonl"))
    assert len(found) == 5 and len({item["job"] for item in found}) == 3
    with Path("out/results.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [item["name"] for item in found]
    names = [source.name for view in list(stack.client.jobs())[:3] for source in view.sources]
    assert names == ["trip 3.zip", "trip 2.zip", "trip 1.zip"]


def test_an_upload_whose_answer_was_lost_is_picked_up_without_sending_it_again(
    stack: Running, shoebox: Terminal, trip: Path, tmp_path: Path
) -> None:
    before = len(list(stack.client.jobs()))
    with Relay(stack.settings.port) as network:
        through = Terminal(tmp_path / "home", stack, network.url)
        network.deaf_after = 20_000
        lost = through("tag", trip, "--patience", "0")
        assert lost.exit_code == 3 and "broke off" in lost.stderr, lost.output
        network.deaf_after, sent = None, network.sent
        assert sent > 20_000

        again = through("tag", trip, "--out", "out")

        assert again.exit_code == 0, again.output
        assert "had arrived before" in again.stderr and "5 photos:" in again.stdout
        assert network.sent - sent < 10_000
        assert len(list(stack.client.jobs())) == before + 1
        # It is known now: the same command means a new job.
        assert through("tag", trip).exit_code == 0
        assert len(list(stack.client.jobs())) == before + 2


def test_a_server_killed_in_the_middle_of_an_upload(tiny_bundle: Bundle, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    for number in range(4):
        with (large / f"{number}.jpg").open("wb") as file:
            file.truncate(100 * 2**20)
    with running(tiny_bundle) as stack:
        stack.start().ready()
        shoebox = Terminal(tmp_path / "home", stack)
        code = "from cli.main import run; run()"
        command = [sys.executable, "-c", code, "tag", str(large), "--patience", "0", "--out", str(tmp_path / "out")]
        upload = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | shoebox.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        blobs = stack.home / "blobs"
        wait_until(lambda: any(f.stat().st_size > 2**20 for f in blobs.glob("*") if f.is_file()), 30, stack.logs)
        stack.kill(API, signal.SIGKILL)
        out, errors = upload.communicate(timeout=30)

        assert upload.returncode == 3, errors.decode()
        assert b"broke off" in errors and b"Traceback" not in errors and out == b""
        stack.start(API).ready()
        assert list(stack.client.jobs()) == []

        again = shoebox("tag", large, "--out", tmp_path / "out")
        assert again.exit_code == 0, again.output
        assert len(list(stack.client.jobs())) == 1
        assert {item["reason"] for item in lines(tmp_path / "out" / "results.jsonl")} == {"not_an_image"}


def test_ctrl_c_while_sending_leaves_nothing_behind(stack: Running, shoebox: Terminal, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    for number in range(4):
        with (tmp_path / "large" / f"{number}.jpg").open("wb") as file:
            file.truncate(100 * 2**20)
    blobs, before = stack.home / "blobs", len(list(stack.client.jobs()))
    there = {file.name for file in blobs.glob("*")}
    code = "from cli.main import run; run()"
    command = [sys.executable, "-c", code, "tag", str(tmp_path / "large"), "--out", str(tmp_path / "out")]
    upload = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | shoebox.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell's background job ignores Ctrl-C, and so would its children: these tests may run in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: any(file.name not in there for file in blobs.glob("*")), 60, stack.logs)
    upload.send_signal(signal.SIGINT)
    _, errors = upload.communicate(timeout=30)

    assert upload.returncode == 130, errors.decode()
    assert b"interrupted while sending" in errors and b"Traceback" not in errors
    wait_until(lambda: {file.name for file in blobs.glob("*")} == there, 30, stack.logs)
    assert len(list(stack.client.jobs())) == before
