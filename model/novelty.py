"""How far a picture lies from what the model has learnt: Mahalanobis distances, and GEN where features are missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

ABSOLUTE = 2.0
"""What the plain distance counts beside the relative one, each in its own standard deviations. See docs/guards.md."""
DOUBT = 2.0
"""What the generalised entropy counts beside the distances, each in its own standard deviations. See docs/guards.md."""
MAX_DISCRIMINANTS = 192
AXES = 128
# Shares of the mean variance. A strong ridge costs nothing with many photos per class, and with few it is what keeps
# the distance from fitting them: of 300 photos, objects' AUROC rose from 0.765 (a thousandth) to 0.917 (one).
_RIDGE, _AXES_RIDGE = 1.0, 0.1


@dataclass(frozen=True, slots=True)
class Novelty:
    """Relative Mahalanobis++ with the plain distance beside it, as one quadratic form.

    On L2-normalised features x (Mueller and Hein, ICML 2025), with class means m_c, the shared covariance W within
    classes, and the mean m and covariance T of all training pictures: the relative distance (Ren et al., 2021) is
    ``(x - m_c)' W^-1 (x - m_c) - (x - m)' T^-1 (x - m)``. T is W plus the covariance between the C class means, so both
    forms agree in every direction but the C - 1 discriminants that part the means, and cancel there: it is exact in
    those alone, and F x (C - 1) numbers do for two F x F covariances. The plain distance is the first form, taken in
    the 128 chief axes of T.

    The distance is ``min_c sum_j own_j (p_j - classes_cj)^2 - sum_j background_j p_j^2`` of the projection
    ``p = (x - mean) directions * scale``: ``mean`` [F], ``directions`` [F, J] with unit columns, ``classes`` [C, J],
    the others [J]. The score adds ``doubt`` times the generalised entropy of the probabilities (`gen`): a network that
    was shown outliers is unsure about what is like them, and far from its photos with what is not.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    scale: NDArray[np.float32]
    own: NDArray[np.float32]
    background: NDArray[np.float32]
    classes: NDArray[np.float32]
    doubt: float = 0.0

    def score(self, features: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores [N] float32 of pooled features [N, F] and calibrated probabilities [N, C]; higher is more novel."""
        return self.distance(features) + np.float32(self.doubt) * gen(probabilities)

    def doubting(self, features: NDArray[np.float32], probabilities: NDArray[np.float32]) -> "Novelty":
        """The same with `DOUBT`, measured in standard deviations of both parts over held-out photos."""
        spread = max(float(gen(probabilities).std()), 1e-9)
        return replace(self, doubt=DOUBT * float(self.distance(features).std()) / spread)

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances [N] float32 of pooled features [N, F] from anything learnt."""
        rows = (((normalise(features) - self.mean) @ self.directions) * self.scale).astype(np.float64)
        shared = np.square(rows) @ (self.own - self.background).astype(np.float64)
        apart = np.square(self.classes) @ self.own - 2.0 * (rows @ (self.classes * self.own).T)
        return np.asarray(shared + apart.min(axis=1), dtype=np.float32)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Named arrays to store. Directions go as float16: 340 kB for six classes and 1,280 features."""
        arrays: dict[str, NDArray[np.generic]] = {name: getattr(self, name) for name in _ARRAYS}
        return arrays | {
            "directions": self.directions.astype(np.float16),
            "doubt": np.asarray([self.doubt], dtype=np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The reverse of `to_arrays`; without ``doubt`` distances are all there is. `KeyError` for a missing array."""
        doubt = float(np.asarray(arrays["doubt"]).item()) if "doubt" in arrays else 0.0
        return cls(**{name: np.asarray(arrays[name], dtype=np.float32) for name in _ARRAYS}, doubt=doubt)


_ARRAYS = ("mean", "directions", "scale", "own", "background", "classes")


def normalise(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length one; a row of zeros stays."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), dtype=np.float32)


def fit(features: NDArray[np.float32], targets: NDArray[np.int64], absolute: float = ABSOLUTE) -> Novelty:
    """Statistics of training features [N, F] with their labels [N]; targets run from 0 to C - 1, each at least once.

    ``absolute`` is the weight of the plain distance (0: relative Mahalanobis++ alone). With more than 193 classes the
    192 strongest discriminants are kept. Raises `ValueError` for fewer than two classes or an empty one.
    """
    count = np.bincount(targets)
    if len(count) < 2 or count.min() == 0:
        raise ValueError("novelty needs pictures of every class, and at least two classes")
    rows = normalise(features).astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    classes = np.stack([rows[targets == label].mean(axis=0) for label in range(len(count))])
    inner = rows - classes[targets]
    relative, total = _discriminants(inner, classes * np.sqrt(count / len(rows))[:, None])
    plain = _axes(rows, inner) if absolute > 0 else relative[:, :0]
    directions, scale = _stored(np.hstack([relative, plain]))
    own = np.concatenate([total, np.ones(plain.shape[1])])
    background = np.concatenate([np.ones(len(total)), np.zeros(plain.shape[1])])
    # Each distance counts in its own standard deviations over the training pictures.
    projected, centres = rows @ directions * scale, classes @ directions * scale
    first = slice(0, len(total))
    for part, weight in ((first, 1.0), (slice(len(total), None), absolute)):
        nearest = (own[part] * np.square(projected - centres[targets])[:, part]).sum(axis=1)
        spread = (nearest - np.square(projected[:, part]) @ background[part]).std()
        own[part] *= weight / max(spread, 1e-9)
        background[part] *= weight / max(spread, 1e-9)
    found = (mean, directions, scale, own, background, centres)
    return Novelty.from_arrays(dict(zip(_ARRAYS, found, strict=True)))


def _discriminants(
    inner: NDArray[np.float64], weighted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The directions [F, K] that part the class means, each of variance one in T, and T's variance over W's there [K].

    With W = LL' they are L'^-1 times the left singular vectors of L^-1 M, M the class means [F, C] weighted by the
    square roots of their shares; the squared singular values are the variance between classes over that within.
    """
    lower = np.linalg.cholesky(_ridged(inner.T @ inner / len(inner), _RIDGE))
    vectors, spread, _ = np.linalg.svd(np.linalg.solve(lower, weighted.T), full_matrices=False)
    kept = min(len(weighted) - 1, MAX_DISCRIMINANTS, len(spread))
    total = 1.0 + np.square(spread[:kept])
    return np.linalg.solve(lower.T, vectors[:, :kept]) / np.sqrt(total), total


def _axes(rows: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chief axes of all pictures, turned and scaled so that W is the identity: [F, K], four pictures an axis."""
    kept = max(1, min(AXES, rows.shape[1], len(rows) // 4))
    chief = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :kept]
    inside = inner @ chief
    lower = np.linalg.cholesky(_ridged(inside.T @ inside / len(rows), _AXES_RIDGE))
    return np.asarray(np.linalg.solve(lower, chief.T).T)


def _ridged(covariance: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return np.asarray(covariance + (share * np.trace(covariance) / len(covariance) + 1e-12) * np.eye(len(covariance)))


def _stored(directions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit columns, rounded as they will be stored, and their lengths."""
    length = np.linalg.norm(directions, axis=0)
    return (directions / length).astype(np.float16).astype(np.float64), length


def gen(probabilities: NDArray[np.float32], gamma: float = 0.1, top: int = 100) -> NDArray[np.float32]:
    """Generalised entropy [N] float32 of probabilities [N, C] (Liu et al., CVPR 2023); higher is more novel.

    The sum of ``p^gamma (1 - p)^gamma`` over the ``top`` most probable labels.
    """
    highest = -np.sort(-probabilities.astype(np.float64), axis=1)[:, :top]
    return np.asarray((np.clip(highest * (1.0 - highest), 0.0, None) ** gamma).sum(axis=1), dtype=np.float32)
