"""Pictures that show none of the classes, to learn from: what the model should not be sure about."""

import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from model.train.data import SUFFIXES, PhotoSet
from model.train.prepare import prepare
from model.train.progress import Progress, quiet
from model.train.source import DataError, Files

FEWEST = 32  # a handful would be learnt by heart


def read_outliers(
    paths: tuple[Path, ...], size: int, folder: Path, report: Callable[[str], None], progress: Progress = quiet
) -> NDArray[np.uint8]:
    """Every picture of the folders and ZIPs, whatever their layout, uint8 [M, size, size, 3].

    Those that cannot be read are left out and counted. Raises ``DataError`` for a path that is neither, and for fewer
    than 32 pictures.
    """
    parts = [_read(path, size, folder, report, progress) for path in paths]
    pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if len(pixels) < FEWEST:
        raise DataError(f"{len(pixels)} outliers are too few to learn from; give at least {FEWEST}, or none.")
    report(f"{len(pixels):,} outliers to learn from")
    return pixels


def _read(path: Path, size: int, folder: Path, report: Callable[[str], None], progress: Progress) -> NDArray[np.uint8]:
    if path.is_dir():
        files = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        source = Files(lambda name: (path / name).read_bytes())
    elif zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        files = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        source = Files(archive.read)
    else:
        raise DataError(f"{path} is neither a folder nor a ZIP of outliers.")
    names = tuple(sorted(name for name in files if PurePosixPath(name).suffix.lower() in SUFFIXES))
    if not names:
        raise DataError(f"There are no pictures in {path}.")
    pictures = PhotoSet(("outlier",), names, np.zeros(len(names), dtype=np.int64), source)
    (found,) = prepare(pictures, size, folder, progress)
    good = np.flatnonzero(found.facts.problem == "")
    if len(good) == len(names):
        return found.pixels
    report(f"{len(names) - len(good):,} of {len(names):,} outliers in {path} cannot be read and are left out")
    if not len(good):
        return np.zeros((0, size, size, 3), dtype=np.uint8)
    (found,) = prepare(pictures.take(good), size, folder, progress)
    return found.pixels
