"""Photos to learn from: a folder per class, on disk or in a ZIP, or the arrays of an ``.npz``."""

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from model.train.arrays import open_arrays
from model.train.source import DataError, Files, Source

__all__ = ["FEWEST", "DataError", "PhotoSet", "open_photos", "split"]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
FEWEST = 4  # photos of a class below which neither a split nor a calibration says anything


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Named photos with their classes. ``targets`` int64 [N] indexes ``labels``; ``source`` reads a photo by name.

    ``skipped`` names files beside them that are no photos or lie in no class's folder.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    targets: NDArray[np.int64]
    source: Source
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def read(self, name: str) -> bytes:
        """A photo's bytes as a file. Raises ``Unreadable``."""
        return self.source.read(name)

    def take(self, chosen: NDArray[np.int64]) -> "PhotoSet":
        """The photos at the given positions, in that order."""
        names = tuple(self.names[i] for i in chosen)
        return PhotoSet(self.labels, names, self.targets[chosen], self.source, self.skipped)

    def counts(self) -> dict[str, int]:
        """How many photos each label has."""
        found = np.bincount(self.targets, minlength=len(self.labels))
        return {label: int(count) for label, count in zip(self.labels, found, strict=True)}


def open_photos(
    path: Path, expected: tuple[str, ...] | None = None, *, part: str = "train", labels: tuple[str, ...] = ()
) -> PhotoSet:
    """The photos of a folder or ZIP, where the label is the name of the folder a photo lies in, or of an ``.npz``.

    ``part``, ``train`` or ``test``, chooses among the arrays of an ``.npz``, and ``labels`` names its numbers from 0
    (see ``arrays.open_arrays``); folders and ZIPs have one part and name their labels themselves. ``expected`` are the
    labels that the photos must have, all of them and no others; they then keep that order.
    Raises ``DataError`` where there is nothing to learn: no such path, fewer than two classes, a class too small.
    """
    if path.suffix.lower() == ".npz" and path.is_file():
        photos = PhotoSet(*open_arrays(path, part, labels or expected or ()))
    elif labels:
        raise DataError(f"Labels can be given for an .npz only; in {path} the folders name the classes.")
    else:
        photos = _open_files(path)
    if len(photos.labels) < 2:
        raise DataError(f"{path} holds {len(photos.labels)} class(es) with photos; at least two classes are needed.")
    if expected is not None and set(photos.labels) != set(expected):
        raise DataError(f"{path} has the classes {_listed(photos.labels)}, but training has {_listed(expected)}.")
    counts = photos.counts()
    empty = [label for label in photos.labels if not counts[label]]
    if empty:
        raise DataError(f"There are no photos of: {_listed(empty)}. Add some, or leave the class out.")
    small = [label for label in photos.labels if counts[label] < FEWEST]
    if small:
        raise DataError(f"Too few photos (fewer than {FEWEST}) of: {_listed(small)}.")
    return photos if expected is None else _in_order(photos, expected)


def _open_files(path: Path) -> PhotoSet:
    if path.is_dir():
        found = sorted(path.rglob("*"))
        files = [p.relative_to(path).as_posix() for p in found if p.is_file()]
        folders = [p.relative_to(path).as_posix() for p in found if p.is_dir()]
        source = Files(lambda name: (path / name).read_bytes())
    elif zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
        files = sorted(entry.filename for entry in entries if not entry.is_dir())
        folders = sorted(entry.filename.rstrip("/") for entry in entries if entry.is_dir())
        source = Files(archive.read)
    else:
        raise DataError(
            f"{path} is neither a folder nor a ZIP nor an .npz. Give a folder with one folder of photos per class."
        )
    seen = [PurePosixPath(name) for name in files if not _hidden(PurePosixPath(name))]
    names = [name for name in seen if name.suffix.lower() in SUFFIXES and name.parent.name]
    skipped = tuple(str(name) for name in seen if name.suffix.lower() not in SUFFIXES or not name.parent.name)
    filled = {parent for name in names for parent in name.parents}
    bare = [folder for folder in map(PurePosixPath, folders) if folder not in filled and not _hidden(folder)]
    if bare:
        raise DataError(
            f"These folders hold no photos: {_listed([str(folder) for folder in bare])}. Add some, or remove them."
        )
    counts = Counter(name.parent.name for name in names)
    labels = tuple(sorted(counts))
    position = {label: i for i, label in enumerate(labels)}
    targets = np.array([position[name.parent.name] for name in names], dtype=np.int64)
    return PhotoSet(labels, tuple(map(str, names)), targets, source, skipped)


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _in_order(photos: PhotoSet, labels: tuple[str, ...]) -> PhotoSet:
    position = {label: i for i, label in enumerate(labels)}
    places = np.array([position[label] for label in photos.labels], dtype=np.int64)
    return PhotoSet(labels, photos.names, places[photos.targets], photos.source, photos.skipped)


def _listed(words: list[str] | tuple[str, ...]) -> str:
    """Words with commas, twenty at most."""
    more = f" and {len(words) - 20} more" if len(words) > 20 else ""
    return ", ".join(words[:20]) + more


def split(
    targets: NDArray[np.int64], share: float, seed: int, groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of a stratified split, sorted: ``share`` of every class (at least one photo) into the second part.

    ``groups`` int64 [N] marks photos that show the same; those of one class stay on one side, so that validation asks
    nothing that was in training. A class with no group small enough for its share is split photo by photo.
    """
    random = np.random.default_rng(seed)
    groups = np.arange(len(targets)) if groups is None else groups
    train: list[NDArray[np.int64]] = []
    held: list[NDArray[np.int64]] = []
    for label in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == label))
        cut = max(1, round(share * len(members)))
        own = groups[members]
        sizes = Counter(own.tolist())
        taken: list[int] = []
        room = cut
        for group in dict.fromkeys(own.tolist()):
            if sizes[group] <= room:
                taken.append(group)
                room -= sizes[group]
        kept = np.isin(own, taken) if taken else np.arange(len(members)) < cut
        held.append(members[kept])
        train.append(members[~kept])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(held))
