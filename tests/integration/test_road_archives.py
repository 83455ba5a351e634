"""Hostile archives on the whole road: sent to a real API, opened and judged by real workers, over both databases.

All are sent first, and each test looks at what became of one of them.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from handmade import Member, Zips
from running import Running, running

from client.client import Client
from client.errors import Refused
from client.job import Job
from client.upload import ZIP, Upload
from client.values import JobView
from model.bundle import Bundle

Build = Callable[[Zips, bytes], bytes]
Fate = tuple[str, str]

PHOTO = ("photo.jpg", "accepted")
WRITTEN = "written-by-an-archive.jpg"


def deflated(photo: bytes, name: bytes = b"photo.jpg") -> Member:
    return Member(name=name, data=photo, method=8)


def beside(zips: Zips, photo: bytes, **says: object) -> bytes:
    """An entry that says something odd, and a good photo behind it."""
    return zips.archive(zips.member(name=b"bad.jpg", **says), deflated(photo))


def zip64(zips: Zips, photo: bytes, count: int, short: int = 0xFFFF) -> bytes:
    local, directory = zips.body([deflated(photo)])
    end = zips.end(short, 0xFFFFFFFF, 0xFFFFFFFF)
    return local + directory + zips.end64(count, len(directory), len(local)) + end


def streamed(photo: bytes) -> bytes:
    """As Python writes where it cannot go back: sizes and checksum behind the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.jpg", photo)
    assert struct.unpack_from("<H", pipe.getvalue(), 6)[0] & 8
    return pipe.getvalue()


def whole(zips: Zips, photo: bytes) -> bytes:
    return zips.archive(deflated(photo))


# What ends the source, and with it a job that has no other.
UNSAFE: dict[str, Build] = {
    "overlapping entries": lambda zips, photo: zips.overlapping(200, photo),
    "many entries on one header": lambda zips, photo: zips.archive(
        deflated(photo), *(Member(offset=0, packed=b"") for _ in range(500))
    ),
    "billions of entries": lambda zips, photo: zip64(zips, photo, 2**40),
    "65,534 entries claimed": lambda zips, photo: zips.archive(deflated(photo), count=65_534),
    "more entries than the limit": lambda zips, photo: zips.archive(*(Member(data=b"x") for _ in range(601))),
    "prefixed": lambda zips, photo: b"PK\3\4 program" + whole(zips, photo),
    "trailing": lambda zips, photo: whole(zips, photo) + b"more",
    "concatenated": lambda zips, photo: whole(zips, photo) * 2,
    "zip64 that contradicts the end record": lambda zips, photo: zip64(zips, photo, 1, short=2),
    "more bytes than the limit": lambda zips, photo: zips.archive(
        *(Member(name=b"%d.jpg" % n, data=b"", size=100 << 20) for n in range(11))
    ),
}

SAME = b"same.jpg"
# What is judged entry by entry: each name as it is shown, with its decision or reason, in order.
JUDGED: dict[str, tuple[Build, list[Fate]]] = {
    "1000:1, declared small": (
        lambda zips, photo: beside(zips, photo, data=bytes(50_000_000), method=8, size=5000),
        [("bad.jpg", "corrupt_image"), PHOTO],
    ),
    "declared larger": (
        lambda zips, photo: beside(zips, photo, data=photo, size=len(photo) + 1),
        [("bad.jpg", "corrupt_image"), PHOTO],
    ),
    "bad CRC": (
        lambda zips, photo: beside(zips, photo, data=photo, crc=zlib.crc32(photo) ^ 1),
        [("bad.jpg", "corrupt_image"), PHOTO],
    ),
    "a ZIP in the ZIP": (
        lambda zips, photo: beside(zips, photo, data=whole(zips, photo)),
        [("bad.jpg", "unsupported_format"), PHOTO],
    ),
    "methods": (
        lambda zips, photo: zips.archive(
            *(zips.member(name=b"%d.jpg" % method, data=photo, method=method) for method in (9, 12, 14, 93)),
            deflated(photo),
        ),
        [*((f"{method}.jpg", "unsafe_entry") for method in (9, 12, 14, 93)), PHOTO],
    ),
    "duplicate names": (
        lambda zips, photo: zips.archive(deflated(photo, SAME), deflated(b"no picture", SAME), deflated(photo, SAME)),
        [("same.jpg", "accepted"), ("same.jpg", "not_an_image"), ("same.jpg", "accepted")],
    ),
    "names that are paths": (
        lambda zips, photo: zips.archive(
            *(
                deflated(photo, before + WRITTEN.encode())
                for before in (b"../../", b"/tmp/", b"C:\\", b"..\\..\\", b"file:///tmp/")
            )
        ),
        [(before + WRITTEN, "accepted") for before in ("../../", "/tmp/", "C:\\", "..\\..\\", "file:///tmp/")],
    ),
    "a link": (
        lambda zips, photo: beside(zips, photo, data=b"/etc/passwd", mode=0o120777),
        [("bad.jpg", "unsafe_entry"), PHOTO],
    ),
    "a password": (lambda zips, photo: beside(zips, photo, flags=1), [("bad.jpg", "encrypted_entry"), PHOTO]),
    "strange names": (
        lambda zips, photo: zips.archive(
            *(
                zips.member(name=name, data=photo, flags=flags)
                for name, flags in (
                    (b"a\0b.jpg", 0),
                    (b"a\r\n\x1b[31mb.jpg", 0),
                    ("gpj\u202eexe.jpg".encode(), 1 << 11),
                    (b"caf\xe9.jpg", 1 << 11),
                    (b"\xed\xa0\x80.jpg", 1 << 11),
                    (b"x" * 60_000 + b".jpg", 0),
                    ("é".encode() * 30_000 + b".jpg", 1 << 11),
                )
            )
        ),
        [
            (name, "accepted")
            for name in (
                "a\\x00b.jpg",
                "a\\r\\n\\x1b[31mb.jpg",
                "gpj\\u202eexe.jpg",
                "caf\\xe9.jpg",
                "\\xed\\xa0\\x80.jpg",
                "x" * 200 + "…" + "x" * 50 + ".jpg",
                "é" * 200 + "…" + "é" * 50 + ".jpg",
            )
        ],
    ),
    "a header unlike the directory": (
        lambda zips, photo: beside(zips, photo, data=photo, local={"name": b"other.jpg"}),
        [("bad.jpg", "unsafe_entry"), PHOTO],
    ),
    "data descriptors": (lambda zips, photo: streamed(photo), [PHOTO]),
    "empty": (lambda zips, photo: zips.archive(), []),
    "junk only": (
        lambda zips, photo: zips.archive(
            zips.member(name=b"__MACOSX/", data=b""),
            zips.member(name=b"__MACOSX/._a.jpg"),
            zips.member(name=b".DS_Store"),
        ),
        [],
    ),
}


class Sent:
    """A running Shoebox and the jobs that were sent to it, by name."""

    def __init__(self, stack: Running, jobs: dict[str, Job]) -> None:
        self._jobs = jobs
        self.stack = stack

    def ended(self, name: str) -> JobView:
        return self._jobs[name].wait(timeout=60)

    def fates(self, name: str) -> list[Fate]:
        self.ended(name)
        items = sorted(self._jobs[name].items(), key=lambda item: item.position)
        assert [item.position for item in items] == list(range(len(items)))
        return [(item.name, item.reason or item.decision) for item in items]


def of_bytes(data: bytes, name: str = "sent.zip") -> Upload:
    return Upload(name, ZIP, lambda: [data], len(data), len(data))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sent(request: pytest.FixtureRequest, tiny_bundle: Bundle, scene: Callable[..., bytes]) -> Iterator[Sent]:
    """Everything is sent at once; workers are still starting, and judge all of it side by side."""
    url = request.getfixturevalue("postgres").create() if request.param == "postgresql" else ""
    builds = UNSAFE | {name: build for name, (build, _) in JUDGED.items()}
    # Each archive has a photo of its own.
    archives = {name: build(Zips(), scene("sea", number)) for number, (name, build) in enumerate(builds.items())}
    with running(tiny_bundle, url, decoders=1, max_entries=600, max_unpacked_bytes=1 << 30) as stack:
        stack.start().ready()
        jobs = {name: stack.client.submit([of_bytes(data)]) for name, data in archives.items()}
        good = of_bytes(archives["data descriptors"], "good.zip")
        jobs["two sources"] = stack.client.submit([of_bytes(archives["overlapping entries"], "bad.zip"), good])
        yield Sent(stack, jobs)


@pytest.mark.parametrize("name", UNSAFE)
def test_an_archive_that_lies_fails_its_job(sent: Sent, name: str) -> None:
    view = sent.ended(name)
    assert (view.state, view.error, sent.fates(name)) == ("failed", "unsafe_archive", [])
    assert view.message and view.message.endswith(".")
    assert [source.error for source in view.sources] == ["unsafe_archive"]


def test_an_unsafe_archive_beside_a_good_one_is_that_sources_error(sent: Sent) -> None:
    view = sent.ended("two sources")
    assert (view.state, [source.error for source in view.sources]) == ("completed", ["unsafe_archive", None])
    assert sent.fates("two sources") == [PHOTO]


@pytest.mark.parametrize("name", JUDGED)
def test_an_entry_that_lies_is_that_items_verdict(sent: Sent, name: str) -> None:
    assert sent.fates(name) == JUDGED[name][1]
    assert sent.ended(name).state == "completed"


def test_nothing_to_judge_is_completed_and_said(sent: Sent) -> None:
    for name, skipped in (("empty", 0), ("junk only", 3)):
        view = sent.ended(name)
        assert (view.state, view.outcome, view.counts.total, view.counts.skipped) == ("completed", "empty", 0, skipped)


def test_an_archive_cut_short_is_refused_at_the_door(sent: Sent, scene: Callable[..., bytes]) -> None:
    data = whole(Zips(), scene("sea"))
    client: Client = sent.stack.client
    for cut in (len(data) - 1, len(data) // 2, 30):
        with pytest.raises(Refused) as refusal:
            client.submit([of_bytes(data[:cut])])
        assert (refusal.value.status, refusal.value.code) == (422, "corrupt_archive")


def test_no_file_is_written_by_an_archive(sent: Sent) -> None:
    assert sent.fates("names that are paths")
    assert not any(WRITTEN in str(path) for path in sent.stack.home.parent.rglob("*"))
    for place in (Path("/tmp"), Path("/"), Path.cwd(), Path.home()):
        assert not any(WRITTEN in path.name for path in place.iterdir())


def test_the_processes_live_and_say_nothing_of_bugs(sent: Sent) -> None:
    for name in [*UNSAFE, *JUDGED]:
        sent.ended(name)
    assert all(process.poll() is None for process in sent.stack.started)
    logs = "".join(path.read_text() for path in sent.stack.home.glob("*.log"))
    assert "Traceback" not in logs
