"""``shoebox tag --write-xmp``, ``xmp`` and ``undo`` against a real stack, the sidecars read back by other programs."""

import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from running import Running, running
from sidecars import LIGHTROOM, OTHERS, exiftool, exiv2, nobody, rewritten
from terminal import Terminal

from model.bundle import Bundle

Scene = Callable[..., bytes]
State = dict[str, tuple[bytes, int, int]]


@pytest.fixture(scope="module")
def stack(tiny_bundle: Bundle) -> Iterator[Running]:
    with running(tiny_bundle) as found:
        yield found.start().ready()


@pytest.fixture
def shoebox(stack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path / "home", stack)


@pytest.fixture
def trip(scene: Scene) -> Iterator[Path]:
    """Two seas (one in a sub-folder), a forest with a sidecar by Lightroom, an orchid (no tag for it), a raw file."""
    with tempfile.TemporaryDirectory(prefix="sb-") as short:
        Path(short).chmod(0o755)
        folder = Path(short) / "trip"
        (folder / "Größe & rome").mkdir(parents=True)
        (folder / "sea.jpg").write_bytes(scene("sea", 10))
        (folder / "forest.jpg").write_bytes(scene("forest", 11))
        (folder / "forest.jpg.xmp").write_text(LIGHTROOM)
        (folder / "forest.jpg.xmp").chmod(0o640)
        (folder / "orchid.jpg").write_bytes(scene("orchid", 12))
        (folder / "Größe & rome" / "海 1.jpg").write_bytes(scene("sea", 13))
        (folder / "Größe & rome" / "海 1.NEF").write_bytes(b"raw")
        for path in folder.rglob("*.*"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        yield folder


def state(folder: Path) -> State:
    """Every file below the folder: content, time of change, mode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            at = path.stat()
            found[path.relative_to(folder).as_posix()] = (path.read_bytes(), at.st_mtime_ns, stat.S_IMODE(at.st_mode))
    return found


def photos(found: State) -> State:
    return {name: value for name, value in found.items() if not name.endswith(".xmp")}


def test_a_folder_is_tagged_read_back_and_undone(shoebox: Terminal, trip: Path) -> None:
    before = state(trip)

    job, said = shoebox.write_xmp(trip)

    assert said == {
        "made": 2, "merged": 1, "unchanged": 0, "cleared": 0, "missing": [], "shared": [], "problems": [],
    }  # fmt: skip
    after = state(trip)
    assert photos(after) == photos(before)
    assert set(after) - set(before) == {"sea.jpg.xmp", "Größe & rome/海 1.jpg.xmp"}
    found = exiv2(trip / "Größe & rome" / "海 1.jpg.xmp")
    assert found["Xmp.dc.subject"][0] == "sea" and found["Xmp.shoebox.JobId"] == job
    assert found["Xmp.lr.hierarchicalSubject"][0] == "Shoebox|sea" and found["Xmp.digiKam.TagsList"][0] == "Shoebox/sea"
    merged = exiv2(trip / "forest.jpg.xmp")
    assert merged["Xmp.dc.subject"][:3] == ["holiday", "sea", "forest"] and merged["Xmp.xmp.Rating"] == "4"
    assert after["forest.jpg.xmp"][2] == 0o640
    if second := exiftool(trip / "sea.jpg.xmp"):
        assert second["XMP-dc:Subject"] == exiv2(trip / "sea.jpg.xmp")["Xmp.dc.subject"]

    undone = shoebox.json("undo", job)

    assert undone == [{"job": job, "deleted": 2, "cleared": 1, "without": 0, "gone": 0, "problems": []}]
    restored = state(trip)
    assert photos(restored) == photos(before) and set(restored) == set(before)
    assert exiv2(trip / "forest.jpg.xmp") == _original(trip)
    assert shoebox.json("undo", job)[0]["deleted"] == 0
    assert state(trip) == restored
    assert "all is undone" in shoebox("undo", job).stdout
    assert not any((shoebox.home / "sidecars").iterdir())


def _original(trip: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "original.xmp")
        path.write_text(LIGHTROOM)
        return exiv2(path)


def test_a_second_run_replaces_what_the_first_added(shoebox: Terminal, trip: Path) -> None:
    first, _ = shoebox.write_xmp(trip)
    rewritten(trip / "sea.jpg.xmp", "mine")

    again, said = shoebox.write_xmp(trip, "--deny", "forest", "--xmp-root", "Auto")

    assert (said["made"], said["merged"], said["cleared"], said["problems"]) == (0, 2, 1, [])
    found = exiv2(trip / "sea.jpg.xmp")
    assert found["Xmp.dc.subject"].count("sea") == 1 and "mine" in found["Xmp.dc.subject"]
    assert [word for word in found["Xmp.lr.hierarchicalSubject"] if word.startswith("Shoebox")] == []
    assert found["Xmp.shoebox.JobId"] == again
    assert exiv2(trip / "forest.jpg.xmp") == _original(trip)
    assert shoebox.json("undo", first)[0] == {
        "job": first, "deleted": 0, "cleared": 0, "without": 3, "gone": 0, "problems": [],
    }  # fmt: skip
    last = shoebox.json("undo", again)[0]
    assert (last["deleted"], last["cleared"]) == (1, 1)
    assert exiv2(trip / "sea.jpg.xmp") == {"Xmp.dc.subject": ["mine"], "Xmp.xmp.Rating": "3"}


def test_tags_are_written_later_and_a_second_time_change_nothing(shoebox: Terminal, trip: Path) -> None:
    job = shoebox.json("tag", trip, "--out", "out")["jobs"][0]["id"]
    assert not (trip / "sea.jpg.xmp").exists()
    (trip / "Größe & rome" / "海 1.jpg").unlink()

    said = shoebox.json("xmp", job, trip)

    assert (said["job"], said["made"], said["merged"], said["missing"]) == (job, 1, 1, ["Größe & rome/海 1.jpg"])
    before = state(trip)
    again = shoebox.json("xmp", job, trip)
    assert again["unchanged"] == 2 and again["made"] == again["merged"] == 0 and state(trip) == before
    told = shoebox("xmp", job, trip)
    assert "2 unchanged" in told.stdout and "1 photo no longer there: Größe & rome/海 1.jpg" in told.stdout
    assert shoebox.json("undo", job)[0]["deleted"] == 1


def test_sidecars_that_cannot_be_edited_are_named_and_left_alone(shoebox: Terminal, trip: Path, scene: Scene) -> None:
    bad = {
        "sea.jpg.xmp": b"<x:xmpmeta broken",
        "forest.jpg.xmp": b'<!DOCTYPE x [<!ENTITY e "e">]>' + OTHERS["lightroom"],
        "Größe & rome/海 1.jpg.xmp": None,
    }
    for name, data in bad.items():
        if data is not None:
            (trip / name).write_bytes(data)
    (trip / "Größe & rome" / "海 1.jpg.xmp").symlink_to("nowhere.xmp")
    (trip / "huge.jpg").write_bytes(scene("sea", 30))
    with (trip / "huge.jpg.xmp").open("wb") as file:
        file.truncate(100 * 2**20)

    job, said = shoebox.write_xmp(trip, code=1)

    assert said["made"] == said["merged"] == 0
    why = {Path(problem["sidecar"]).name: problem["why"] for problem in said["problems"]}
    assert "well-formed" in why["sea.jpg.xmp"] and "document type" in why["forest.jpg.xmp"]
    assert "leads nowhere" in why["海 1.jpg.xmp"] and "larger than 32 MB" in why["huge.jpg.xmp"]
    assert {name: (trip / name).read_bytes() for name, data in bad.items() if data} == {
        k: v for k, v in bad.items() if v
    }
    assert (trip / "Größe & rome" / "海 1.jpg.xmp").is_symlink()
    told = shoebox("xmp", job, trip)
    assert told.exit_code == 1 and "was left as it is" in told.stderr
    assert shoebox("undo", job).exit_code == 0


def test_a_folder_that_may_not_be_written_to(
    shoebox: Terminal, trip: Path, stack: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = shoebox.write_xmp(trip)
    monkeypatch.chdir(trip.parent)
    home = trip.parent / "home"
    shutil.copytree(shoebox.home, home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o777)
    folders = (trip, trip / "Größe & rome")
    before = state(trip)
    for folder in folders:
        folder.chmod(0o555)
    other = Terminal(home, stack)
    with nobody():
        said = other.json("undo", job, code=1)[0]
    for folder in folders:
        folder.chmod(0o755)
    assert {problem["why"] for problem in said["problems"]} == {"Permission denied"} and len(said["problems"]) == 3
    assert state(trip) == before
    again = other.json("undo", job)[0]
    assert (again["deleted"], again["cleared"], again["problems"]) == (2, 1, [])


def test_stems_a_single_photo_and_photos_that_share_a_sidecar(shoebox: Terminal, trip: Path, scene: Scene) -> None:
    job, said = shoebox.write_xmp(trip / "sea.jpg", "--xmp-naming", "stem")
    assert said["made"] == 1 and exiv2(trip / "sea.xmp")["Xmp.dc.subject"][0] == "sea"
    assert shoebox.json("undo", job)[0]["deleted"] == 1 and not (trip / "sea.xmp").exists()

    (trip / "sea.png").write_bytes(scene("forest", 40))
    (trip / "forest.XMP").write_text(LIGHTROOM)
    job, said = shoebox.write_xmp(trip, "--xmp-naming", "stem")
    assert said["shared"] == ["sea.png"] and (trip / "forest.XMP").read_text() != LIGHTROOM
    assert not (trip / "forest.xmp").exists()
    assert exiv2(trip / "sea.xmp")["Xmp.dc.subject"][0] == "sea"
    _, later = shoebox.write_xmp(trip / "sea.png", "--xmp-naming", "stem")
    assert later["shared"] == ["sea.png"] and later["merged"] == 0
    shoebox.json("undo", job)
    assert not (trip / "sea.xmp").exists()
    (trip / "sea.jpg").unlink()
    _, alone = shoebox.write_xmp(trip / "sea.png", "--xmp-naming", "stem")
    assert alone["made"] == 1 and exiv2(trip / "sea.xmp")["Xmp.dc.subject"][0] == "forest"


def test_words_written_twice_go_although_another_program_dropped_our_notes(shoebox: Terminal, trip: Path) -> None:
    job, _ = shoebox.write_xmp(trip)
    sidecar = trip / "forest.jpg.xmp"
    tagged = sidecar.read_text()
    for name in ("JobId", "AddedSubjects", "AddedHierarchicalSubjects", "AddedTagsList"):
        tagged = re.sub(rf"<shoebox:{name}>.*?</shoebox:{name}>", "", tagged, flags=re.DOTALL)
    sidecar.write_text(tagged)
    assert shoebox.json("xmp", job, trip)["merged"] == 1
    shoebox.json("undo", job)
    assert exiv2(sidecar)["Xmp.dc.subject"] == ["holiday", "sea"]


def test_a_zip_has_its_sidecars_beside_the_results(shoebox: Terminal, trip: Path, tmp_path: Path) -> None:
    packed = tmp_path / "trip.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(trip / "sea.jpg", "rome/sea.jpg")
    done = shoebox("tag", packed, "--write-xmp", "--out", "out")
    assert done.exit_code == 0, done.output
    assert "sidecars: out/sidecars.zip; unpack it where" in done.stdout
    with zipfile.ZipFile(tmp_path / "out" / "sidecars.zip") as archive:
        assert archive.namelist() == ["rome/sea.jpg.xmp"]
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [
        "results.csv", "results.jsonl", "sidecars.zip",
    ]  # fmt: skip

    job = json.loads((tmp_path / "out" / "results.jsonl").read_text().splitlines()[0])["job"]
    unpacked = tmp_path / "rome"
    unpacked.mkdir()
    shutil.copy(trip / "sea.jpg", unpacked)
    assert shoebox.json("xmp", job, unpacked)["made"] == 1  # the ZIP's own top folder may be the one that is given
    shoebox.json("undo", job)


def test_names_that_change_on_their_way(shoebox: Terminal, trip: Path, scene: Scene) -> None:
    odd = trip / "odd"
    odd.mkdir()
    for number, name in enumerate(
        (b"caf\xe9.jpg", b"back\\slash.jpg", b"bell\x07.jpg", b"x" * 120 + b"/" + b"y" * 200)
    ):
        path = os.fsencode(odd) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(scene("sea", 50 + number))
    job, said = shoebox.write_xmp(odd)
    assert (said["made"], said["missing"]) == (4, [])
    assert len(list(odd.rglob("*.xmp"))) == 4
    assert shoebox.json("undo", job)[0]["deleted"] == 4


def test_sidecars_that_moved_are_found_in_a_folder(shoebox: Terminal, trip: Path) -> None:
    job, _ = shoebox.write_xmp(trip)
    moved = trip.with_name("moved")
    trip.rename(moved)
    (moved / "other.xmp").write_bytes(b"no XMP at all")
    said = shoebox.json("undo", job, "--folder", moved)[0]
    assert (said["deleted"], said["cleared"], said["gone"], said["problems"]) == (2, 1, 3, [])
    assert sorted(path.name for path in moved.rglob("*.xmp")) == ["forest.jpg.xmp", "other.xmp"]


def test_wrong_words_are_answered_in_words(shoebox: Terminal, trip: Path) -> None:
    for words, code, said in (
        (["undo", "../../etc/passwd"], 2, "no job's id"),
        (["undo", "01JZ8Q4T9M6W3V5X7Y2A1B0C4D", "--folder", "nowhere"], 2, "no folder nowhere"),
        (["xmp", "01JZ8Q4T9M6W3V5X7Y2A1B0C4D", str(trip)], 4, "no such job"),
        (["xmp", "01JZ8Q4T9M6W3V5X7Y2A1B0C4D", "nowhere"], 2, "no file or folder"),
        (["tag", str(trip), "--write-xmp", "--xmp-root", "a|b"], 2, "--xmp-root"),
        (["tag", str(trip), "--write-xmp", "--xmp-naming", "short"], 2, "short"),
    ):
        done = shoebox(*words)
        assert done.exit_code == code and said in done.stderr, (words, done.output)
    done = shoebox("undo", "01JZ8Q4T9M6W3V5X7Y2A1B0C4D")
    assert done.exit_code == 0 and "no sidecar was written for it" in done.stdout


def test_results_as_a_workbook(shoebox: Terminal, trip: Path, tmp_path: Path) -> None:
    job = shoebox.json("tag", trip, "--out", "out")["jobs"][0]["id"]
    said = shoebox.json("results", job, "--format", "xlsx", "--out", "out")
    assert said["results"] == ["out/results.xlsx"]
    sheet = load_workbook(tmp_path / "out" / "results.xlsx")["Photos"]
    assert {row[3].value for row in sheet.iter_rows(min_row=2)} == {
        "sea.jpg", "forest.jpg", "orchid.jpg", "Größe & rome/海 1.jpg",
    }  # fmt: skip
