"""What the system keeps in its memory of large uploads: asked of the kernel, not of us."""

import ctypes
import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from running import wait_until

from db.blobs import FileBlobs

MIB = 2**20


def in_memory(path: Path) -> list[bool]:
    """For each MiB of a file, whether the system has a page from the middle of it in its memory."""
    size = path.stat().st_size
    pages = np.zeros(-(-size // mmap.PAGESIZE), np.uint8)
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped:
        place = np.frombuffer(mapped, np.uint8)
        asked = ctypes.CDLL(None).mincore(ctypes.c_void_p(place.ctypes.data), ctypes.c_size_t(size), pages.ctypes)
        del place  # it holds the map
    assert asked == 0
    return [bool(pages[middle // mmap.PAGESIZE] & 1) for middle in range(MIB // 2, size, MIB)]


@pytest.fixture
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileBlobs:
    """Blobs that keep 2 MiB in memory, on a disk whose pages the system gives back when it is told to."""
    if sys.platform != "linux":
        pytest.skip("only Linux is told")
    monkeypatch.setattr("db.blobs.FLUSH_BYTES", MIB)
    monkeypatch.setattr("db.blobs.KEPT_BYTES", 2 * MIB)
    blobs = FileBlobs(tmp_path)
    probe = tmp_path / "probe"
    with probe.open("w+b", buffering=0) as file:
        file.write(bytes(MIB))
        os.fsync(file)
        os.posix_fadvise(file.fileno(), 0, MIB, os.POSIX_FADV_DONTNEED)
    if in_memory(probe) == [True]:
        pytest.skip("this file system keeps all in memory")
    return blobs


def test_a_large_upload_passes_through_memory(forgetful: FileBlobs) -> None:
    writer = forgetful.create()
    (part,) = forgetful.folder.glob("*.part")
    for number in range(6):
        writer.write(bytes([number]) * MIB)
        with part.open("rb") as file:
            os.fsync(file)  # what the disk has not written stays
    assert in_memory(forgetful.folder / writer.commit()) == [False] * 4 + [True] * 2


def test_what_was_judged_is_given_back(forgetful: FileBlobs) -> None:
    for size, kept in ((4, [True, False, False, False]), (2, [True, True])):
        writer = forgetful.create()
        for _ in range(size):
            writer.write(bytes(MIB))
        key = writer.commit()
        reader = forgetful.open(key)
        assert len(reader.read_at(0, size * MIB)) == size * MIB
        assert all(in_memory(forgetful.folder / key))
        reader.forget(MIB, (size - 1) * MIB)
        assert in_memory(forgetful.folder / key) == kept
        reader.close()


def test_what_is_expected_is_fetched_meanwhile(forgetful: FileBlobs) -> None:
    size = 64  # more than a system reads ahead by itself
    writer = forgetful.create()
    for _ in range(size):
        writer.write(bytes(MIB))
    path = forgetful.folder / writer.commit()
    reader = forgetful.open(path.name)
    reader.forget(0, size * MIB)
    assert not any(in_memory(path))
    reader.expect(10 * MIB, 50 * MIB)
    wait_until(lambda: in_memory(path) == [False] * 10 + [True] * 50 + [False] * 4, 20)
    reader.close()
