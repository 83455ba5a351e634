"""Which labels are probably wrong: confident learning (Northcutt, Jiang and Chuang, JAIR 2021)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """What confident learning finds among N photos.

    ``joint`` float64 [C, C] estimates the share of photos with given label i (row) and true label j (column); it sums
    to one. ``photos`` int64 [K] are the positions of the suspects, the surest first, ``likely`` int64 [K] the labels
    that they probably should have.
    """

    joint: NDArray[np.float64]
    photos: NDArray[np.int64]
    likely: NDArray[np.int64]

    @property
    def share(self) -> float:
        """The estimated share of photos whose label is wrong."""
        return float(self.joint.sum() - np.trace(self.joint))


def find(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> LabelErrors:
    """Suspects among photos with probabilities [N, C] (of a model that did not learn from them) and given labels [N].

    A class's threshold is the mean probability that its own photos get for it. A photo is counted for the likeliest of
    the classes whose thresholds it reaches, if any; where that is not its given label, it is a suspect. The counts,
    each row scaled to the label's number of photos, make the joint. Suspects are ordered by how much likelier the other
    label is than the given one (the normalised margin).
    """
    count, classes = probabilities.shape
    members = np.bincount(targets, minlength=classes)
    own = probabilities[np.arange(count), targets].astype(np.float64)
    # A class without photos has no threshold, and no photo can reach it.
    thresholds = np.full(classes, np.inf)
    np.divide(np.bincount(targets, weights=own, minlength=classes), members, out=thresholds, where=members > 0)
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    likely = np.asarray(reached.argmax(axis=1), dtype=np.int64)
    counted = reached.max(axis=1) >= 0
    confident = np.zeros((classes, classes))
    np.add.at(confident, (targets[counted], likely[counted]), 1.0)
    # A label none of whose photos is counted is believed.
    empty = confident.sum(axis=1) == 0
    confident[empty, empty] = 1.0
    joint = confident / confident.sum(axis=1, keepdims=True) * members[:, None] / max(count, 1)
    suspects = np.flatnonzero(counted & (likely != targets))
    margin = probabilities[suspects, likely[suspects]] - own[suspects]
    suspects = suspects[np.argsort(-margin, kind="stable")]
    return LabelErrors(joint, suspects, likely[suspects])
