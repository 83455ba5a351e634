"""A picture's bytes opened by the one decoder that fits them: bounded, first frame only, told how to stand upright."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import numpy as np
import pi_heif
from PIL import AvifImagePlugin, Image

from model.formats import identify, webp_size
from model.limits import Limits
from model.verdict import Reason, Score, Unreadable

# It reads only: the package that writes as well brings an encoder under the GPL.
pi_heif.register_heif_opener(thumbnails=False)
# One thread for each picture: the pool is parallel already, and every thread costs address space.
pi_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Our own bound on the pixels is applied before a pixel is decoded, and its answer says by how much it was passed.
Image.MAX_IMAGE_PIXELS = None

ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# How much larger than needed a picture is kept until the last, careful resize.
_GAP = 2
_BAND_PIXELS = 4_000_000
# Bytes a pixel that these decoders may take; WebP always does. They call a lack of memory a damaged file.
_DECODER_BYTES = {"WEBP": 16, "AVIF": 12, "HEIF": 12, "JPEG": 6}

Scale = Callable[[int, int], float]


@dataclass(frozen=True, slots=True)
class Raster:
    """RGB pixels as they are stored, and ``orientation`` (EXIF, 1 to 8), which is applied after the last resize.

    ``width`` and ``height`` are the whole picture's, upright. ``image`` may already be smaller, and its last row and
    column partly filled: ``extent`` is how far the picture really reaches in it.
    """

    image: Image.Image
    extent: tuple[float, float]
    orientation: int
    width: int
    height: int
    format: str

    def upright(self, image: Image.Image) -> Image.Image:
        """``image`` (made from this one's) turned the way the camera was held."""
        turn = _UPRIGHT.get(self.orientation)
        return image if turn is None else image.transpose(turn)


def load(data: bytes, limits: Limits, scale: Scale, *, full: bool = False) -> Raster:
    """Decode ``data`` to RGB. ``scale(width, height)`` says how far it will be reduced, so that less is decoded.

    ``full``: decode every pixel. Raises ``Unreadable`` for everything that is wrong with the picture.
    """
    if len(data) > limits.max_file_bytes:
        raise file_too_large(len(data), limits)
    name = identify(data)
    try:
        return _load(data, name, limits, scale, full)
    except Unreadable as refusal:
        refusal.size = len(data)
        raise
    except MemoryError:
        raise out_of_memory(len(data)) from None
    except Exception as error:  # damaged pictures raise nearly every built-in type out of the decoders
        raise Unreadable(
            Reason.CORRUPT_IMAGE, "The picture is damaged or incomplete and cannot be shown.", size=len(data)
        ) from error


def file_too_large(size: int, limits: Limits) -> Unreadable:
    """The refusal of a file of ``size`` bytes."""
    return Unreadable(
        Reason.FILE_TOO_LARGE,
        f"The file is larger than the {limits.max_file_bytes / 2**20:.0f} MB that one picture may have.",
        size=size,
        scores={"bytes": Score(size, limits.max_file_bytes)},
    )


def out_of_memory(size: int) -> Unreadable:
    """The refusal of a picture, a file of ``size`` bytes, that did not fit in the memory one picture may use."""
    return Unreadable(
        Reason.OUT_OF_MEMORY, "Reading this picture takes more memory than one picture may use.", size=size
    )


def _load(data: bytes, name: str, limits: Limits, scale: Scale, full: bool) -> Raster:
    if name == "WEBP" and (size := webp_size(data)):  # this decoder takes its memory before it says how much
        _check_size(*size, limits)
        _check_memory(name, *size)
    with Image.open(BytesIO(data), formats=(name,)) as image:
        width, height = image.size
        _check_size(width, height, limits)
        wanted = 1.0 if full else min(1.0, scale(width, height) * _GAP)
        extent = (float(width), float(height))
        if wanted < 1:
            drafted = image.draft(None, (math.ceil(width * wanted), math.ceil(height * wanted)))
            extent = drafted[1][2:] if drafted else extent
        promised = image.size
        try:
            image.load()
        except Exception:
            _check_memory(name, width, height)
            raise
        if image.size != promised:  # a HEIC's container and the picture in it may say different things
            raise ValueError("the picture has another size than its file says")
        step = max(1, int(min(extent) / (min(width, height) * wanted)))
        extent = (extent[0] / step, extent[1] / step)
        orientation = _orientation(image)
        if orientation >= 5:
            width, height = height, width
        return Raster(_to_rgb(image, step), extent, orientation, width, height, name)


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise Unreadable(
            Reason.TOO_MANY_PIXELS,
            f"The picture has {width * height / 1e6:.0f} megapixels; "
            f"the most that Shoebox opens is {limits.max_pixels / 1e6:.0f}.",
            scores={"pixels": Score(width * height, limits.max_pixels)},
        )
    if min(width, height) < limits.min_side:
        raise Unreadable(
            Reason.TOO_SMALL,
            f"The picture is only {width} x {height} pixels, too small to tell what it shows.",
            scores={"side": Score(min(width, height), limits.min_side)},
        )


def _check_memory(name: str, width: int, height: int) -> None:
    """``MemoryError`` when the decoder may not find the memory it needs; then the picture is not to blame."""
    np.empty(width * height * _DECODER_BYTES.get(name, 0), dtype=np.uint8)  # address space only: never written to


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 where it is missing or cannot be read, since a damaged note does not spoil a picture."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # EXIF is read by a parser that raises as many types as the decoders do
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _to_rgb(image: Image.Image, step: int) -> Image.Image:
    """RGB, alpha over white, reduced by the whole number ``step``.

    Works in bands of rows, so that even the largest picture in any mode costs one copy of itself and little more.
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image.reduce(step) if step > 1 else image
    if image.mode == "LAB":
        raise Unreadable(
            Reason.UNSUPPORTED_FORMAT, "The picture keeps its colours in Lab, which Shoebox does not read."
        )
    brightest = _brightest(image)
    width, height = image.size
    whole = Image.new("RGB", (math.ceil(width / step), math.ceil(height / step)))
    rows = max(1, _BAND_PIXELS // width // step) * step
    for top in range(0, height, rows):
        band = _flat(image.crop((0, top, width, min(height, top + rows))), brightest)
        whole.paste(band.reduce(step) if step > 1 else band, (0, top // step))
    return whole


def _brightest(image: Image.Image) -> float:
    """The value that stands for white in a picture of more than 8 bits, which few such files say."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 255.0
    highest = float(np.nan_to_num(cast(tuple[float, float], image.getextrema())[1], posinf=1.0))
    steps = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((step for step in steps if highest <= step), highest)


def _flat(band: Image.Image, brightest: float) -> Image.Image:
    if band.mode[0] in "IF":
        values = np.nan_to_num(np.asarray(band, dtype=np.float32)) * np.float32(255 / brightest)
        return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")
    if not band.has_transparency_data:
        return band.convert("RGB")
    colours = band.convert("RGBA")
    white = Image.new("RGB", band.size, "white")
    white.paste(colours, mask=colours.getchannel("A"))
    return white
