"""One pass over the photos: each is read and decoded once, into a file that training maps, and measured on the way."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from model.train.data import FEWEST, PhotoSet
from model.train.progress import Progress, quiet
from model.train.source import DataError, Look
from model.train.twins import THUMB, thumbnail
from model.verdict import Unreadable

CHUNK = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What the pass learned of N photos, column by column; a photo that cannot be read has a ``problem`` and zeros.

    ``digest`` is the content's SHA-256 (hex), ``width``, ``height`` (pixels, upright) and ``bytes`` int64 [N],
    ``hash`` uint64 [N] and ``thumb`` uint8 [N, 16, 16] are ``twins.thumbnail``'s.
    """

    digest: NDArray[np.str_]
    width: NDArray[np.int64]
    height: NDArray[np.int64]
    bytes: NDArray[np.int64]
    format: NDArray[np.str_]
    hash: NDArray[np.uint64]
    thumb: NDArray[np.uint8]
    problem: NDArray[np.str_]

    def take(self, chosen: NDArray[np.int64]) -> "Facts":
        """The rows at the given positions."""
        return Facts(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def save(self, path: Path, order: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Writes the columns, with the photos' ``order`` and where their parts end, as an ``.npz``."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        unfinished = path.with_suffix(".facts")
        with unfinished.open("wb") as file:
            np.savez(file, order=order, ends=ends, **columns)
        unfinished.replace(path)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Photos that were read: ``pixels`` uint8 [N, S, S, 3] mapped from a file, and the facts, in the photos' order."""

    photos: PhotoSet
    pixels: NDArray[np.uint8]
    facts: Facts

    @property
    def key(self) -> str:
        """A digest of the size and all names, classes and contents: another photo gives another key."""
        return _key(self.photos, self.facts.digest.tolist(), self.pixels.shape[1])


def prepare(
    photos: PhotoSet,
    size: int,
    folder: Path,
    progress: Progress = quiet,
    parted: Callable[[Facts], Sequence[NDArray[np.int64]]] | None = None,
    named: str = "",
) -> tuple[Prepared, ...]:
    """Reads every photo at ``size`` pixels a side; a second call with the same photos maps what the first left.

    ``parted`` may split the photos once their facts are known: it gives the positions of each part, and each part is
    returned, lying together in the file; ``named`` tells such splits apart. Where a photo cannot be read, its facts
    tell why, nothing is split and nothing is kept.
    """
    digests = list(_digests(photos, progress))
    key = _key(photos, digests, size, named)
    pixels_path, facts_path = folder / f"photos-{key}.npy", folder / f"photos-{key}.npz"
    if pixels_path.exists() and facts_path.exists():
        with np.load(facts_path, allow_pickle=False) as kept:
            order, ends = kept["order"], kept["ends"]
            facts = Facts(*(kept[field.name] for field in fields(Facts)))
        return _parts(photos.take(order), np.load(pixels_path, mmap_mode="r"), facts, ends)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = pixels_path.with_suffix(".part")
    pixels: NDArray[np.uint8] = np.lib.format.open_memmap(
        unfinished, mode="w+", dtype=np.uint8, shape=(len(photos), size, size, 3)
    )
    facts = _look(photos, digests, size, pixels, progress)
    if any(facts.problem):
        unfinished.unlink()  # the mapping stays for as long as it is used
        return (Prepared(photos, pixels, facts),)
    rows = [np.arange(len(photos))] if parted is None else list(parted(facts))
    order, ends = np.concatenate(rows), np.cumsum([len(part) for part in rows])
    if parted is not None:
        facts = facts.take(order)
        _arrange(pixels, order, unfinished)
    del pixels
    facts.save(facts_path, order, ends)
    unfinished.replace(pixels_path)
    return _parts(photos.take(order), np.load(pixels_path, mmap_mode="r"), facts, ends)


def refuse(*parts: Prepared) -> None:
    """Raises ``DataError`` where photos cannot be read (five are named, and how many there are), and where a class has
    too few photos that differ."""
    broken = [
        f"{name} ({problem})"
        for part in parts
        for name, problem in zip(part.photos.names, part.facts.problem.tolist(), strict=True)
        if problem
    ]
    if broken:
        many = f"{len(broken):,} photos" if len(broken) > 1 else "1 photo"
        more = f" and {len(broken) - 5:,} more" if len(broken) > 5 else ""
        raise DataError(f"{many} cannot be read: {', '.join(broken[:5])}{more}. Remove or replace them.")
    different: dict[str, set[str]] = {label: set() for label in parts[0].photos.labels}
    for part in parts:
        for target, digest in zip(part.photos.targets.tolist(), part.facts.digest.tolist(), strict=True):
            different[part.photos.labels[target]].add(digest)
    small = [f"{label} ({len(found)})" for label, found in different.items() if len(found) < FEWEST]
    if small:
        raise DataError(
            f"Too few photos that are not copies of each other (fewer than {FEWEST}) of: {', '.join(small)}."
        )


def _digests(photos: PhotoSet, progress: Progress) -> Iterator[str]:
    def digest(name: str) -> str:
        try:
            return photos.source.digest(name)
        except Unreadable:
            return ""

    for done, found in enumerate(_each(digest, photos.names), 1):
        if done % CHUNK == 0 or done == len(photos):
            progress("looking through the files", done, len(photos))
        yield found


def _look(photos: PhotoSet, digests: list[str], size: int, pixels: NDArray[np.uint8], progress: Progress) -> Facts:
    def look(name: str) -> tuple[Look, NDArray[np.uint8], int] | str:
        try:
            seen = photos.source.look(name, size)
        except Unreadable as why:
            return why.reason.value
        return seen, *thumbnail(seen.pixels)

    count = len(photos)
    numbers = np.zeros((3, count), dtype=np.int64)
    hashes, thumbs = np.zeros(count, dtype=np.uint64), np.zeros((count, THUMB, THUMB), dtype=np.uint8)
    formats, problems = [""] * count, [""] * count
    for i, found in enumerate(_each(look, photos.names)):
        if isinstance(found, str):
            problems[i] = found
        else:
            seen, thumbs[i], hashes[i] = found
            pixels[i], formats[i] = seen.pixels, seen.format
            numbers[:, i] = seen.width, seen.height, seen.bytes
        if (i + 1) % CHUNK == 0 or i + 1 == count:
            progress("reading photos", i + 1, count)
    wide, high, size_bytes = numbers
    return Facts(np.array(digests), wide, high, size_bytes, np.array(formats), hashes, thumbs, np.array(problems))


def _each(work: Callable[[str], T], names: tuple[str, ...]) -> Iterator[T]:
    """``work`` on every name, on all processors (decoders let go of the interpreter), a chunk at a time in memory."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(names), CHUNK):
            yield from pool.map(work, names[start : start + CHUNK])


def _arrange(pixels: NDArray[np.uint8], order: NDArray[np.int64], path: Path) -> None:
    """Puts the rows of the file ``path``, mapped as ``pixels``, into ``order``."""
    arranged = np.lib.format.open_memmap(path.with_suffix(".order"), mode="w+", dtype=np.uint8, shape=pixels.shape)
    for start in range(0, len(order), CHUNK):
        arranged[start : start + CHUNK] = pixels[order[start : start + CHUNK]]
    arranged.flush()
    path.with_suffix(".order").replace(path)


def _parts(photos: PhotoSet, pixels: NDArray[np.uint8], facts: Facts, ends: NDArray[np.int64]) -> tuple[Prepared, ...]:
    starts = [0, *ends.tolist()]
    rows = [np.arange(start, stop) for start, stop in itertools.pairwise(starts)]
    return tuple(Prepared(photos.take(part), pixels[part[0] : part[-1] + 1], facts.take(part)) for part in rows)


def _key(photos: PhotoSet, digests: list[str], size: int, named: str = "") -> str:
    key = hashlib.sha256(f"{size}\0{named}\0{'/'.join(photos.labels)}".encode())
    for name, digest, target in zip(photos.names, digests, photos.targets.tolist(), strict=True):
        key.update(f"{name}\0{digest}\0{target}\0".encode())
    return key.hexdigest()[:16]
