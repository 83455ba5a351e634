"""A folder becomes a ZIP without a copy: whole, in order, junk left out, memory flat."""

import os
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

from client.folder import Member, walk
from client.listing import Listing
from client.upload import of_folder
from client.zipstream import ZipStream
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

    assert [member.name for member in walk(tmp_path)] == ["b.jpg", "a/z.jpg", "a/b/c.png"]


def test_stream_is_a_zip_with_the_files_bytes(tmp_path: Path) -> None:
    photos = {"ü/nder.jpg": b"first" * 100_000, "empty.jpg": b"", "old.jpg": b"third"}
    for name, data in photos.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    os.utime(tmp_path / "old.jpg", (0, 0))  # 1970: before the first date that ZIP knows
    whole = tmp_path / "out.zip"

    whole.write_bytes(b"".join(ZipStream(list(walk(tmp_path)))))

    with zipfile.ZipFile(whole) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == photos


def test_second_pass_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    stream = ZipStream(list(walk(tmp_path)))

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
    stream = ZipStream([Member(each.path, each.name, next(sizes)) for each in walk(tmp_path)])
    reader = FileReader(BytesIO(b"".join(stream)))

    found = [fate.entry for fate in read_directory(reader, ArchiveLimits()) if isinstance(fate, Photo)]

    assert [(entry.name, read_entry(reader, entry, 100)) for entry in found] == [
        ("a.jpg", b"first"),
        ("b.jpg", b"second"),
    ]


def test_memory_stays_flat(tmp_path: Path) -> None:
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(64 * 2**20)
    stream = ZipStream(list(walk(tmp_path)))

    tracemalloc.start()
    sent = sum(len(chunk) for chunk in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sent > 64 * 2**20
    assert peak < 4 * 2**20


def skipped(folder: Path) -> dict[str, str]:
    """What is left out of a folder, and why."""
    found: dict[str, str] = {}
    list(walk(folder, found.__setitem__))
    return found


def test_what_is_no_photo_is_left_out_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.JPG", "b.heic", "recovered", "c.NEF", "d.mov", "in/e.jpg.xmp", ".trash", "in/Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "a.JPG")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")

    assert [member.name for member in walk(tmp_path)] == ["a.JPG", "b.heic", "linked.jpg", "recovered"]
    assert skipped(tmp_path) == {
        "c.NEF": "raw photo",
        "d.mov": "no photo",
        "in/e.jpg.xmp": "no photo",
        ".trash": "hidden or junk",
        "in/Thumbs.db": "hidden or junk",
        "gone.jpg": "unreadable",
        "loop": "linked folder",
        "pipe.jpg": "not an ordinary file",
    }


def test_file_that_becomes_a_pipe_does_not_hold_the_upload_up(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    upload = of_folder(tmp_path)
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")

    assert len(b"".join(upload.start())) == 22
    assert upload.left_out == ["a.jpg"]


def test_names_of_any_encoding_become_utf_8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path)
    for name in (b"caf\xe9.jpg", b"back\\slash.jpg", "ü.jpg".encode()):
        with open(raw + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(b"photo")

    with zipfile.ZipFile(BytesIO(b"".join(of_folder(tmp_path).start()))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["back%5Cslash.jpg", "caf%E9.jpg", "ü.jpg"]


def test_file_that_fails_in_its_middle_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    # Reading this one gives EIO, as a bad sector does.
    bad = Member(Path("/proc/self/mem"), "a.jpg", 5)
    (tmp_path / "b.jpg").write_bytes(b"photo")
    seen: list[tuple[str, int]] = []
    stream = ZipStream([bad, *walk(tmp_path)], record=lambda member, at, digest: seen.append((member.name, at)))

    with zipfile.ZipFile(BytesIO(b"".join(stream))) as archive:
        assert archive.read("b.jpg") == b"photo"
    assert stream.left_out == ["a.jpg"]
    assert seen == [("b.jpg", 1)]


def test_folder_that_changes_while_it_is_sent_stays_a_zip(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(b"photo")
    upload = of_folder(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"grown" * 100_000)
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "new.jpg").write_bytes(b"too late")
    (tmp_path / "c.jpg").write_bytes(b"")

    with zipfile.ZipFile(BytesIO(b"".join(upload.start()))) as archive:
        assert archive.testzip() is None
        assert {info.filename: info.file_size for info in archive.infolist()} == {"a.jpg": 500_000, "c.jpg": 0}


def test_listing_is_cut_into_parts_that_can_be_read_again(tmp_path: Path) -> None:
    found = [Member(tmp_path / f"{number}.jpg", f"{number}.jpg", 1000) for number in range(10)]

    by_count = Listing(found, most=4)
    by_bytes = Listing(found, most_bytes=3000)

    assert [part.count for part in by_count.parts] == [4, 4, 2]
    assert [part.count for part in by_bytes.parts] == [2] * 5
    for part in by_count.parts:
        assert list(part) == list(part)
    assert [member for part in by_count.parts for member in part] == found == list(by_bytes)
    assert (by_count.count, by_count.bytes) == (10, 10_000)


def test_many_files_take_little_memory_and_are_found_by_workers(tmp_path: Path) -> None:
    photos = 5000
    for number in range(photos):
        (tmp_path / f"{number:05d} a rather long name as cameras and people give them.jpg").write_bytes(b"x")
    whole = tmp_path.with_suffix(".zip")

    tracemalloc.start()
    with whole.open("wb") as file:
        for chunk in of_folder(tmp_path).start():
            file.write(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    with whole.open("rb") as file:
        found = list(read_directory(FileReader(file), ArchiveLimits()))
    assert len(found) == photos
    assert peak < 6 * 2**20, peak


def test_more_entries_than_an_old_zip_can_count(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    stream = ZipStream([Member(tmp_path / "a.jpg", f"{number}.jpg", 0) for number in range(70_000)])
    reader = FileReader(BytesIO(b"".join(stream)))

    assert sum(1 for _ in read_directory(reader, ArchiveLimits())) == 70_000
