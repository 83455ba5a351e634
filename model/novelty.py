"""How far a picture lies from what the model has learnt: relative Mahalanobis++, and GEN where features are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MAX_DIRECTIONS = 256
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Novelty:
    """Relative Mahalanobis distance on L2-normalised features.

    The score is ``min_c (x - m_c)' W^-1 (x - m_c) - (x - m)' T^-1 (x - m)`` with the class means m_c, the shared
    covariance W within classes, and the mean m and covariance T of all training pictures as the background (Ren et
    al., 2021; the normalisation: Mueller and Hein, ICML 2025). As T is W plus the covariance between the C class means,
    both forms agree in every direction but the C - 1 discriminants that separate the means, and cancel there: the
    score is exact in those alone. So a bundle keeps F x (C - 1) numbers where two F x F covariances would be 13 MB.

    ``mean`` [F] and ``directions`` [F, K] (unit columns) project; ``scale`` [K] makes the background's variance one;
    ``within`` [K] is the variance within classes on that scale, in (0, 1]; ``classes`` [C, K] are the projected means.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    scale: NDArray[np.float32]
    within: NDArray[np.float32]
    classes: NDArray[np.float32]

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores [N] float32 of pooled features [N, F]; the higher, the less like anything learnt."""
        rows = (((normalise(features) - self.mean) @ self.directions) * self.scale).astype(np.float64)
        weighted = self.classes / self.within
        own = np.square(rows) @ (1.0 / self.within - 1.0)
        nearest = (np.square(self.classes) / self.within).sum(axis=1) - 2.0 * (rows @ weighted.T)
        return np.asarray(own + nearest.min(axis=1), dtype=np.float32)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Named arrays to store. Directions go as float16: for six classes and 1,280 features 14 kB."""
        return {
            "mean": self.mean,
            "directions": self.directions.astype(np.float16),
            "scale": self.scale,
            "within": self.within,
            "classes": self.classes,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The reverse of `to_arrays`. Raises `KeyError` for a missing array."""
        names = ("mean", "directions", "scale", "within", "classes")
        return cls(*(np.asarray(arrays[name], dtype=np.float32) for name in names))


def normalise(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length one; a row of zeros stays."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), dtype=np.float32)


def fit(features: NDArray[np.float32], targets: NDArray[np.int64]) -> Novelty:
    """Statistics of training features [N, F] with their labels [N]; targets run from 0 to C - 1, each at least once.

    The covariance gets a ridge of a thousandth of its mean variance. With more than 257 classes the
    256 strongest discriminants are kept. Raises `ValueError` for fewer than two classes or an empty one.
    """
    count = np.bincount(targets)
    if len(count) < 2 or count.min() == 0:
        raise ValueError("novelty needs pictures of every class, and at least two classes")
    rows = normalise(features).astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    classes = np.stack([rows[targets == label].mean(axis=0) for label in range(len(count))])
    inner = rows - classes[targets]
    within = inner.T @ inner / len(rows)
    within[np.diag_indices_from(within)] += _RIDGE * np.trace(within) / len(within) + 1e-12
    # T = W + B. With W = LL', the discriminants are L^-T times the eigenvectors of L^-1 B L^-T, which has rank C - 1:
    # they come from the thin SVD of L^-1 M, M the class means weighted by the square roots of their shares.
    weighted = (classes * np.sqrt(count / len(rows))[:, None]).T
    lower = np.linalg.cholesky(within)
    vectors, spread, _ = np.linalg.svd(np.linalg.solve(lower, weighted), full_matrices=False)
    kept = min(len(count) - 1, MAX_DIRECTIONS, len(spread))
    directions = np.linalg.solve(lower.T, vectors[:, :kept])
    total = 1.0 + np.square(spread[:kept])
    length = np.linalg.norm(directions, axis=0)
    directions = (directions / length).astype(np.float16).astype(np.float64)
    scale = length / np.sqrt(total)
    projected = (classes @ directions) * scale
    return Novelty(
        mean=mean.astype(np.float32),
        directions=directions.astype(np.float32),
        scale=scale.astype(np.float32),
        within=(1.0 / total).astype(np.float32),
        classes=projected.astype(np.float32),
    )


def gen(probabilities: NDArray[np.float32], gamma: float = 0.1, top: int = 100) -> NDArray[np.float32]:
    """Generalised entropy [N] float32 of probabilities [N, C] (Liu et al., CVPR 2023); higher is more novel.

    The sum of ``p^gamma (1 - p)^gamma`` over the ``top`` most probable labels.
    """
    highest = -np.sort(-probabilities.astype(np.float64), axis=1)[:, :top]
    return np.asarray((np.clip(highest * (1.0 - highest), 0.0, None) ** gamma).sum(axis=1), dtype=np.float32)
