"""Pictures of a ZIP, decoded in this process and judged by every layer."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from model.backends.base import Backend
from model.bundle import Bundle
from model.decode import decode
from model.limits import Limits
from model.report.judged import Judged, judge

__all__ = ["Judged", "judge_all", "read_zip"]


def judge_all(bundle: Bundle, backend: Backend, pictures: Iterable[bytes], *, full: bool = False) -> Judged:
    """Decodes (``full``: every pixel, without the decoder's own scaling) and judges; all must be readable."""
    seen = (decode(data, bundle.input_size, Limits(), full=full) for data in pictures)
    return judge(bundle, backend, ((str(number), picture) for number, picture in enumerate(seen)))


def read_zip(path: Path) -> dict[str, bytes]:
    """Every file of a ZIP, by name."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
