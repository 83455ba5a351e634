"""The photos that are measured with: as a camera leaves them, at 1 MP, and as thumbnails, all from one archive."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps

Set = Literal["camera", "megapixel", "small"]
SETS: tuple[Set, ...] = ("camera", "megapixel", "small")
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".heic", ".avif", ".webp", ".png"}
# A camera photo is a JPEG of 8 MP or more here: other files decode otherwise and are no measure of a library.
CAMERA_PIXELS = 7_900_000
MEGAPIXEL = 1_000_000
SMALL_SIDE = 150
QUALITY = 90


def photo_set(photos: Path, kind: Set, count: int, target: Path) -> Path:
    """A stored ZIP of ``count`` photos made from the camera JPEGs in ``photos``, again and again under other names.

    Raises SystemExit where the archive has no JPEG of 8 MP or more.
    """
    originals = list(_camera_photos(photos))
    if not originals:
        raise SystemExit(f"{photos} has no JPEG of 8 megapixels or more to measure with")
    made = [_scaled(data, kind) for data in originals]
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number:06d}.jpg", made[number % len(made)])
    return target


def repeat(photos: Path, count: int, target: Path) -> Path:
    """A stored ZIP of ``count`` photos: all those of ``photos``, again and again under other names."""
    with zipfile.ZipFile(photos) as source, zipfile.ZipFile(target, "w") as made:
        names = [name for name in source.namelist() if Path(name).suffix.lower() in PHOTO_SUFFIXES]
        data = {name: source.read(name) for name in names}
        for number in range(count):
            name = names[number % len(names)]
            made.writestr(f"{number:06d}-{Path(name).name}", data[name])
    return target


def _camera_photos(photos: Path) -> list[bytes]:
    found = []
    with zipfile.ZipFile(photos) as archive:
        for name in archive.namelist():
            if Path(name).suffix.lower() not in {".jpg", ".jpeg"}:
                continue
            data = archive.read(name)
            with Image.open(BytesIO(data)) as image:
                if image.width * image.height >= CAMERA_PIXELS:
                    found.append(data)
    return found


def _scaled(data: bytes, kind: Set) -> bytes:
    if kind == "camera":
        return data
    with Image.open(BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    if kind == "megapixel":
        share = (MEGAPIXEL / (image.width * image.height)) ** 0.5
        image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    else:
        image = ImageOps.fit(image, (SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    target = BytesIO()
    image.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()
