"""Photos that are there twice: the same file, or nearly the same picture in another size, quality or brightness."""

import itertools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMB = 16
BANDS = 6  # of a hash's 64 bits: copies that differ in up to 5 bits agree in at least one band
WINDOW = 64
FAR_BITS = 12  # 9 is the most that a copy differed by (halved, sharpened, JPEG quality 30)
# Between thumbnails as unit vectors. Copies of other quality and size lie at 0.03 (median); of the nearest pairs among
# 14,004 scene photos those below 0.15 were one picture, above 0.2 mostly two.
NEAR = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """``same``: positions of photos that are one file, a tuple for each file that is there more than once. ``near``
    int64 [P, 2]: pairs that are nearly one picture, each file standing once for all its copies."""

    same: tuple[tuple[int, ...], ...]
    near: NDArray[np.int64]

    def groups(self, count: int) -> NDArray[np.int64]:
        """A number for each of ``count`` photos, int64 [N], equal where photos are (nearly) the same."""
        parent = list(range(count))

        def root(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = parent[i]
            return i

        for first, *others in (*self.same, *self.near.tolist()):
            for other in others:
                parent[root(other)] = root(first)
        return np.array([root(i) for i in range(count)], dtype=np.int64)


def thumbnail(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """A photo uint8 [S, S, 3] as a grey thumbnail uint8 [16, 16] and its difference hash of 64 bits (Krawetz, 2013)."""
    grey = Image.fromarray(pixels).convert("L")
    steps = np.asarray(grey.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    bits = np.packbits(steps[:, 1:] > steps[:, :-1])
    return np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BOX)), int.from_bytes(bits.tobytes(), "big")


def find(digests: tuple[str, ...], hashes: NDArray[np.uint64], thumbs: NDArray[np.uint8]) -> Twins:
    """Twins among N photos with their SHA-256, hashes uint64 [N] and thumbnails uint8 [N, 16, 16]; an empty digest
    marks a photo that could not be read and has no twins."""
    copies: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(digests):
        if digest:
            copies[digest].append(i)
    first = np.array([positions[0] for positions in copies.values()], dtype=np.int64)
    pairs = first[near(hashes[first], thumbs[first])] if len(first) else np.empty((0, 2), np.int64)
    return Twins(tuple(tuple(positions) for positions in copies.values() if len(positions) > 1), pairs)


def near(hashes: NDArray[np.uint64], thumbs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs int64 [P, 2] of positions, the lower first, whose thumbnails differ by less than ``NEAR``.

    Photos that share a band of their hash are sorted by brightness, and each is compared with the next ``WINDOW``
    (sorted neighbourhoods, Hernandez and Stolfo, 1995): the cost grows with N, also where all photos look alike.
    Thumbnails are compared without their mean and contrast. A picture of one colour is near to none.
    """
    flat = thumbs.reshape(len(thumbs), -1).astype(np.float32)
    bright = flat.mean(axis=1)
    flat -= bright[:, None]
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1.0)
    edges = np.linspace(0, 64, BANDS + 1).astype(np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for low, high in itertools.pairwise(edges):
        band = (hashes >> low) & ((np.uint64(1) << (high - low)) - np.uint64(1))
        order = np.lexsort((bright, band))
        band, bits = band[order], hashes[order]
        for step in range(1, min(WINDOW, len(order) - 1) + 1):
            here = np.flatnonzero(band[:-step] == band[step:])
            if not len(here):
                break
            here = here[np.bitwise_count(bits[here] ^ bits[here + step]) <= FAR_BITS]
            one, other = order[here], order[here + step]
            alike = np.einsum("ij,ij->i", unit[one], unit[other]) > 1 - NEAR**2 / 2
            found.append(np.sort(np.stack([one[alike], other[alike]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)
