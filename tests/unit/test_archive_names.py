"""Names in archives: shown safely, and told apart from junk."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest

from worker.archive import ArchiveLimits, FileReader, Photo, Skipped, read_directory
from worker.archive_names import is_junk, show_name

UTF8 = 1 << 11


def shown(zips: Any, name: bytes, flags: int = 0, extra: bytes = b"") -> str:
    data = zips.archive(zips.member(name=name, flags=flags, extra=extra))
    (fate,) = read_directory(FileReader(BytesIO(data)), ArchiveLimits())
    assert isinstance(fate, Photo)
    return fate.entry.name


def unicode_path(raw: bytes, name: bytes, version: int = 1) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(name), version, zlib.crc32(raw)) + name


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        (b"photo.jpg", 0, "photo.jpg"),
        (b"../../etc/photo.jpg", 0, "../../etc/photo.jpg"),
        (b"/photo.jpg", 0, "/photo.jpg"),
        (b"C:\\Users\\photo.jpg", 0, "C:\\Users\\photo.jpg"),
        (b"caf\x82.jpg", 0, "café.jpg"),
        ("café.jpg".encode(), UTF8, "café.jpg"),
        ("café.jpg".encode(), 0, "café.jpg"),
        (b"caf\xe9.jpg", UTF8, "caf\\xe9.jpg"),
        (b"a\0b.jpg", 0, "a\\x00b.jpg"),
        (b"a\r\n\x1b[31mb.jpg", 0, "a\\r\\n\\x1b[31mb.jpg"),
        ("gpj\u202eexe.jpg".encode(), UTF8, "gpj\\u202eexe.jpg"),
        ("10.15\u202fAM 日本\u3000.jpg".encode(), UTF8, "10.15\u202fAM 日本\u3000.jpg"),
        (b"\xed\xa0\x80.jpg", UTF8, "\\xed\\xa0\\x80.jpg"),
        (b"", 0, "(no name)"),
    ],
)
def test_a_name_is_shown(zips: Any, raw: bytes, flags: int, name: str) -> None:
    assert shown(zips, raw, flags) == name


def test_the_unicode_path_is_shown_where_it_speaks_of_this_name(zips: Any) -> None:
    meant = "日本.jpg".encode()
    assert shown(zips, b"__.jpg", extra=unicode_path(b"__.jpg", meant)) == "日本.jpg"
    assert shown(zips, b"__.jpg", extra=unicode_path(b"other", meant)) == "__.jpg"
    assert shown(zips, b"__.jpg", extra=unicode_path(b"__.jpg", meant, version=2)) == "__.jpg"
    assert shown(zips, b"__.jpg", extra=unicode_path(b"__.jpg", b"")) == "__.jpg"


@pytest.mark.parametrize("name", ["x" * 70_000, "\0" * 70_000, "\u202e" * 254, "x" * 250 + "\0" * 5])
def test_a_long_name_is_shortened_and_keeps_its_end(name: str) -> None:
    short = show_name(f"{name}.jpg")
    assert len(short) <= 255
    assert short.endswith(".jpg") and "…" in short


@pytest.mark.parametrize("size", [254, 255])
def test_a_name_that_fits_is_whole(size: int) -> None:
    assert show_name("x" * size) == "x" * size


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/photo.jpg",
        "album/__MACOSX/photo.jpg",
        "album\\__MACOSX\\photo.jpg",
        ".DS_Store",
        "album/.DS_Store",
        "Thumbs.db",
        "album\\THUMBS.DB",
        "Desktop.ini",
        "._photo.jpg",
        "album/._photo.jpg",
        "album/",
        "album\\",
    ],
)
def test_junk_is_skipped(zips: Any, name: str) -> None:
    assert is_junk(name, empty=True)
    data = zips.archive(zips.member(name=name.encode(), data=b""))
    (fate,) = read_directory(FileReader(BytesIO(data)), ArchiveLimits())
    assert fate == Skipped(name)


@pytest.mark.parametrize(
    "name", ["photo.jpg", "MACOSX/photo.jpg", "__MACOSX", "a_.jpg", "notes.txt", "Thumbs.db.jpg", ""]
)
def test_anything_else_is_judged(name: str) -> None:
    assert not is_junk(name, empty=True)


def test_a_folder_with_content_is_judged() -> None:
    assert not is_junk("photo.jpg/", empty=False)
