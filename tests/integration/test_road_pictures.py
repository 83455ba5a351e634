"""Hostile pictures on the whole road: one archive of them, sent to a real API and judged by a real worker."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pictures import (
    PLACE,
    at_a_place,
    chunk,
    entities,
    many_frames,
    notes,
    odd_modes,
    opened,
    other_formats,
    png,
    turned,
)
from PIL import Image
from running import Running, running
from sandboxed import many_scans, saved

from client.job import Job
from client.upload import ZIP, Upload
from client.values import Item
from model.bundle import Bundle

FRAMES = {"GIF": "gif", "PNG": "png", "WEBP": "webp"}
OTHERS = ("eps", "pdf", "icns", "jp2", "psd", "fits", "svg")
BOMB = 13_312


@dataclass(frozen=True)
class Judged:
    """A running Shoebox, the job, and its items by name."""

    stack: Running
    job: Job
    files: dict[str, bytes]
    items: dict[str, Item]

    def fate(self, name: str) -> str:
        item = self.items[name]
        return item.reason or item.decision


def make(image: Image.Image) -> dict[str, bytes]:
    photo = saved(image, "JPEG", quality=92)
    files = {f"good-{number}.jpg": photo for number in range(20)}
    files |= {f"turned-{number}.jpg": turned(image, number) for number in range(1, 9)}
    files |= {f"frames.{end}": many_frames(kind, image, 10_000) for kind, end in FRAMES.items()}
    files |= {
        f"still.{end}": saved(image.quantize(32) if kind == "GIF" else image, kind, lossless=True)
        for kind, end in FRAMES.items()
    }
    files |= {f"{kind}.jpg": data for kind, data in other_formats().items()}
    files |= odd_modes(image)
    files["bomb.png"] = png(BOMB, BOMB, bits=1)
    files["just-under.png"] = png(10_900, 10_900)
    files["scans.jpg"] = many_scans(1000, 8000)
    files["truncated.jpg"] = photo[: len(photo) // 2]
    files["notes.png"] = png(64, 64, notes(100_000_000))
    files["profile.jpg"] = saved(image, "JPEG", quality=92, exif=b"Exif\0\0" + bytes(65_000), icc_profile=bytes(10**7))
    files["entities.jpg"] = saved(image, "JPEG", quality=92, xmp=entities())
    files["entities.png"] = png(64, 64, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + entities()))
    files["place.jpg"] = at_a_place(image)
    return files


@pytest.fixture(scope="module")
def judged(tiny_bundle: Bundle, scene: Callable[..., bytes]) -> Iterator[Judged]:
    """The archive of all of them, sent and judged with the default limits."""
    files = make(Image.open(io.BytesIO(scene("sea", 3))))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    data = buffer.getvalue()
    with running(tiny_bundle, decoders=2, log_level="debug") as stack:
        stack.start().ready()
        job = stack.client.submit([Upload("pictures.zip", ZIP, lambda: [data], len(data), len(data))])
        view = job.wait(timeout=240)
        assert (view.state, view.counts.total) == ("completed", len(files)), stack.logs()
        yield Judged(stack, job, files, {item.name: item for item in job.items()})


def test_the_others_of_the_batch_are_unharmed(judged: Judged) -> None:
    assert {judged.fate(f"good-{number}.jpg") for number in range(20)} == {"accepted"}
    assert all(process.poll() is None for process in judged.stack.started)
    assert "Traceback" not in "".join(path.read_text() for path in judged.stack.home.glob("*.log"))


def test_177_megapixels_in_21_kilobytes_are_refused_by_their_header(judged: Judged) -> None:
    assert 20_000 < len(judged.files["bomb.png"]) < 24_000
    assert judged.fate("bomb.png") == "too_many_pixels"
    assert judged.items["bomb.png"].raw["scores"] == {"pixels": {"value": BOMB**2, "threshold": 120_000_000}}


def test_just_under_the_limit_is_judged(judged: Judged) -> None:
    assert judged.fate("just-under.png") == "blank"
    assert judged.items["just-under.png"].raw["width"] == 10_900


def test_a_thousand_scans_are_stopped_by_time(judged: Judged) -> None:
    assert judged.fate("scans.jpg") == "timeout", judged.items["scans.jpg"].raw


@pytest.mark.parametrize("end", FRAMES.values())
def test_ten_thousand_frames_are_judged_by_the_first(judged: Judged, end: str) -> None:
    assert getattr(opened(judged.files[f"frames.{end}"]), "n_frames", 0) == 10_000
    moving, still = judged.items[f"frames.{end}"], judged.items[f"still.{end}"]
    assert (moving.decision, moving.label) == (still.decision, still.label)
    assert {name: score["value"] for name, score in moving.raw["scores"].items()} == pytest.approx(
        {name: score["value"] for name, score in still.raw["scores"].items()}, rel=0.02
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_not_read_whatever_their_name(judged: Judged, kind: str) -> None:
    if kind not in ("pdf", "svg"):
        assert opened(judged.files[f"{kind}.jpg"]).size
    assert judged.fate(f"{kind}.jpg") == "unsupported_format"


def test_a_truncated_picture_is_corrupt(judged: Judged) -> None:
    assert judged.fate("truncated.jpg") == "corrupt_image"


def test_huge_notes_are_bounded(judged: Judged) -> None:
    assert judged.fate("notes.png") == "corrupt_image"
    assert judged.fate("profile.jpg") == "accepted"


def test_entities_are_never_expanded(judged: Judged) -> None:
    assert judged.fate("entities.jpg") == "accepted"
    assert judged.fate("entities.png") == "blank"
    (preview,) = {judged.stack.client.image(judged.items["entities.jpg"].id, 256)}
    assert b"root:" not in preview


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_camera_changes_no_verdict(judged: Judged, orientation: int) -> None:
    upright, other = judged.items["turned-1.jpg"], judged.items[f"turned-{orientation}.jpg"]
    assert (other.decision, other.label) == (upright.decision, upright.label) == ("accepted", "sea")
    assert other.confidence == pytest.approx(upright.confidence, abs=0.01)
    assert (other.raw["width"], other.raw["height"]) == (160, 120)


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("16-bit.png", None),
        ("16-bit.tif", None),
        ("cmyk.jpg", "accepted"),
        ("palette.png", None),
        ("1x1.png", "too_small"),
        ("1x60000.png", "too_small"),
    ],
)
def test_odd_modes_and_sizes_get_a_verdict(judged: Judged, name: str, fate: str | None) -> None:
    """Where the small model may think what it likes of grey pictures, they must have been seen by it."""
    item = judged.items[name]
    if fate is None:
        assert item.decision != "failed" and item.raw["width"] == 160
    else:
        assert judged.fate(name) == fate


def test_a_place_is_in_no_result_no_log_and_no_preview(judged: Judged, tmp_path: Path) -> None:
    client, item = judged.stack.client, judged.items["place.jpg"]
    assert item.decision == "accepted"
    # "GPS" alone is in one id in a thousand; there is no L in any.
    secrets = [*PLACE, b"48.15", b"16.23", b"48,9.0105", b"GPSL"]
    sent = judged.files["place.jpg"]
    assert all(secret in sent for secret in secrets)
    told = [client.image(item.id, size) for size in (64, 512, 2048)]
    for kind in ("jsonl", "csv", "xlsx"):
        path = client.results(judged.job.id, kind, tmp_path / f"results.{kind}")
        told += _unzipped(path) if kind == "xlsx" else [path.read_bytes()]
    told += _unzipped(client.sidecars(judged.job.id, tmp_path / "sidecars.zip"))
    told += [path.read_bytes() for path in judged.stack.home.glob("*.log")]
    told.append(json.dumps([other.raw for other in judged.items.values()]).encode())
    assert len(told) > 10 and all(told)
    found = [
        secret for secret in (*PLACE, b"48.1501", b"16.2311", b"48,9.0105", b"GPSL") if any(secret in t for t in told)
    ]
    assert found == []
    with Image.open(io.BytesIO(told[1])) as preview:
        assert not preview.getexif() and not {"exif", "xmp", "comment", "icc_profile"} & set(preview.info)


def _unzipped(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_every_number_is_one(judged: Judged, tmp_path: Path) -> None:
    """NaN and Infinity are no JSON; Python would read them without complaint."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = judged.stack.client.results(judged.job.id, "jsonl", tmp_path / "r.jsonl").read_text()
    rows = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    assert len(rows) == len(judged.files)
    with judged.stack.client.results(judged.job.id, "csv", tmp_path / "r.csv").open(newline="") as file:
        assert not {"nan", "inf", "-inf"} & {cell.lower() for row in csv.reader(file) for cell in row}
