"""Where the guards draw their lines for a network that came without calibration."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from model import novelty, statistics
from model.bundle import Thresholds
from model.confidence import softmax
from model.decode import decode
from model.limits import Limits
from model.report.pictures import Pictures, careful
from model.train.loop import device, predict
from model.train.progress import Progress
from model.train.source import DataError
from model.verdict import Unreadable

CONFIDENCE = 0.5
"""A tag that is likelier wrong than right is none to stand behind. Nothing better can be said without labelled photos:
of 160 ImageNet example photos EfficientNet-Lite0 named 96 % right where it was surer than this, 64 % between 0.3 and
0.5. What falls short for want of knowing which kind it is gets the category, where the model has categories."""
DEFAULT, DEFAULT_STRICT = 0.8, 0.9
"""See `even`. On the same network: 0.8 accepted 94 % of those 160 photos, 0.9 accepted 83 %; of 180 photos of textures
45 % and 18 %, of noise and drawings next to nothing."""
ACCEPT, ACCEPT_STRICT = 0.95, 0.90
FEWEST, ENOUGH, MOST = 50, 200, 2000
"""Photos: below the first the 95 % line is drawn by two of them; more than the last move no line."""
BATCH = 16


@dataclass(frozen=True, slots=True)
class Lines:
    """Thresholds and ranges (``None``: no such guard) with how they came about, for the manifest's figures."""

    thresholds: Thresholds
    ranges: statistics.Ranges | None
    figures: dict[str, Any]


def even(first: float, classes: int, top: int = 100) -> float:
    """The GEN of a picture whose first label has the probability ``first`` while the rest is spread evenly over the
    next 99 labels, or over all others where a model has fewer.

    GEN looks at the first 100 labels, and no other spread of the rest gives more: a line at this value refuses no
    picture whose first label has that probability. It means the same for 10 classes as for 1,000, where GEN's own
    numbers do not: they grow with the classes.
    """
    spread = min(classes, top) - 1
    probabilities = np.full((1, spread + 1), (1 - first) / spread, np.float32)
    probabilities[0, 0] = first
    return float(novelty.gen(probabilities, top=top)[0])


def default(classes: int) -> Lines:
    """Lines for a network of which nothing is known but how many classes it has."""
    thresholds = Thresholds(
        confidence=CONFIDENCE, gen_normal=even(DEFAULT, classes), gen_strict=even(DEFAULT_STRICT, classes)
    )
    return Lines(thresholds, None, {"default": True})


def calibrated(network: nn.Module, pictures: Pictures, size: int, progress: Progress) -> Lines:
    """Lines that let statistics and GEN together accept 95 % of somebody's own good photos, 90 % where a job asks for
    strict; at most `MOST` of them are read. Raises `DataError` when fewer than `FEWEST` can be.
    """
    measured, logits, unreadable = _look(network, pictures, size, progress)
    if len(measured) < FEWEST:
        lost = f"; {unreadable:,} could not be read" if unreadable else ""
        raise DataError(
            f"Calibration needs at least {FEWEST} readable photos, better {ENOUGH}; {pictures.title} has "
            f"{len(measured):,}{lost}."
        )
    ranges = statistics.fit(measured)
    known = np.array([statistics.check(tuple(row), ranges).reason is None for row in measured])
    probabilities = softmax(logits)
    gen = novelty.gen(probabilities)
    normal, strict = (_line(gen, known, accept) for accept in (ACCEPT, ACCEPT_STRICT))
    figures: dict[str, Any] = {
        "photos": len(measured),
        "unreadable": unreadable,
        "accepted": round(float((known & (gen <= normal)).mean()), 4),
        "accepted_strict": round(float((known & (gen <= strict)).mean()), 4),
        "sure": round(float((known & (gen <= normal) & (probabilities.max(axis=1) >= CONFIDENCE)).mean()), 4),
    }
    return Lines(Thresholds(confidence=CONFIDENCE, gen_normal=normal, gen_strict=strict), ranges, figures)


def _line(gen: NDArray[np.float32], known: NDArray[np.bool_], accept: float) -> float:
    """The lowest GEN under which ``accept`` of all photos lie that the statistics take for photos."""
    return float(np.quantile(gen[known], min(1.0, accept / float(known.mean())), method="higher"))


def _look(
    network: nn.Module, pictures: Pictures, size: int, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Statistics [N, K] and logits [N, C] of the readable photos, and how many are not; in an order mixed by a fixed
    seed, since the first of a library may all be of one day."""
    measured: list[tuple[float, ...]] = []
    logits: list[NDArray[np.float32]] = []
    batch: list[NDArray[np.uint8]] = []
    where = device("auto")
    network = network.to(where)
    chosen = np.random.default_rng(0).permutation(len(pictures.names))[:MOST]
    for done, place in enumerate(chosen, 1):
        name = pictures.names[place]
        try:
            seen = decode(careful(pictures.read, name), size, Limits())
        except Unreadable:
            pass
        else:
            measured.append(seen.statistics)
            batch.append(seen.pixels)
        if batch and (len(batch) == BATCH or done == len(chosen)):
            logits.append(predict(network, np.stack(batch), where, exact=True)[0].numpy())
            batch = []
        progress("looking at your photos", done, len(chosen))
    network.cpu()
    found = np.concatenate(logits) if logits else np.zeros((0, 2), np.float32)
    return np.array(measured, np.float32), found, len(chosen) - len(measured)
