"""``shoebox tag`` and what follows it, against a real stack: folders, parts, what is new, uploads that break off."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from relay import Relay
from running import API, Running, running, wait_until
from terminal import Terminal

from cli import complete, context
from cli.known import account_of, judge_of, take_over
from cli.ledger import Ledger
from cli.library import Limits, gather
from cli.sending import Sender
from client.client import Client
from model.bundle import Bundle

ROOT = Path(__file__).parents[2]
Scene = Callable[..., bytes]


@pytest.fixture(scope="module")
def stack(tiny_bundle: Bundle) -> Iterator[Running]:
    with running(tiny_bundle) as found:
        yield found.start().ready()


@pytest.fixture
def shoebox(stack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path / "home", stack)


@pytest.fixture
def trip(tmp_path: Path, scene: Scene) -> Path:
    """A folder with five photos, and files that are none."""
    folder = tmp_path / "trip"
    (folder / "rome").mkdir(parents=True)
    for number, kind in enumerate(("sunset", "forest", "sea", "orchid")):
        (folder / f"{number}.jpg").write_bytes(scene(kind, 10 + number))
    (folder / "rome" / "day 1.jpg").write_bytes(scene("sea", 20))
    (folder / "rome" / "day 1.NEF").write_bytes(b"raw")
    (folder / "notes.txt").write_text("no photo")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


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


def test_only_new_knows_photos_by_their_content(shoebox: Terminal, trip: Path, scene: Scene) -> None:
    assert shoebox.json("tag", trip)["counts"]["total"] == 5
    nothing = shoebox("tag", trip, "--only-new")
    assert nothing.exit_code == 0 and "nothing new: 5 photos had been judged by tiny 1 before" in nothing.stdout

    (trip / "2024").mkdir()
    (trip / "0.jpg").rename(trip / "2024" / "renamed.jpg")
    shutil.copy(trip / "1.jpg", trip / "a copy.jpg")
    (trip / "2.jpg").touch()
    (trip / "3.jpg").write_bytes(scene("forest", 99))
    (trip / "new.jpg").write_bytes(scene("sunset", 98))
    said = shoebox.json("tag", trip, "--only-new", "--out", "out")

    assert said["known"] == 5
    assert {item["name"] for item in lines(Path("out/results.jsonl"))} == {"3.jpg", "new.jpg"}
    assert shoebox.json("tag", trip / "new.jpg", "--only-new") == {"jobs": [], "known": 1, "left_out": {}}
    assert shoebox.json("tag", trip / "new.jpg")["counts"]["total"] == 1

    (shoebox.home / "tagged.db").unlink()
    assert shoebox.json("tag", trip, "--only-new")["counts"]["total"] == 7


def test_only_new_hears_of_jobs_that_nobody_waited_for(stack: Running, shoebox: Terminal, trip: Path) -> None:
    shoebox.home.mkdir()
    with Ledger(shoebox.home) as ledger:
        account = account_of(stack.client, shoebox.url)
        judge = judge_of(stack.client, account, None)
        found = gather(trip, account, {}, Limits(100, 2**30), ledger)
        (job,) = Sender(stack.client, ledger, account, {}).send(found.parcels)
        assert ledger.open_jobs(account) == [job.id]
        assert gather(trip, account, {}, Limits(100, 2**30), ledger, judge).known == 0
        job.wait()
        with Client(shoebox.url, stack.client.create_key("ben", ["submit", "read"], "ben")["secret"]) as other:
            take_over(other, ledger, account_of(other, shoebox.url))
        assert ledger.open_jobs(account) == [job.id]
        take_over(stack.client, ledger, account)
        assert ledger.open_jobs(account) == []
        assert gather(trip, account, {}, Limits(100, 2**30), ledger, judge).known == 5


def test_only_new_is_by_owner(shoebox: Terminal, trip: Path) -> None:
    assert shoebox.json("tag", trip)["counts"]["total"] == 5
    secret = shoebox.json("keys", "create", "ben", "--owner", "ben")["secret"]

    assert shoebox.json("tag", trip, "--only-new", server_key=secret)["counts"]["total"] == 5
    assert shoebox.json("tag", trip, "--only-new", server_key=secret)["known"] == 5
    assert shoebox.json("tag", trip, "--only-new")["known"] == 5


def test_photos_of_a_job_that_had_arrived_before_are_known(stack: Running, shoebox: Terminal, trip: Path) -> None:
    shoebox.home.mkdir()
    account = account_of(stack.client, shoebox.url)
    with Ledger(shoebox.home) as ledger:
        sender = Sender(stack.client, ledger, account, {})
        (parcel,) = gather(trip, account, {}, Limits(100, 2**30), ledger).parcels
        # As when the command is broken off after its first part: this one has arrived, another has not.
        first = sender._one(parcel)
        (again,) = sender.send([parcel])
        assert again.id == first.id
        again.wait()
        take_over(stack.client, ledger, account)
        judge = judge_of(stack.client, account, None)
        assert gather(trip, account, {}, Limits(100, 2**30), ledger, judge).known == 5


def test_only_new_wants_photos_it_can_look_at(shoebox: Terminal, tmp_path: Path, scene: Scene) -> None:
    shutil.make_archive(str(tmp_path / "trip"), "zip", _folder(tmp_path / "in", scene("sea", 1)))

    done = shoebox("tag", tmp_path / "trip.zip", "--only-new")

    assert done.exit_code == 2 and "not a ZIP" in done.stderr


def _folder(path: Path, photo: bytes) -> Path:
    path.mkdir()
    (path / "a.jpg").write_bytes(photo)
    return path


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
