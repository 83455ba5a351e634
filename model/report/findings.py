"""All that a report says, as plain JSON: the page shows nothing that is not in here, but for the pictures."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import confidence, figures
from model.backends.base import Backend
from model.bundle import Bundle
from model.lineage import above
from model.report import label_errors
from model.report.judged import LAYERS, Judged
from model.verdict import Novelty, Reason, Verdict

SHEET = 24
"""Pictures on a sheet."""
SHEET_OUTSIDE = 12
"""Pictures on the sheet of each set from outside."""
LISTED = 500
"""Suspect labels listed in the JSON."""
POINTS = 200
BINS = 40


def findings(
    bundle: Bundle,
    backend: Backend,
    title: str,
    known: Judged,
    targets: NDArray[np.int64],
    outside: Mapping[str, Judged],
) -> dict[str, Any]:
    """The report on ``known`` photos with their labels' numbers [N] in the bundle, and on sets from ``outside``.

    Figures speak of the readable pictures; the others are listed. Shares are in [0, 1].
    """
    right, told = known.guesses == targets, _told(bundle, known, targets)
    training = bundle.figures.get("training")
    counts = np.bincount(targets, minlength=len(bundle.labels))
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": _model(bundle, backend, known),
        "data": {
            "title": title,
            "photos": len(targets),
            "per_label": {label: int(count) for label, count in zip(bundle.labels, counts, strict=True)},
            "lost": _lost(known),
        },
        **_classification(bundle, known, targets),
        "strictness": {s.value: figures.selective(told, known.kept[s]) for s in Novelty},
        "layers": {title: _layers(known)} | {name: _layers(judged) for name, judged in outside.items()},
        "outside": {name: _outside(bundle, judged, known) for name, judged in outside.items()},
        "novelty": _histograms(known, outside),
        "history": list(training.get("history", ())) if isinstance(training, Mapping) else [],
        "mistakes": [
            _picture(bundle, known, i, given=bundle.labels[targets[i]]) for i in _surest(known, ~right, SHEET)
        ],
        "label_errors": _label_errors(bundle, known, targets),
    }


def _model(bundle: Bundle, backend: Backend, known: Judged) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "version": bundle.version,
        "architecture": bundle.architecture,
        "labels": list(bundle.labels),
        "input_size": bundle.input_size,
        "knows": bundle.knows,
        "temperature": bundle.temperature,
        "backend": backend.name,
        "precision": backend.precision.value,
        "thresholds": {
            "confidence": bundle.thresholds.confidence,
            "novelty_normal": known.limits[Novelty.NORMAL],
            "novelty_strict": known.limits[Novelty.STRICT],
        },
    }


def _classification(bundle: Bundle, known: Judged, targets: NDArray[np.int64]) -> dict[str, Any]:
    found = figures.classification(known.probabilities, targets, bundle.labels)
    risk = figures.risk_coverage(known.confidence, known.guesses == targets)
    some = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(np.int64))
    return {
        "classification": found | {"uncalibrated_error": round(confidence.ece(known.uncalibrated, targets), 4)},
        "reliability": {
            "before": figures.reliability(known.uncalibrated, targets),
            "after": figures.reliability(known.probabilities, targets),
        },
        "risk_coverage": {
            "coverage": [round(float(i + 1) / len(risk), 4) for i in some],
            "risk": [round(float(risk[i]), 4) for i in some],
        },
    }


def _told(bundle: Bundle, known: Judged, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each picture's tag, accepted or not, is right, bool [N]: its label, or a category above that."""
    right = known.guesses == targets
    for i, category in enumerate(known.categories):
        if category:
            right[i] = category in above(bundle.labels[targets[i]], bundle.parents)
    return np.asarray(right, dtype=np.bool_)


def _layers(judged: Judged) -> dict[str, Any]:
    """What the guards do to a set: the share that each rejects as the first to object, and that each would alone."""
    return {
        "pictures": len(judged.names),
        "accepted": round(float(judged.accepted.mean()), 4),
        "first": {layer: round(judged.share(*reasons), 4) for layer, reasons in LAYERS.items()},
        "alone": {layer: round(float(judged.alone[layer].mean()), 4) for layer in LAYERS},
    }


def _outside(bundle: Bundle, judged: Judged, known: Judged) -> dict[str, Any]:
    scores = {
        "novelty": (known.novelty, judged.novelty),
        "GEN": (known.gen, judged.gen),
        "1 - confidence": (1 - known.confidence, 1 - judged.confidence),
    }
    return {
        "pictures": len(judged.names),
        "lost": _lost(judged),
        "rejected": {s.value: round(float(1 - judged.kept[s].mean()), 4) for s in Novelty},
        "told_apart": {
            name: {"auroc": round(figures.auroc(*pair), 4), "fpr95": round(figures.fpr95(*pair), 4)}
            for name, pair in scores.items()
        },
        "misread": [_picture(bundle, judged, i) for i in _surest(judged, judged.accepted, SHEET_OUTSIDE)],
    }


def _histograms(known: Judged, outside: Mapping[str, Judged]) -> dict[str, Any]:
    """Counts of novelty scores between shared ``edges`` [B + 1]; what lies beyond either end is in the end's bin."""
    sets = [known.novelty, *(judged.novelty for judged in outside.values())]
    marks = [limit for limit in known.limits.values() if limit is not None]
    low = min([*(float(np.quantile(scores, 0.002)) for scores in sets), *marks])
    high = max([*(float(np.quantile(scores, 0.95)) for scores in sets), float(known.novelty.max()), *marks])
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    counts = [np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].tolist() for scores in sets]
    return {
        "edges": [round(float(edge), 5) for edge in edges],
        "known": counts[0],
        "outside": dict(zip(outside, counts[1:], strict=True)),
    }


def _label_errors(bundle: Bundle, known: Judged, targets: NDArray[np.int64]) -> dict[str, Any]:
    found = label_errors.find(known.probabilities, targets)
    suspects = zip(found.photos[:LISTED].tolist(), found.likely[:LISTED].tolist(), strict=True)
    pairs = [
        {"given": bundle.labels[i], "likely": bundle.labels[j], "share": round(float(found.joint[i, j]), 5)}
        for i, j in np.argwhere(found.joint > 0)
        if i != j
    ]
    return {
        "suspects": len(found.photos),
        "share": round(found.share, 4),
        "pairs": sorted(pairs, key=lambda pair: -pair["share"]),
        "photos": [
            _picture(bundle, known, i, given=bundle.labels[targets[i]]) | {"likely": bundle.labels[label]}
            for i, label in suspects
        ],
    }


def _surest(judged: Judged, chosen: NDArray[np.bool_], count: int) -> list[int]:
    """The positions of the ``chosen`` pictures with the most confidence."""
    positions = np.flatnonzero(chosen)
    order = np.argsort(-judged.confidence[positions], kind="stable")
    return [int(i) for i in positions[order[:count]]]


def _picture(bundle: Bundle, judged: Judged, position: int, **more: str) -> dict[str, Any]:
    verdict = judged.verdicts[position]
    return {
        "name": judged.names[position],
        **more,
        "guess": bundle.labels[judged.guesses[position]],
        "confidence": round(float(judged.confidence[position]), 4),
        "novelty": round(float(judged.novelty[position]), 4),
        **_end(verdict),
    }


def _lost(judged: Judged) -> list[dict[str, Any]]:
    return [{"name": name, **_end(verdict), "explanation": verdict.explanation} for name, verdict in judged.lost]


def _end(verdict: Verdict) -> dict[str, str | None]:
    reason: Reason | None = verdict.reason
    return {"decision": verdict.decision.value, "reason": None if reason is None else reason.value}
