"""Archives written byte by byte, so that each can lie in its own way."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Member:
    """A file in a handmade archive. What is left at None is told truthfully; ``local`` is what its own header says."""

    name: bytes = b"photo.jpg"
    data: bytes = b"picture"
    method: int = 0
    flags: int = 0
    mode: int = 0o100644
    packed: bytes | None = None
    size: int | None = None
    compressed: int | None = None
    crc: int | None = None
    offset: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    hidden: bool = False

    def __post_init__(self) -> None:
        if self.packed is None:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.packed = squeeze.compress(self.data) + squeeze.flush() if self.method == 8 else self.data
        self.size = len(self.data) if self.size is None else self.size
        self.compressed = len(self.packed) if self.compressed is None else self.compressed
        self.crc = zlib.crc32(self.data) if self.crc is None else self.crc

    def local_bytes(self) -> bytes:
        says = {"mark": b"PK\x03\x04", "extra": b"", "behind": b""} | {
            key: getattr(self, key) for key in ("name", "method", "flags", "crc", "compressed", "size")
        }
        says |= self.local
        numbers = (20, says["flags"], says["method"], 0, 0, says["crc"], says["compressed"], says["size"])
        lengths = (len(says["name"]), len(says["extra"]))
        header = struct.pack("<4s5H3L2H", says["mark"], *numbers, *lengths)
        return b"".join([header, says["name"], says["extra"], self.packed or b"", says["behind"]])

    def directory_bytes(self, offset: int) -> bytes:
        numbers = (0x0314, 20, self.flags, self.method, 0, 0, self.crc, self.compressed, self.size)
        lengths = (len(self.name), len(self.extra), len(self.comment))
        place = (0, 0, self.mode << 16, offset if self.offset is None else self.offset)
        header = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *numbers, *lengths, *place)
        return header + self.name + self.extra + self.comment


class Zips:
    """Handmade archives."""

    @staticmethod
    def member(**says: Any) -> Member:
        return Member(**says)

    @staticmethod
    def end(
        count: int, length: int, directory: int, comment: bytes = b"", here: int | None = None, disk: int = 0
    ) -> bytes:
        claims = (disk, 0, count if here is None else here, count, length, directory, len(comment))
        return struct.pack("<4s4H2LH", b"PK\x05\x06", *claims) + comment

    @staticmethod
    def end64(count: int, length: int, directory: int, start: int | None = None) -> bytes:
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, directory)
        return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, directory + length if start is None else start, 1)

    @staticmethod
    def body(members: Iterable[Member]) -> tuple[bytes, bytes]:
        """The local part and the directory of an archive."""
        local, directory = b"", b""
        for member in members:
            offset = len(local)
            local += member.local_bytes()
            directory += b"" if member.hidden else member.directory_bytes(offset)
        return local, directory

    def archive(self, *members: Member, count: int | None = None, comment: bytes = b"") -> bytes:
        local, directory = self.body(members)
        told = sum(not member.hidden for member in members) if count is None else count
        return local + directory + self.end(told, len(directory), len(local), comment)

    def overlapping(self, files: int, kernel: bytes) -> bytes:
        """David Fifield's quoted overlap: stored blocks quote the next local header, all files end in one kernel."""
        last = Member(data=kernel, method=8)
        data, packed, members = kernel, last.packed or b"", list[Member]()
        for number in reversed(range(files)):
            members.append(Member(name=b"%04d" % number, data=data, method=8, packed=packed, offset=number * 39))
            header = members[-1].local_bytes()[:34]
            data, packed = header + data, struct.pack("<B2H", 0, 34, 34 ^ 0xFFFF) + header + packed
        members.reverse()
        local, directory = members[0].local_bytes(), b"".join(member.directory_bytes(0) for member in members)
        return local + directory + self.end(files, len(directory), len(local))
