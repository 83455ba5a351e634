"""Blobs in a folder and in S3: seen whole or not at all, under names the server chose, read by position."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from ports import free_port
from s3_server import BUCKET, S3Server

from db import s3_blobs
from db.blob_store import BlobMissing, BlobsAway, BlobStore
from db.blobs import FileBlobs, open_blobs
from db.ids import new_id

MIB = 2**20
# More than is sent to S3 as one request.
LARGE = bytes(range(256)) * (9 * MIB // 256)


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of either kind."""
    if request.param == "file":
        return f"file://{tmp_path / 'blobs'}"
    found: str = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def blobs(url: str) -> BlobStore:
    return open_blobs(url)


def store(blobs: BlobStore, data: bytes) -> str:
    """The key of a new blob."""
    writer = blobs.create()
    writer.write(data)
    return writer.commit()


def content(blobs: BlobStore, key: str) -> bytes:
    reader = blobs.open(key)
    try:
        return reader.read_at(0, reader.size + 1)
    finally:
        reader.close()


def names(blobs: BlobStore) -> list[str]:
    return sorted(file.name for file in blobs.files())


def test_a_blob_is_not_seen_before_it_is_whole(blobs: BlobStore) -> None:
    writer = blobs.create()
    writer.write(LARGE)
    (part,) = blobs.files()
    assert part.name.endswith(".part") and not part.whole and 8 * MIB <= part.bytes <= 9 * MIB and part.age < 60
    with pytest.raises(BlobMissing):
        blobs.open(part.name.removesuffix(".part"))
    writer.write(b"the end")
    key = writer.commit()
    (file,) = blobs.files()
    assert (file.name, file.whole, file.bytes) == (key, True, len(LARGE) + 7) and file.age < 60
    assert content(blobs, key) == LARGE + b"the end"


def test_an_empty_blob_and_one_of_many_writes(blobs: BlobStore) -> None:
    assert content(blobs, blobs.create().commit()) == b""
    writer = blobs.create()
    for number in range(20):
        writer.write(bytes([number]) * MIB)
    reader = blobs.open(writer.commit())
    assert reader.size == 20 * MIB
    assert [reader.read_at(number * MIB - 1, 2) for number in range(1, 20)] == [bytes([n - 1, n]) for n in range(1, 20)]
    reader.close()


@pytest.mark.parametrize("data", [b"half", LARGE], ids=["small", "large"])
def test_an_aborted_blob_leaves_nothing(blobs: BlobStore, data: bytes) -> None:
    writer = blobs.create()
    writer.write(data)
    writer.abort()
    writer.abort()
    assert names(blobs) == []


def test_abort_after_commit_does_nothing(blobs: BlobStore) -> None:
    writer = blobs.create()
    writer.write(LARGE)
    key = writer.commit()
    writer.abort()
    assert names(blobs) == [key]


def test_a_deleted_blob_is_gone_and_may_be_deleted_again(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_blobs, "OLD_SECONDS", 0.0)
    key, other = store(blobs, b"x"), store(blobs, b"y")
    blobs.delete(key)
    blobs.delete(key)
    with pytest.raises(BlobMissing):
        blobs.open(key)
    with pytest.raises(BlobMissing):
        blobs.touch(key)
    assert names(blobs) == [other]


@pytest.mark.parametrize(
    "key", ["", "../secret", "/etc/passwd", "a" * 26, "A" * 25, "A" * 27, "A" * 26 + "\n", "A" * 25 + "/"]
)
def test_only_its_own_names_reach_the_store(blobs: BlobStore, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for work in (blobs.open, blobs.delete, blobs.touch, lambda name: blobs.delete_old(name, 0)):
        with pytest.raises(BlobMissing):
            work(key)


def test_a_key_that_was_never_there_is_missing(blobs: BlobStore) -> None:
    with pytest.raises(BlobMissing):
        blobs.open(new_id())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=some.binary(max_size=300), offset=some.integers(0, 400), length=some.integers(0, 400))
def test_reads_are_slices(blobs: BlobStore, data: bytes, offset: int, length: int) -> None:
    reader = blobs.open(store(blobs, data))
    assert reader.read_at(offset, length) == data[offset : offset + length]
    reader.close()


def test_threads_read_one_blob_at_once(blobs: BlobStore) -> None:
    data = bytes(range(256)) * 64
    reader = blobs.open(store(blobs, data))
    start = threading.Barrier(8)

    def read(number: int) -> bool:
        start.wait()
        offsets = range(number, len(data), 997)
        return all(reader.read_at(offset, 500) == data[offset : offset + 500] for offset in offsets)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(8)))
    reader.close()


def test_old_files_are_deleted_whole_or_not(blobs: BlobStore) -> None:
    key = store(blobs, b"x")
    half = blobs.create()
    half.write(LARGE)
    part = next(name for name in names(blobs) if name != key)
    for name in (key, part):
        assert not blobs.delete_old(name, 3600)
    assert names(blobs) == sorted([key, part])
    for name in (key, part):
        assert blobs.delete_old(name, 0)
        assert not blobs.delete_old(name, 0)
    assert names(blobs) == []
    with pytest.raises(OSError):
        half.commit()


def test_a_store_says_where_it_is_and_answers(blobs: BlobStore, url: str) -> None:
    blobs.probe()
    assert urlsplit(url).path.strip("/") in blobs.place
    assert blobs.room() > MIB


def test_the_folder_is_its_users_alone_and_others_may_use_it(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    assert blobs.folder.stat().st_mode & 0o777 == 0o700
    (blobs.folder / "lost+found").mkdir()
    (blobs.folder / "notes.txt").write_bytes(b"x")
    assert names(blobs) == []
    assert blobs.free_bytes() > 0


def test_who_has_a_file_open_reads_on(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    reader = blobs.open(key := store(blobs, b"x"))
    blobs.delete(key)
    assert reader.read_at(0, 1) == b"x"
    reader.close()


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    blobs.folder.rmdir()
    for work in (blobs.free_bytes, blobs.probe):
        with pytest.raises(OSError, match="blobs"):
            work()


def test_a_file_that_was_touched_is_new(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    key, kept = store(blobs, b"x"), store(blobs, b"y")
    for name in (key, kept):
        os.utime(blobs.folder / name, (0, 0))
    blobs.touch(kept)
    assert blobs.delete_old(key, 3600)
    assert not blobs.delete_old(kept, 3600)
    assert names(blobs) == [kept]


def test_an_object_that_is_touched_when_it_is_old_is_new(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = open_blobs(bucket)
    key = store(blobs, b"x")
    time.sleep(2.1)  # the store counts whole seconds
    blobs.touch(key)
    assert next(blobs.files()).age > 2
    monkeypatch.setattr(s3_blobs, "OLD_SECONDS", 2.0)
    blobs.touch(key)
    assert next(blobs.files()).age < 2
    assert content(blobs, key) == b"x"


def test_what_others_keep_in_a_bucket_is_left_alone(bucket: str, s3_server: S3Server) -> None:
    blobs = open_blobs(bucket)
    prefix = urlsplit(bucket).path.strip("/")
    for name in (f"{prefix}/notes.txt", f"{prefix}/deeper/{new_id()}", f"{prefix}2/{new_id()}"):
        s3_server.client.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    assert names(blobs) == []


def test_a_store_that_is_away_is_not_one_that_lost_a_blob(bucket: str) -> None:
    key = store(open_blobs(bucket), b"x")
    away = urlsplit(bucket)._replace(query=f"endpoint_url=http://127.0.0.1:{free_port()}").geturl()
    for place, says in ((away, "EndpointConnectionError"), (bucket.replace(BUCKET, "no-such-bucket"), "NoSuchBucket")):
        blobs = open_blobs(place)
        for work in (lambda: blobs.open(key), blobs.probe, lambda: names(blobs)):  # noqa: B023
            with pytest.raises(BlobsAway, match=says):
                work()
    blobs = open_blobs(away)
    writer = blobs.create()
    writer.write(b"x")
    with pytest.raises(BlobsAway):
        writer.commit()
    writer.abort()
    blobs.delete(key)  # left to the sweep
    assert content(open_blobs(bucket), key) == b"x"


def test_an_upload_goes_on_where_its_store_was_killed_and_came_back(bucket: str, s3_server: S3Server) -> None:
    blobs = open_blobs(bucket)
    before = store(blobs, b"before")
    writer = blobs.create()
    writer.write(LARGE)
    s3_server.kill()
    s3_server.start()
    writer.write(LARGE)
    assert content(blobs, writer.commit()) == LARGE + LARGE
    assert content(blobs, before) == b"before"


def test_an_upload_whose_end_was_confirmed_unheard_is_complete(bucket: str) -> None:
    blobs = open_blobs(bucket)
    writer = blobs.create()
    writer.write(LARGE)
    key = writer.commit()
    writer._complete()  # type: ignore[attr-defined]
    assert content(blobs, key) == LARGE


def test_a_store_is_opened_by_its_url(tmp_path: Path) -> None:
    store_ = open_blobs(f"file://{tmp_path}/my%20blobs")
    assert isinstance(store_, FileBlobs)
    assert (tmp_path / "my blobs").is_dir()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/plain/path",
        "http://host/blobs",
        "s3://",
        "s3:///prefix",
        "s3://Bucket/prefix",
        "s3://name:secret@bucket/prefix",
        "s3://bucket/prefix?secret=x",
        "s3://bucket/prefix?endpoint_url=nonsense",
        "s3://bucket/prefix?endpoint_url=https://name:secret@host",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SHOEBOX_BLOBS_URL") as refused:
        open_blobs(url)
    assert "secret" not in str(refused.value)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    for name in ("db.s3_blobs", "db.s3_client"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ValueError, match=r"boto3.*\.\[s3\]"):
        open_blobs("s3://bucket")
