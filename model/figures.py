"""Figures of merit, from arrays of answers: how right, how sure, and how well the unknown is told apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import confidence


def classification(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], labels: tuple[str, ...]
) -> dict[str, Any]:
    """Accuracy, calibration error (15 bins), AURC, precision, recall and F1 per label, and the confusion matrix."""
    guess = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (targets, guess), 1)
    hits = np.diag(confusion)
    precision = hits / np.maximum(confusion.sum(axis=0), 1)
    recall = hits / np.maximum(confusion.sum(axis=1), 1)
    f1 = 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    return {
        "photos": len(targets),
        "accuracy": round(float(hits.sum() / len(targets)), 4),
        "calibration_error": round(confidence.ece(probabilities, targets), 4),
        "aurc": round(aurc(probabilities.max(axis=1), guess == targets), 4),
        "per_label": {
            label: {"precision": round(float(p), 4), "recall": round(float(r), 4), "f1": round(float(f), 4)}
            for label, p, r, f in zip(labels, precision, recall, f1, strict=True)
        },
        "confusion": confusion.tolist(),
    }


def reliability(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], bins: int = 15
) -> list[dict[str, float | None]]:
    """For each of ``bins`` equal parts of [0, 1]: how many first labels fall there by their confidence, their mean
    confidence and the share that is right (both ``None`` for an empty part). The bins are those of `confidence.ece`."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    index = np.minimum((sure * bins).astype(np.int64), bins - 1)
    found: list[dict[str, float | None]] = []
    for i in range(bins):
        inside = index == i
        count = int(inside.sum())
        means = (float(sure[inside].mean()), float(right[inside].mean())) if count else (None, None)
        found.append({"photos": count, "confidence": means[0], "accuracy": means[1]})
    return found


def risk_coverage(sure: NDArray[np.float32], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of errors among the surest k of N photos, for k from 1 to N: float64 [N] (Geifman and El-Yaniv, 2017).

    Photos that are equally sure keep their order.
    """
    wrong = ~right[np.argsort(-sure, kind="stable")]
    return np.asarray(np.cumsum(wrong) / np.arange(1, len(wrong) + 1), dtype=np.float64)


def aurc(sure: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: the mean share of errors among the surest k, over all k."""
    return float(risk_coverage(sure, right).mean())


def auroc(known: NDArray[np.float32], unknown: NDArray[np.float32]) -> float:
    """The chance that an unknown picture scores as more novel than a known one; ties count half (Mann-Whitney)."""
    ordered = np.sort(known)
    below = np.searchsorted(ordered, unknown, side="left") + np.searchsorted(ordered, unknown, side="right")
    return float(below.mean() / (2 * len(known)))


def fpr95(known: NDArray[np.float32], unknown: NDArray[np.float32]) -> float:
    """The share of unknown pictures that pass where 95 % of the known do; higher scores are more novel."""
    return float((unknown <= np.quantile(known, 0.95)).mean())


def selective(right: NDArray[np.bool_], kept: NDArray[np.bool_]) -> dict[str, float]:
    """Coverage, and the accuracy of what is accepted."""
    return {
        "coverage": round(float(kept.mean()), 4),
        "accepted_accuracy": round(float(right[kept].mean()) if kept.any() else 0.0, 4),
    }
