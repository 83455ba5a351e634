"""Sidecars on disk: found, read within limits, replaced in one step."""

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sidecars import nobody

from xmp.files import LARGEST, Untouchable, beside, delete, read, write
from xmp.names import Naming, safe_parts, sidecar_name


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that every user may read: pytest's own are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize(
    ("photo", "full", "stem"),
    [
        ("IMG.jpg", "IMG.jpg.xmp", "IMG.xmp"),
        ("a.b.jpeg", "a.b.jpeg.xmp", "a.b.xmp"),
        ("recovered", "recovered.xmp", "recovered.xmp"),
        (".hidden", ".hidden.xmp", ".hidden.xmp"),
    ],
)
def test_both_ways_of_naming(photo: str, full: str, stem: str) -> None:
    assert (sidecar_name(photo, Naming.FULL), sidecar_name(photo, Naming.STEM)) == (full, stem)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/b.jpg", ("a", "b.jpg")),
        ("../../outside.jpg", ("outside.jpg",)),
        ("/etc/passwd.jpg", ("etc", "passwd.jpg")),
        ("C:\\Users\\a.jpg", ("C_", "Users", "a.jpg")),
        ("\\\\server\\share\\a.jpg", ("server", "share", "a.jpg")),
        ("a/./.. /b.jpg", ("a", "b.jpg")),
        ("a/.../b.jpg", ("a", "b.jpg")),
        ("..", ()),
        ("/", ()),
        ("größe/海.jpg", ("größe", "海.jpg")),
        (".hidden/a.jpg", (".hidden", "a.jpg")),
    ],
)
def test_no_name_leads_out_of_its_folder(name: str, parts: tuple[str, ...]) -> None:
    assert safe_parts(name) == parts


def test_a_sidecar_in_capitals_is_found_where_there_is_no_other(tmp_path: Path) -> None:
    photo = tmp_path / "IMG.jpg"
    assert beside(photo, Naming.STEM) == tmp_path / "IMG.xmp"
    (tmp_path / "IMG.XMP").write_text("loud")
    assert beside(photo, Naming.STEM) == tmp_path / "IMG.XMP"
    (tmp_path / "IMG.xmp").write_text("quiet")
    assert beside(photo, Naming.STEM) == tmp_path / "IMG.xmp"


def test_permissions_are_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(read(path), b"new")
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o7777 == 0o640
    write(read(tmp_path / "b.xmp"), b"made")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.xmp", "b.xmp"]
    delete(read(path))
    assert not path.exists()


def test_a_reader_sees_the_old_or_the_new_file_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    versions = {bytes([letter]) * 200_000 for letter in b"ab"}
    path.write_bytes(min(versions))
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        for version in sorted(versions):
            write(read(path), version)
    done.set()
    watcher.join()
    assert seen and seen <= versions


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "kept" / "a.xmp", tmp_path / "a.jpg.xmp"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to("kept/a.xmp")
    write(read(link), b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    target.unlink()
    with pytest.raises(Untouchable, match="leads nowhere"):
        read(link)
    (tmp_path / "loop.xmp").symlink_to("loop.xmp")
    with pytest.raises(Untouchable):
        read(tmp_path / "loop.xmp")


def test_what_is_no_sidecar_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "folder.xmp").mkdir()
    os.mkfifo(tmp_path / "pipe.xmp")
    with (tmp_path / "huge.xmp").open("wb") as file:
        file.truncate(100 * 2**20)
    for name, why in (("folder.xmp", "no file"), ("pipe.xmp", "no file"), ("huge.xmp", "larger than 32 MB")):
        with pytest.raises(Untouchable, match=why):
            read(tmp_path / name)
    assert LARGEST == 32 * 2**20


def test_what_another_program_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    fresh = read(path)
    path.write_bytes(b"theirs")
    with pytest.raises(Untouchable, match="meanwhile"):
        write(fresh, b"ours")
    old = read(path)
    path.write_bytes(b"theirs again")
    for change in (lambda: write(old, b"ours"), lambda: delete(old)):
        with pytest.raises(Untouchable, match="meanwhile"):
            change()
    assert path.read_bytes() == b"theirs again" and list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".xmp")
    write(read(path), b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(Untouchable, match="too long"):
        write(read(tmp_path / ("x" * 252 + ".xmp")), b"new")


def test_a_folder_that_may_not_be_written_to(readable: Path) -> None:
    path = readable / "a.xmp"
    path.write_bytes(b"old")
    readable.chmod(0o555)
    with nobody():
        for change in (lambda: write(read(path), b"new"), lambda: delete(read(path))):
            with pytest.raises(Untouchable, match="Permission denied"):
                change()
    assert path.read_bytes() == b"old" and list(readable.iterdir()) == [path]
