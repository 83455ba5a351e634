"""Real hostile archives, where a folder of them is given: each ends typed, quickly and in little memory."""

import os
import time
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from model.verdict import Unreadable
from worker.archive import ArchiveLimits, CorruptArchive, FileReader, Photo, UnsafeArchive, read_directory, read_entry


def judge(data: bytes) -> None:
    """Read all that an archive lets be read; any other exception is a bug."""
    reader, limits = FileReader(BytesIO(data)), ArchiveLimits()
    try:
        for fate in read_directory(reader, limits):
            if isinstance(fate, Photo):
                try:
                    read_entry(reader, fate.entry, limits.max_entry_bytes)
                except Unreadable as refusal:
                    assert refusal.explanation
    except (UnsafeArchive, CorruptArchive) as refusal:
        assert str(refusal)


# Only there where the folder is: without it nothing is collected, and nothing is skipped.
if folder := os.environ.get("SHOEBOX_TEST_DATA"):
    HOSTILE = Path(folder) / "hostile.zip"
    with zipfile.ZipFile(HOSTILE) as archives:
        NAMES = archives.namelist()

    @pytest.mark.parametrize("name", NAMES)
    def test_a_hostile_file_ends_typed(name: str) -> None:
        with zipfile.ZipFile(HOSTILE) as archives:
            data = archives.read(name)
        tracemalloc.start()
        started = time.process_time()
        try:
            judge(data)
            assert time.process_time() - started < 2
            assert tracemalloc.get_traced_memory()[1] < 512 << 20
        finally:
            tracemalloc.stop()
