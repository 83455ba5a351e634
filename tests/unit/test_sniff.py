"""What an upload is, by its first bytes."""

import bz2
import gzip
import lzma
import tarfile
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from worker.sniff import HEAD_BYTES, IMAGES, OTHER_ARCHIVES, ZIP, sniff


def picture(form: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, form)
    return file.getvalue()


def tar() -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("photo.jpg"))
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_pictures_as_they_are_written(form: str) -> None:
    assert sniff(picture(form)[:HEAD_BYTES]) == form.lower()
    assert form.lower() in IMAGES


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "avif"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", None),
        (b"II+\0\x08\0\0\0", "tiff"),
        (b"BM and other words that begin so", None),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_other_heads(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
        (tar(), "tar"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (bz2.compress(b"x"), "bzip2"),
        (lzma.compress(b"x"), "xz"),
        (b"\x28\xb5\x2f\xfd\0", "zstd"),
    ],
)
def test_other_archives_are_named(data: bytes, kind: str) -> None:
    assert sniff(data[:HEAD_BYTES]) == kind
    assert kind in OTHER_ARCHIVES


def test_a_zip_is_a_zip_with_and_without_files(zips: Any) -> None:
    assert sniff(zips.archive(zips.member())) == ZIP
    assert sniff(zips.archive()) == ZIP
