"""Pictures that work a decoder hard, and waiting for what becomes of them."""

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import heif_encoder  # noqa: F401  (so that pictures can be written as HEIF)
import psutil
from PIL import Image

from model.sandbox import DecodePool

SIZE = 96


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def photo(shade: int = 100) -> bytes:
    image = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    image.paste((shade, 200, 40), (20, 20, 90, 150))
    return saved(image, "JPEG")


def many_scans(count: int, side: int = 3000) -> bytes:
    """A small progressive JPEG whose last scan comes again and again; each costs a pass over the whole picture."""
    data = saved(Image.linear_gradient("L").resize((side, side)), "JPEG", progressive=True, quality=50)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def decodes(pool: DecodePool) -> bool:
    return pool.submit(photo, SIZE).result(timeout=60).width == 300
