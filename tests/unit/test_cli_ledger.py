"""The memory of what was tagged: what counts as done, what is read again, and which upload has which key."""

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.ledger import Account, Judge, Ledger, digest_of, fingerprint
from cli.output import Failure
from client.folder import Member, walk

HERE = Account("http://here", "anna")
ONE = Judge(HERE, "tiny", "1")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "home").mkdir()
    with Ledger(tmp_path / "home") as found:
        yield found


def photo(path: Path, content: bytes = b"photo", age: float = 100.0) -> Member:
    """A photo that was changed so many seconds ago, as it is found in its folder."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return next(member for member in walk(path.parent) if member.path == path)


def sent(ledger: Ledger, job: str, members: list[Member]) -> None:
    """Sends photos as a job."""
    recording = ledger.recording(f"key of {job}")
    recording.begin()
    for position, member in enumerate(members):
        digest = digest_of(member.path)
        assert digest is not None
        recording.record(member, position, digest)
    recording.finish()
    ledger.accepted("any", f"key of {job}", job, HERE)


def tagged(ledger: Ledger, job: str, members: list[Member], *decisions: str) -> None:
    """Sends photos as a job that ends with these decisions."""
    sent(ledger, job, members)
    ledger.settle([job], [item(job, position, decision) for position, decision in enumerate(decisions)])


def item(job: str, position: int, decision: str) -> dict[str, Any]:
    return {"job": job, "position": position, "decision": decision, "model": {"name": "tiny", "version": "1"}}


def test_accepted_and_rejected_photos_are_done_failed_and_canceled_ones_are_not(ledger: Ledger, tmp_path: Path) -> None:
    photos = [photo(tmp_path / "in" / f"{n}.jpg", f"photo {n}".encode()) for n in range(4)]

    tagged(ledger, "J1", photos, "accepted", "rejected", "failed")

    assert [ledger.is_done(one, ONE) for one in photos] == [True, True, False, False]
    assert ledger.open_jobs(HERE) == []


def test_done_is_by_version_of_the_model_by_server_and_by_owner(ledger: Ledger, tmp_path: Path) -> None:
    one = photo(tmp_path / "in" / "a.jpg")
    tagged(ledger, "J1", [one], "accepted")

    assert ledger.is_done(one, ONE)
    assert not ledger.is_done(one, Judge(HERE, "tiny", "2"))
    assert not ledger.is_done(one, Judge(HERE, "other", "1"))
    assert not ledger.is_done(one, Judge(Account("http://elsewhere", "anna"), "tiny", "1"))
    assert not ledger.is_done(one, Judge(Account("http://here", "ben"), "tiny", "1"))


def test_content_counts_whatever_the_name_and_time(ledger: Ledger, tmp_path: Path) -> None:
    tagged(ledger, "J1", [photo(tmp_path / "in" / "a.jpg", b"same")], "accepted")

    assert ledger.is_done(photo(tmp_path / "elsewhere" / "b.jpg", b"same", age=5000), ONE)
    assert not ledger.is_done(photo(tmp_path / "in" / "a.jpg", b"else"), ONE)


def test_unchanged_files_are_not_read_again(ledger: Ledger, tmp_path: Path) -> None:
    one = photo(tmp_path / "in" / "a.jpg", b"same")
    tagged(ledger, "J1", [one], "accepted")
    # Other content under the same size, time and inode: only who reads the file can know.
    with one.path.open("r+b") as file:
        file.write(b"else")
    os.utime(one.path, ns=(one.mtime_ns, one.mtime_ns))

    assert ledger.is_done(one, ONE)


def test_a_file_that_was_changed_a_moment_ago_is_read_again(ledger: Ledger, tmp_path: Path) -> None:
    one = photo(tmp_path / "in" / "a.jpg", b"same", age=0)
    tagged(ledger, "J1", [one], "accepted")
    with one.path.open("r+b") as file:
        file.write(b"else")
    os.utime(one.path, ns=(one.mtime_ns, one.mtime_ns))

    assert not ledger.is_done(one, ONE)


def test_an_upload_keeps_its_key_until_all_of_the_command_has_arrived(ledger: Ledger) -> None:
    key, job, used = ledger.upload_key("first part")
    assert (job, used) == (None, False)
    assert ledger.upload_key("first part") == (key, None, True)
    assert ledger.upload_key("second part")[0] != key

    ledger.accepted("first part", key, "J1", HERE)
    assert ledger.upload_key("first part") == (key, "J1", True)

    ledger.all_accepted(["first part", "second part"])
    again, job, used = ledger.upload_key("first part")
    assert again != key and job is None and not used


def test_a_second_pass_over_the_photos_takes_the_place_of_the_first(ledger: Ledger, tmp_path: Path) -> None:
    first, second = (photo(tmp_path / "in" / name, name.encode()) for name in ("a.jpg", "b.jpg"))
    recording = ledger.recording("key")
    for order in ([first, second], [second]):  # the first photo vanished in between
        recording.begin()
        for position, member in enumerate(order):
            digest = digest_of(member.path)
            assert digest is not None
            recording.record(member, position, digest)
        recording.finish()
    ledger.accepted("any", "key", "J1", HERE)

    ledger.settle(["J1"], [item("J1", 0, "accepted")])

    assert ledger.is_done(second, ONE) and not ledger.is_done(first, ONE)


def test_uploads_differ_by_server_owner_options_and_photos(tmp_path: Path) -> None:
    one, two = photo(tmp_path / "in" / "a.jpg"), photo(tmp_path / "in" / "b.jpg")
    told = {
        fingerprint(HERE, {}, [one]),
        fingerprint(Account("http://there", "anna"), {}, [one]),
        fingerprint(Account("http://here", "ben"), {}, [one]),
        fingerprint(HERE, {"model": "tiny"}, [one]),
        fingerprint(HERE, {}, [one, two]),
        fingerprint(HERE, {}, [photo(tmp_path / "in" / "a.jpg", age=50)]),
    }

    assert len(told) == 6
    assert fingerprint(HERE, {}, [one]) in told


def test_a_job_that_is_accepted_again_keeps_what_is_known_of_its_photos(ledger: Ledger, tmp_path: Path) -> None:
    one = photo(tmp_path / "in" / "a.jpg")
    sent(ledger, "J1", [one])
    ledger.accepted("any", "key of J1", "J1", HERE)

    ledger.settle(["J1"], [item("J1", 0, "accepted")])

    assert ledger.is_done(one, ONE)


def test_others_write_while_verdicts_come_slowly(ledger: Ledger, tmp_path: Path) -> None:
    photos = [photo(tmp_path / "in" / f"{n}.jpg", f"photo {n}".encode()) for n in range(2)]
    sent(ledger, "J1", photos[:1])
    sent(ledger, "J2", photos[1:])

    def slowly() -> Iterator[dict[str, Any]]:
        for job in ("J1", "J2"):
            with Ledger(ledger.path.parent) as other:
                assert not other.upload_key(job)[2]
            yield item(job, 0, "accepted")

    ledger.settle(["J1", "J2"], slowly())

    assert [ledger.is_done(one, ONE) for one in photos] == [True, True]
    assert ledger.open_jobs(HERE) == []


def test_verdicts_that_break_off_are_taken_over_the_next_time(ledger: Ledger, tmp_path: Path) -> None:
    photos = [photo(tmp_path / "in" / f"{n}.jpg", f"photo {n}".encode()) for n in range(2)]
    sent(ledger, "J1", photos)

    def broken() -> Iterator[dict[str, Any]]:
        yield item("J1", 0, "accepted")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ledger.settle(["J1"], broken())
    assert ledger.open_jobs(HERE) == ["J1"]
    ledger.settle(["J1"], [item("J1", position, "accepted") for position in range(2)])

    assert [ledger.is_done(one, ONE) for one in photos] == [True, True]


FILES = "CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, digest BLOB);"
OLDER = {
    "without owners": (
        "CREATE TABLE jobs (job TEXT PRIMARY KEY, server TEXT);"
        "CREATE TABLE done (size INTEGER, digest BLOB, server TEXT, model TEXT, version TEXT);"
        "INSERT INTO jobs VALUES ('J0', 'http://here');"
    ),
    "with other digests": (
        "CREATE TABLE jobs (job TEXT PRIMARY KEY, server TEXT, owner TEXT);"
        "INSERT INTO jobs VALUES ('J0', 'http://here', 'anna'); PRAGMA user_version = 2;"
    ),
}


@pytest.mark.parametrize("tables", OLDER.values(), ids=OLDER)
def test_an_older_memory_begins_anew(tmp_path: Path, tables: str) -> None:
    old = sqlite3.connect(tmp_path / "tagged.db")
    old.executescript(f"{FILES} INSERT INTO files VALUES (x'00', 1, 1, 1, x'00'); {tables}")
    old.close()
    one = photo(tmp_path / "in" / "a.jpg")

    for _ in range(2):
        with Ledger(tmp_path) as ledger:
            assert ledger.open_jobs(HERE) == []
    with Ledger(tmp_path) as ledger:
        tagged(ledger, "J1", [one], "accepted")
    with Ledger(tmp_path) as ledger:
        assert ledger.is_done(one, ONE)
    kept = sqlite3.connect(tmp_path / "tagged.db").execute("SELECT count(*) FROM files").fetchone()
    assert kept == (1,)


def test_a_memory_that_is_none_is_explained(tmp_path: Path) -> None:
    (tmp_path / "tagged.db").write_bytes(b"this is no database at all, whatever its name says" * 100)

    with pytest.raises(Failure, match="may be deleted"):
        Ledger(tmp_path)


def test_the_memory_is_its_owners_alone(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o777 == 0o600
