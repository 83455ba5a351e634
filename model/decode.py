"""Bytes to the square of pixels that the network sees. Runs in the sandbox's child; pure, so tests may call it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from model import raster, statistics
from model.limits import Limits


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A readable picture: ``pixels`` uint8 RGB ``[S, S, 3]``, upright.

    ``width`` and ``height`` are the whole upright picture's pixels, ``bytes`` the file's size, ``statistics`` the
    measurements named by ``model.statistics.NAMES``.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    bytes: int
    format: str
    statistics: tuple[float, ...]


def decode(data: bytes, size: int, limits: Limits, *, full: bool = False) -> Decoded:
    """The centre square of the picture in ``data``, ``size`` pixels a side, resized with antialiasing (bicubic).

    ``full`` leaves out the decoders' own scaling, which is several times faster and nearly as exact.
    Raises ``Unreadable`` and nothing else for any bytes.
    """
    opened = raster.load(data, limits, lambda width, height: size / min(width, height), full=full)
    pixels = square(opened, size)
    measured = tuple(float(value) for value in statistics.measure(pixels))
    return Decoded(pixels, opened.width, opened.height, len(data), opened.format, measured)


def square(opened: raster.Raster, size: int) -> npt.NDArray[np.uint8]:
    """The centre square of an opened picture, upright: uint8 RGB ``[size, size, 3]``."""
    width, height = opened.extent
    side = min(width, height)
    # In fractions of a pixel, so that a mirrored copy gives exactly the mirrored square.
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(opened.upright(opened.image.resize((size, size), Image.Resampling.BICUBIC, box=box)))
