"""A folder of photos as a ZIP that is made while it is read: no temporary copy, flat memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

CHUNK = 256 * 1024
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"})
# A file may grow while it is read; from here on its entry is written so that it may pass 4 GiB.
_ZIP64_FROM = 2**30


@dataclass(frozen=True, slots=True)
class Member:
    """A file below the folder: its path, its name in the ZIP (``/`` between folders) and its size in bytes."""

    path: Path
    name: str
    size: int


def members(folder: Path) -> list[Member]:
    """The files below ``folder`` in the order of their names; hidden and junk files and folders are left out."""
    found: list[Member] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _wanted(name))
        for name in filter(_wanted, files):
            path = Path(parent, name)
            if path.is_file():
                found.append(Member(path, path.relative_to(folder).as_posix(), path.stat().st_size))
    return sorted(found, key=lambda member: member.name)


@dataclass(slots=True)
class ZipStream:
    """The ZIP of ``members`` as chunks of bytes; iterating again starts again and gives the same bytes.

    Photos are stored, for they are compressed already. ``left_out`` names the files that could not be opened in the
    last pass. Raises `OSError` when a file fails in the middle.
    """

    members: list[Member]
    left_out: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the files themselves; the ZIP is longer by about 200 bytes for each."""
        return sum(member.size for member in self.members)

    def __iter__(self) -> Iterator[bytes]:
        self.left_out.clear()
        sink = _Sink()
        with ZipFile(sink, "w", ZIP_STORED) as archive:
            for member in self.members:
                yield from self._entry(archive, member, sink)
        yield sink.take()

    def _entry(self, archive: ZipFile, member: Member, sink: "_Sink") -> Iterator[bytes]:
        try:
            file = member.path.open("rb")
            # Cameras without a clock write dates before 1980, which ZIP cannot hold.
            info = ZipInfo.from_file(member.path, member.name, strict_timestamps=False)
        except OSError:
            self.left_out.append(member.name)
            return
        with file, archive.open(info, "w", force_zip64=member.size >= _ZIP64_FROM) as entry:
            while chunk := file.read(CHUNK):
                entry.write(chunk)
                yield sink.take()


class _Sink:
    """A file that can only be written to, so that zipfile puts sizes and checksum behind each entry's bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to close."""

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in JUNK
