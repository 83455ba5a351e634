"""A small copy to look at. It carries pixels only: no EXIF, no place, no camera, no comment."""

from io import BytesIO

from PIL import Image

from model import raster
from model.limits import Limits

QUALITY = 82


def preview(data: bytes, size: int, limits: Limits) -> bytes:
    """A JPEG of the whole picture, upright, that fits in ``size`` x ``size`` pixels and is never enlarged.

    Raises ``Unreadable`` as :func:`model.decode.decode` does. Runs in the sandbox's child.
    """
    opened = raster.load(data, limits, lambda width, height: size / max(width, height))
    scale = min(1.0, size / max(opened.width, opened.height))
    fitted = opened.image.resize(_fitted(opened, scale), Image.Resampling.LANCZOS, box=(0, 0, *opened.extent))
    upright = opened.upright(fitted)
    upright.info.clear()
    target = BytesIO()
    upright.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def _fitted(opened: raster.Raster, scale: float) -> tuple[int, int]:
    """The stored picture's size after scaling; at least one pixel a side."""
    width, height = (max(1, round(side * scale)) for side in (opened.width, opened.height))
    return (width, height) if opened.orientation < 5 else (height, width)
