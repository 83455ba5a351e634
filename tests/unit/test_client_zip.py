"""A folder becomes a ZIP without a copy: whole, in order, junk left out, memory flat."""

import os
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

from client.upload import of_folder
from client.zipstream import Member, ZipStream, members
from worker.archive import ArchiveLimits, FileReader, Photo, read_directory, read_entry


def test_names_are_sorted_and_hidden_and_junk_files_left_out(tmp_path: Path) -> None:
    for name in (
        "b.jpg",
        "a/z.jpg",
        "a/b/c.png",
        ".hidden.jpg",
        ".git/x.jpg",
        "Thumbs.db",
        "__MACOSX/a.jpg",
        "a/.DS_Store",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    assert [member.name for member in members(tmp_path)] == ["a/b/c.png", "a/z.jpg", "b.jpg"]


def test_stream_is_a_zip_with_the_files_bytes(tmp_path: Path) -> None:
    photos = {"ü/nder.jpg": b"first" * 100_000, "empty.jpg": b"", "old.jpg": b"third"}
    for name, data in photos.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    os.utime(tmp_path / "old.jpg", (0, 0))  # 1970: before the first date that ZIP knows
    whole = tmp_path / "out.zip"

    whole.write_bytes(b"".join(ZipStream(members(tmp_path))))

    with zipfile.ZipFile(whole) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == photos


def test_second_pass_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    stream = ZipStream(members(tmp_path))

    assert b"".join(stream) == b"".join(stream)


def test_file_that_vanished_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    (tmp_path / "b.jpg").write_bytes(b"photo")
    upload = of_folder(tmp_path)
    (tmp_path / "a.jpg").unlink()
    whole = tmp_path / "out.zip"

    whole.write_bytes(b"".join(upload.start()))

    with zipfile.ZipFile(whole) as archive:
        assert archive.namelist() == ["b.jpg"]
    assert upload.left_out == ["a.jpg"]


def test_large_members_are_written_so_that_they_may_pass_4_gib(tmp_path: Path) -> None:
    (tmp_path / "big.jpg").write_bytes(b"small after all")
    whole = tmp_path / "out.zip"

    whole.write_bytes(b"".join(ZipStream([Member(tmp_path / "big.jpg", "big.jpg", 2**31)])))

    with zipfile.ZipFile(whole) as archive:
        assert archive.read("big.jpg") == b"small after all"


def test_workers_find_every_photo_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"first")
    (tmp_path / "b.jpg").write_bytes(b"second")
    sizes = iter([5, 2**31])  # the second entry is written as one that may pass 4 GiB
    stream = ZipStream([Member(each.path, each.name, next(sizes)) for each in members(tmp_path)])
    reader = FileReader(BytesIO(b"".join(stream)))

    found = [fate.entry for fate in read_directory(reader, ArchiveLimits()) if isinstance(fate, Photo)]

    assert [(entry.name, read_entry(reader, entry, 100)) for entry in found] == [
        ("a.jpg", b"first"),
        ("b.jpg", b"second"),
    ]


def test_memory_stays_flat(tmp_path: Path) -> None:
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(64 * 2**20)
    stream = ZipStream(members(tmp_path))

    tracemalloc.start()
    sent = sum(len(chunk) for chunk in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sent > 64 * 2**20
    assert peak < 4 * 2**20
