"""A model's figures: which there are, how they are said, and how two models differ."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from client.values import Item

NAMES: Mapping[str, str] = {
    "accuracy": "named right",
    "coverage": "tagged",
    "accepted_accuracy": "right when tagged",
    "calibration_error": "off in its confidence",
}
"""The figures of a card, and what each is called."""
MEANINGS: Mapping[str, str] = {
    "accuracy": "how many of the photos the model names right, were it to tag every one.",
    "coverage": "how many of them pass all guards and get a tag.",
    "accepted_accuracy": "how many of those tags are right.",
    "calibration_error": "how far its confidence lies from how often it is right, on average; 0 is perfect.",
}


def headline(figures: Mapping[str, Any]) -> dict[str, float]:
    """The figures in `NAMES` that a model has, from its validation where it was measured so."""
    measured = figures.get("validation")
    source = measured if isinstance(measured, Mapping) else figures
    return {name: float(source[name]) for name in NAMES if isinstance(source.get(name), int | float)}


def photos(figures: Mapping[str, Any]) -> int | None:
    """On how many photos they were measured; ``None`` where that is not said."""
    measured = figures.get("validation")
    count = measured.get("photos") if isinstance(measured, Mapping) else figures.get("photos")
    return count if isinstance(count, int) else None


def classification(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Precision, recall and F1 by label and the confusion matrix: of the report, else of the validation, else empty."""
    report, measured = model.get("report") or {}, model["figures"].get("validation")
    found = report.get("classification") or measured
    return found if isinstance(found, Mapping) else {}


def scores(model: Mapping[str, Any]) -> dict[str, float]:
    """F1 by label; empty where it was not measured."""
    return {label: float(each["f1"]) for label, each in classification(model).get("per_label", {}).items()}


def confused(confusion: Sequence[Sequence[int]], labels: Sequence[str], most: int) -> list[dict[str, Any]]:
    """The pairs that are mixed up most often: ``given``, ``guess``, ``photos`` and their share of the given label's."""
    pairs: list[dict[str, Any]] = [
        {"given": labels[i], "guess": labels[j], "photos": count, "share": count / max(sum(row), 1)}
        for i, row in enumerate(confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(pairs, key=lambda pair: (-pair["photos"], pair["given"], pair["guess"]))[:most]


def differences(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """By how much the second is better at each label that both know, the largest gain first."""
    both = {label: second[label] - first[label] for label in first if label in second}
    return dict(sorted(both.items(), key=lambda pair: (-pair[1], pair[0])))


def paired(first: Iterable[Item], second: Iterable[Item]) -> list[tuple[Item, Item]]:
    """The verdicts on the same photos, from two jobs over the same upload: the n-th photo of each name in both."""
    waiting: dict[str, list[Item]] = defaultdict(list)
    for item in first:
        waiting[item.name].append(item)
    others = list(second)
    counts = Counter(item.name for item in others)
    # Where one job holds fewer photos of a name, nobody can say which of them those are.
    sure = {name for name, items in waiting.items() if len(items) == counts[name]}
    return [(waiting[item.name].pop(0), item) for item in others if item.name in sure]


def agreement(pairs: Iterable[tuple[Item, Item]]) -> dict[str, int]:
    """How often two models said the same of a photo, and how they differed."""
    found = dict.fromkeys(
        ("same tag", "both not tagged", "another tag", "only the first tags", "only the second tags"), 0
    )
    for one, other in pairs:
        if one.label is None or other.label is None:
            kinds = {(True, True): "both not tagged", (False, True): "only the first tags"}
            said = kinds.get((one.label is None, other.label is None), "only the second tags")
        else:
            said = "same tag" if one.label == other.label else "another tag"
        found[said] += 1
    return found
