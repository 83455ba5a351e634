"""Photos to learn from: a folder per class, on disk or in a ZIP."""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from model.decode import decode
from model.limits import Limits
from model.verdict import Unreadable

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
FEWEST = 4  # photos of a class below which neither a split nor a calibration says anything


class DataError(Exception):
    """The data cannot be trained on; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Named photos with their classes. ``targets`` int64 [N] indexes ``labels``; ``read`` gives a name's bytes."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    targets: NDArray[np.int64]
    read: Callable[[str], bytes]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, chosen: NDArray[np.int64]) -> "PhotoSet":
        """The photos at the given positions, in that order."""
        return PhotoSet(self.labels, tuple(self.names[i] for i in chosen), self.targets[chosen], self.read)

    def counts(self) -> dict[str, int]:
        """How many photos each label has."""
        found = np.bincount(self.targets, minlength=len(self.labels))
        return {label: int(count) for label, count in zip(self.labels, found, strict=True)}


def open_photos(path: Path, expected: tuple[str, ...] | None = None) -> PhotoSet:
    """The photos of a folder or ZIP; the label is the name of the folder a photo lies in.

    ``expected`` are the labels that validation photos must have, all of them and no others. Raises ``DataError``
    where there is nothing to learn: no such path, fewer than two classes, a class too small.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        names = [p.relative_to(path).as_posix() for p in files]
        read: Callable[[str], bytes] = _FolderReader(path)
    elif zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
        read = archive.read
    else:
        raise DataError(f"{path} is neither a folder nor a ZIP. Give a folder with one folder of photos per class.")
    names = [name for name in names if _is_photo(PurePosixPath(name))]
    counts = Counter(PurePosixPath(name).parent.name for name in names)
    labels = tuple(sorted(counts))
    if len(labels) < 2:
        raise DataError(f"{path} holds {len(labels)} folder(s) with photos; at least two classes are needed.")
    small = [label for label in labels if counts[label] < FEWEST]
    if small:
        raise DataError(f"Too few photos (fewer than {FEWEST}) of: {', '.join(small)}.")
    if expected is not None and labels != expected:
        raise DataError(f"{path} has the classes {', '.join(labels)}, but training has {', '.join(expected)}.")
    position = {label: i for i, label in enumerate(labels)}
    targets = np.array([position[PurePosixPath(name).parent.name] for name in names], dtype=np.int64)
    return PhotoSet(labels, tuple(names), targets, read)


@dataclass(frozen=True, slots=True)
class _FolderReader:
    root: Path

    def __call__(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


def _is_photo(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES and bool(path.parent.name)


def split(photos: PhotoSet, share: float, seed: int) -> tuple[PhotoSet, PhotoSet]:
    """A stratified split: ``share`` of every class (at least one photo) into the second part."""
    random = np.random.default_rng(seed)
    train: list[NDArray[np.int64]] = []
    held: list[NDArray[np.int64]] = []
    for label in range(len(photos.labels)):
        members = random.permutation(np.flatnonzero(photos.targets == label))
        cut = max(1, round(share * len(members)))
        held.append(members[:cut])
        train.append(members[cut:])
    return photos.take(np.sort(np.concatenate(train))), photos.take(np.sort(np.concatenate(held)))


def decoded(photos: PhotoSet, size: int, folder: Path, report: Callable[[str], None]) -> NDArray[np.uint8]:
    """All photos as the judge will see them: uint8 RGB [N, size, size, 3], decoded once into a file and mapped.

    A second call with the same photos and size maps the same file. Raises ``DataError`` naming unreadable photos.
    """
    key = hashlib.sha256(f"{size}".encode())
    for name in photos.names:
        key.update(name.encode() + b"\0" + hashlib.sha256(photos.read(name)).digest())
    path = folder / f"photos-{key.hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        pixels = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=(len(photos), size, size, 3))
        broken: list[str] = []
        for i, name in enumerate(photos.names):
            try:
                pixels[i] = decode(photos.read(name), size, Limits()).pixels
            except Unreadable as why:
                broken.append(f"{name} ({why.reason.value})")
            if i and i % 2000 == 0:
                report(f"decoded {i} of {len(photos)} photos")
        if broken:
            unfinished.unlink()
            more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
            raise DataError(f"These photos cannot be read: {', '.join(broken[:5])}{more}. Remove or replace them.")
        pixels.flush()
        del pixels
        unfinished.rename(path)
    mapped: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return mapped
