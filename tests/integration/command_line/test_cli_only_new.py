"""``shoebox tag --only-new`` against a real stack: what was tagged, whoever moved or renamed it since."""

import shutil
from collections.abc import Callable
from pathlib import Path

from running import Running
from terminal import Terminal, lines

from cli.known import account_of, judge_of, take_over
from cli.ledger import Ledger
from cli.library import Limits, gather
from cli.sending import Sender
from client.client import Client

ROOT = Path(__file__).parents[3]
Scene = Callable[..., bytes]


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
