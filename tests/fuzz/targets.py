"""What the fuzzers feed: plain functions of bytes. An exception out of one is a finding; what is bad input is not.

They need no fuzzer: the tests run them over their corpus.
"""

import math
from contextlib import suppress
from io import BytesIO

from handmade import Member, Zips

from api.multipart import BadMultipart, MultipartReader, PartBegins, PartData, PartEnds, TooManyParts, boundary_of
from model.decode import decode
from model.formats import identify
from model.limits import Limits
from model.preview import preview
from model.statistics import NAMES
from model.verdict import Reason, Unreadable
from worker.archive import (
    ArchiveLimits,
    CorruptArchive,
    Entry,
    FileReader,
    Photo,
    Refused,
    UnsafeArchive,
    read_directory,
    read_entry,
)
from worker.sniff import HEAD_BYTES, sniff

ARCHIVE = ArchiveLimits(max_entries=500, max_entry_bytes=1 << 20, max_total_bytes=1 << 26)
PICTURE = Limits(max_pixels=1_000_000, max_file_bytes=1 << 20)
BOUNDARY = b"b"
MOST_FILES = 5


def archive(data: bytes) -> None:
    """A whole upload: told what it is, its directory read, then every entry. One byte chooses how the rest is used."""
    lies = data[:1] == b"\xff"
    whole = built(data[1:]) if lies else data
    sniff(whole[:HEAD_BYTES])
    reader, position = FileReader(BytesIO(whole)), 0
    with suppress(UnsafeArchive, CorruptArchive):
        for fate in read_directory(reader, ARCHIVE):
            if not isinstance(fate, Photo | Refused):
                continue
            name = fate.entry.name if isinstance(fate, Photo) else fate.name
            assert 0 < len(name) <= 255 and not any(ord(character) < 32 for character in name)
            assert position == (fate.entry.position if isinstance(fate, Photo) else fate.position)
            position += 1
            if isinstance(fate, Photo):
                assert Entry.from_row(fate.entry.to_row()) == fate.entry
                with suppress(Unreadable):
                    assert 0 < len(read_entry(reader, fate.entry, 1 << 20)) == fate.entry.size
    assert position <= ARCHIVE.max_entries


def built(data: bytes) -> bytes:
    """An archive of members that lie as ``data`` says, with its offsets and checksums otherwise in order.

    Eight bytes a member: which field lies, by how much, how it is packed, how long it is.
    """
    members = []
    fields = ("size", "compressed", "crc", "offset", "flags", "mode", "method")
    for at in range(0, min(len(data), 160), 8):
        field, amount, method, length, *more = data[at : at + 8].ljust(8, b"\0")
        says: dict[str, object] = {"data": bytes(more) * length, "method": 8 * (method & 1), "extra": bytes(more[:2])}
        member = Member(name=bytes(more) + b".jpg", **says)  # type: ignore[arg-type]
        if field < 2 * len(fields):
            name = fields[field % len(fields)]
            value = (getattr(member, name) or 0) + (amount - 128 if field < len(fields) else amount << 16)
            most = 0xFFFF if name in ("flags", "mode", "method") else 0xFFFFFFFF
            if method & 2 and name in ("size", "compressed", "crc", "flags", "method"):
                member.local[name] = value & most
            else:
                setattr(member, name, value & most)
        members.append(member)
    return Zips().archive(*members)


def picture(data: bytes) -> None:
    """A file decoded and shown in this very process, by every decoder on the allowlist."""
    try:
        identify(data)
        found = decode(data, 64, PICTURE)
    except Unreadable as refusal:
        assert refusal.explanation.endswith(".") and refusal.reason is not Reason.INTERNAL_ERROR
        assert all(math.isfinite(score.value) for score in refusal.scores.values())
        return
    assert found.pixels.shape == (64, 64, 3) and found.width * found.height <= PICTURE.max_pixels
    assert len(found.statistics) == len(NAMES) and all(map(math.isfinite, found.statistics))
    assert preview(data, 32, PICTURE).startswith(b"\xff\xd8\xff")


def multipart(data: bytes) -> None:
    """A form that comes whole, and in pieces whose lengths its first four bytes tell: the same events."""
    cuts, body = data[:4], data[4:]
    with suppress(BadMultipart):
        boundary_of(body[:300].decode("latin-1"))
    whole, pieces, at, turn = _read([body]), list[bytes](), 0, 0
    while at < len(body):
        step = 1 + (cuts[turn % len(cuts)] if cuts else 0)
        pieces.append(body[at : at + step])
        at, turn = at + step, turn + 1
    cut = _read(pieces)
    assert cut == whole, (cut, whole)


def _read(pieces: list[bytes]) -> tuple[list[tuple[str, str | None, bytes]], bool]:
    """The parts that ended, and whether the form was whole."""
    reader, parts, open_part, files = MultipartReader(BOUNDARY, MOST_FILES), [], False, 0
    try:
        for piece in pieces:
            for event in reader.feed(piece):
                match event:
                    case PartBegins(name, filename):
                        assert not open_part
                        open_part, begun, data = True, (name, filename), b""
                        files += filename is not None
                    case PartData(more):
                        assert open_part
                        data += more
                    case PartEnds():
                        assert open_part
                        open_part = False
                        parts.append((*begun, data))
        reader.finish()
    except (BadMultipart, TooManyParts) as refusal:
        assert str(refusal).endswith(".")
        return [], False
    assert files <= MOST_FILES
    return parts, True


TARGETS = {"archive": archive, "picture": picture, "multipart": multipart}
