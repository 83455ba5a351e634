"""The ZIP that is made while it is sent: read back by other programs, also where it is large."""

import io
import shutil
import subprocess
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from api.sidecars import Names, sidecars
from api.zips import zipped
from db.query.places import Place
from db.schema import Item
from db.states import Kind
from xmp.names import Naming


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    files = {"a.xmp": b"", "größe/海.xmp": b"some text" * 500, "b/c.xmp": bytes(range(256)) * 1000}
    path = tmp_path / "a.zip"
    path.write_bytes(b"".join(zipped(files.items())))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    if program := shutil.which("unzip"):
        subprocess.run([program, "-tq", path], check=True, capture_output=True)


def test_nothing_to_put_in() -> None:
    assert zipfile.ZipFile(io.BytesIO(b"".join(zipped([])))).namelist() == []


def test_more_files_than_fit_the_old_directory() -> None:
    data = b"".join(zipped((f"{number}.xmp", b"x") for number in range(70_000)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 70_000 and archive.read("69999.xmp") == b"x"


def test_offsets_beyond_four_gigabytes(tmp_path: Path) -> None:
    path, start = tmp_path / "large.zip", 2**32 - 60
    with path.open("wb") as file:
        file.seek(start)
        for piece in zipped([("a.xmp", b"below"), ("b.xmp", b"above" * 100), ("c.xmp", b"last")], start):
            file.write(piece)
    with zipfile.ZipFile(path) as archive:
        assert [archive.read(name) for name in ("a.xmp", "b.xmp", "c.xmp")] == [b"below", b"above" * 100, b"last"]
        assert archive.getinfo("a.xmp").header_offset < 2**32 <= archive.getinfo("c.xmp").header_offset
    path.unlink()


@pytest.mark.parametrize("count", [2_000, 40_000])
def test_memory_does_not_grow_with_the_number_of_files(count: int) -> None:
    tracemalloc.start()
    size = sum(map(len, zipped((f"folder/{number:08}.xmp", b"content" * 20) for number in range(count))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 50 * count and peak < 3 * 2**20


def test_a_path_is_given_away_once() -> None:
    names = Names()
    given = [names.free(path) for path in ("a/IMG.jpg.xmp", "a/img.JPG.xmp", "a/IMG.jpg.xmp", "b/IMG.jpg.xmp")]
    assert given == ["a/IMG.jpg.xmp", "a/img.JPG (2).xmp", "a/IMG.jpg (3).xmp", "b/IMG.jpg.xmp"]
    assert names.free("a/IMG.jpg (2).xmp") == "a/IMG.jpg (2) (2).xmp"


def test_thousands_of_one_name_are_numbered_at_once() -> None:
    names, began = Names(), time.process_time()
    given = [names.free("a/IMG.jpg.xmp") for _ in range(20_000)]
    assert time.process_time() - began < 5, "counting through all that were before takes minutes"
    assert given[1] == "a/IMG.jpg (2).xmp" and given[-1] == "a/IMG.jpg (20000).xmp"
    assert len(set(given)) == 20_000


def item(position: int, source: str, name: str, decision: str = "accepted") -> Item:
    tags = [{"label": "sea", "confidence": 0.9}]
    return Item(
        job_id="J", position=position, source_id=source, name=name, decision=decision, tags=tags, model="m", version="1"
    )


@pytest.mark.parametrize(
    ("zips", "folders"),
    [
        (["trip.zip"], [""]),
        (["trip.zip", "more.ZIP"], ["trip/", "more/"]),
        (["trip.zip", "Trip.zip", "../..", ".zip"], ["trip/", "Trip (2)/", "upload/", "upload (2)/"]),
    ],
)
def test_each_of_several_zips_has_a_folder_of_its_own(zips: list[str], folders: list[str]) -> None:
    places = [Place(f"z{number}", name, Kind.ZIP) for number, name in enumerate(zips)]
    places.append(Place("i", "single.jpg", Kind.IMAGE))
    items = [item(number, f"z{number}", "rome/a.jpg") for number in range(len(zips))]
    items += [item(9, "i", "single.jpg"), item(10, "z0", "dull.jpg", "rejected")]
    paths = [path for path, _ in sidecars(items, places, {}, "Shoebox", Naming.FULL)]
    assert paths == [*(f"{folder}rome/a.jpg.xmp" for folder in folders), "single.jpg.xmp"]
