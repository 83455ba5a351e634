"""A list of photos that lies in a temporary file, so that a library of any size takes no memory."""

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from client.folder import Member

# An entry's two records take about 130 bytes and its name twice.
FRAME = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A run of a listing; iterating again gives the same photos. ``bytes`` are those of the photos themselves."""

    listing: "Listing"
    start: int
    count: int
    bytes: int

    def __iter__(self) -> Iterator[Member]:
        return self.listing.read(self.start, self.count)


class Listing:
    """Photos as they were found, in their order; the file goes with it.

    Read once from ``members``, and cut where a part would pass ``most`` photos or ``most_bytes`` bytes as a ZIP.
    """

    def __init__(self, members: Iterable[Member], most: int | None = None, most_bytes: int | None = None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="shoebox-list-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self.parts: list[Part] = []
        start = count = size = framed = 0
        for member in members:
            room = member.size + FRAME + 2 * len(member.name.encode(errors="surrogateescape"))
            full = count == most or (most_bytes is not None and framed + room > most_bytes)
            if count and full:
                self.parts.append(Part(self, start, count, size))
                start, count, size, framed = self._file.tell(), 0, 0, 0
            row = [str(member.path), member.name, member.size, member.mtime_ns, member.inode]
            self._file.write(json.dumps(row).encode() + b"\n")
            count, size, framed = count + 1, size + member.size, framed + room
        if count:
            self.parts.append(Part(self, start, count, size))

    @property
    def count(self) -> int:
        """How many photos."""
        return sum(part.count for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes of all photos."""
        return sum(part.bytes for part in self.parts)

    def __iter__(self) -> Iterator[Member]:
        return self.read(0, self.count)

    def read(self, start: int, count: int) -> Iterator[Member]:
        """``count`` photos from the one whose row begins at byte ``start``."""
        at = start
        for _ in range(count):
            self._file.seek(at)
            path, *rest = json.loads(self._file.readline())
            at = self._file.tell()
            yield Member(Path(path), *rest)
