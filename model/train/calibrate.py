"""The guard's lines, drawn on held-out photos: temperature, picture statistics, novelty, and thresholds together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model import confidence, novelty, statistics
from model.bundle import Thresholds
from model.decode import decode
from model.limits import Limits
from model.train.augment import worse_copy

ACCEPT = 0.955  # of held-out photos, all layers together: 95 % and about one standard error of 2,795 photos
ACCEPT_STRICT = 0.90


@dataclass(frozen=True, slots=True)
class Scored:
    """What the layers measure on N photos: ``known`` by the statistics (bool), first probability, novelty, GEN."""

    known: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    novelty: NDArray[np.float32]
    gen: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that calibration adds to a network, and the figures it was drawn from."""

    temperature: float
    ranges: statistics.Ranges
    novelty: novelty.Novelty
    thresholds: Thresholds
    figures: dict[str, Any]


def varied(pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Uint8 [N, S, S, 3] as other cameras and programs would have saved them, read back as the judge reads."""
    random = np.random.default_rng(seed)
    size = pixels.shape[1]
    copies = (decode(worse_copy(Image.fromarray(photo), random), size, Limits()).pixels for photo in pixels)
    return np.stack(list(copies))


def fit_ranges(photos: Sequence[NDArray[np.uint8]]) -> statistics.Ranges:
    """The ranges of the picture statistics over all the given photos (several arrays uint8 [N, S, S, 3])."""
    return statistics.fit(np.stack([statistics.measure(photo) for part in photos for photo in part]))


def score(
    pixels: NDArray[np.uint8],
    logits: NDArray[np.float32],
    features: NDArray[np.float32],
    temperature: float,
    ranges: statistics.Ranges,
    far: novelty.Novelty,
) -> Scored:
    """Every layer's measurement on photos uint8 [N, S, S, 3] with their logits [N, C] and features [N, F]."""
    probabilities = confidence.softmax(logits, temperature)
    return Scored(
        known=np.array([statistics.check(statistics.measure(photo), ranges).reason is None for photo in pixels]),
        confidence=probabilities.max(axis=1),
        novelty=far.score(features, probabilities),
        gen=novelty.gen(probabilities),
    )


def thresholds(scored: Scored) -> Thresholds:
    """Lines that let the layers together accept ``ACCEPT`` of the scored photos (``ACCEPT_STRICT`` for strict).

    Confidence and novelty give up the same share of photos each, and that share is the largest that keeps the sum:
    neither layer is favoured, and no picture from outside has a say. Strict moves the novelty line alone.
    """
    sure, normal = _share(scored.known, scored.confidence, scored.novelty, ACCEPT)
    _, gen_normal = _share(scored.known, scored.confidence, scored.gen, ACCEPT)
    kept = scored.known & (scored.confidence >= sure)
    strict = _line(scored.novelty, kept, ACCEPT_STRICT)
    gen_strict = _line(scored.gen, kept, ACCEPT_STRICT)
    return Thresholds(
        confidence=sure,
        novelty_normal=normal,
        novelty_strict=min(strict, normal),
        gen_normal=gen_normal,
        gen_strict=min(gen_strict, gen_normal),
    )


def accepted(scored: Scored, lines: Thresholds) -> NDArray[np.bool_]:
    """Which photos all the layers let through at normal strictness, bool [N]."""
    assert lines.novelty_normal is not None
    return scored.known & (scored.confidence >= lines.confidence) & (scored.novelty <= lines.novelty_normal)


def together(one: Scored, other: Scored) -> Scored:
    """Two sets of photos as one."""
    return Scored(
        known=np.concatenate([one.known, other.known]),
        confidence=np.concatenate([one.confidence, other.confidence]),
        novelty=np.concatenate([one.novelty, other.novelty]),
        gen=np.concatenate([one.gen, other.gen]),
    )


def rejected_by(scored: Scored, lines: Thresholds) -> dict[str, float]:
    """The share of photos that each layer alone would reject at normal strictness."""
    assert lines.novelty_normal is not None
    return {
        "statistics": round(float((~scored.known).mean()), 4),
        "confidence": round(float((scored.confidence < lines.confidence).mean()), 4),
        "novelty": round(float((scored.novelty > lines.novelty_normal).mean()), 4),
    }


def _share(
    known: NDArray[np.bool_], sure: NDArray[np.float32], far: NDArray[np.float32], accept: float
) -> tuple[float, float]:
    """The confidence and novelty lines that each give up the same share, the largest that still accepts ``accept``."""
    low, high = 0.0, 1.0
    for _ in range(40):
        share = (low + high) / 2
        kept = known & (sure >= np.quantile(sure, share)) & (far <= np.quantile(far, 1 - share))
        low, high = (share, high) if kept.mean() >= accept else (low, share)
    return float(np.quantile(sure, low)), float(np.quantile(far, 1 - low))


def _line(far: NDArray[np.float32], kept: NDArray[np.bool_], accept: float) -> float:
    """The novelty line under which ``accept`` of all photos lie that the other layers ``kept``, as far as they can."""
    return float(np.quantile(far[kept], min(1.0, accept / max(float(kept.mean()), 1e-9))))
