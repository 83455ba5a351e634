"""What the photos are like, told before any training: classes, sizes, formats, twins, labels that do not agree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.train import twins
from model.train.prepare import Prepared

PARTS = ("training", "validation")
UNEVEN = 10  # times larger than the smallest class: then the report speaks of it


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The findings as plain JSON (see `survey`), and pairs of positions worth looking at, in training and then
    validation photos: ``conflicts`` (one picture, two labels) and ``leaks`` (one picture in both parts)."""

    findings: dict[str, Any]
    conflicts: tuple[tuple[int, int], ...]
    leaks: tuple[tuple[int, int], ...]


def survey(parts: Sequence[Prepared], size: int) -> Survey:
    """Looks at the training photos and, where they are apart already, the validation photos, read at ``size`` pixels.

    ``duplicates`` counts files that are there more than once, and pairs that are nearly one picture, within classes
    and across; ``suspicious`` lists twins under two labels and ``leakage`` twins in both parts, each with the names.
    """
    names = [(part, name) for part, each in zip(PARTS, parts, strict=False) for name in each.photos.names]
    digest, width, height, size_bytes, form, bits, thumbs, problem = (
        np.concatenate([getattr(each.facts, column) for each in parts])
        for column in ("digest", "width", "height", "bytes", "format", "hash", "thumb", "problem")
    )
    targets = np.concatenate([each.photos.targets for each in parts])
    labels, readable = parts[0].photos.labels, problem == ""
    side = np.repeat(np.arange(len(parts)), [len(each.photos) for each in parts])
    found = twins.find(tuple(np.where(readable, digest, "").tolist()), bits, thumbs)
    pairs = _pairs(found, targets, side)
    conflicts = tuple((i, j) for i, j, _ in pairs if targets[i] != targets[j])
    leaks = tuple((i, j) for i, j, _ in pairs if side[i] != side[j])

    def told(chosen: Iterable[tuple[int, int, bool]]) -> list[dict[str, Any]]:
        return [
            {
                "same_file": same,
                "photos": [{"part": names[i][0], "name": names[i][1], "label": labels[targets[i]]} for i in pair],
            }
            for *pair, same in chosen
        ]

    small = int((np.minimum(width, height)[readable] < size).sum())
    near_across = int((targets[found.near[:, 0]] != targets[found.near[:, 1]]).sum())
    counts = parts[0].photos.counts()
    findings: dict[str, Any] = {
        "reading_size": size,
        "parts": {
            part: {"photos": len(each.photos), "classes": each.photos.counts()}
            for part, each in zip(PARTS, parts, strict=False)
        },
        "largest_to_smallest_class": round(max(counts.values()) / max(1, min(counts.values())), 2),
        "sizes": {
            "width": _spread(width[readable]),
            "height": _spread(height[readable]),
            "bytes": _spread(size_bytes[readable]),
            "smaller_than_read": small,
            "share_smaller_than_read": round(small / max(1, int(readable.sum())), 4),
        },
        "formats": dict(Counter(form[readable].tolist()).most_common()),
        "duplicates": {
            "files_there_more_than_once": len(found.same),
            "copies_too_many": sum(len(each) - 1 for each in found.same),
            "same_across_classes": sum(len(set(targets[list(each)].tolist())) > 1 for each in found.same),
            "near_pairs": len(found.near),
            "near_across_classes": near_across,
            "near_within_classes": len(found.near) - near_across,
        },
        "suspicious": told(pair for pair in pairs if targets[pair[0]] != targets[pair[1]]),
        "leakage": told(pair for pair in pairs if side[pair[0]] != side[pair[1]]),
        "unreadable": [
            {"part": names[i][0], "name": names[i][1], "why": str(problem[i])} for i in np.flatnonzero(~readable)
        ],
        "skipped": [name for each in parts for name in each.photos.skipped],
    }
    return Survey(findings, conflicts, leaks)


def summary(findings: dict[str, Any]) -> list[str]:
    """The findings in a few lines for a person, what needs attention last."""
    sizes, twice = findings["sizes"], findings["duplicates"]
    lines = []
    for part, each in findings["parts"].items():
        classes = sorted(each["classes"].items(), key=lambda item: -item[1])
        more = f" and {len(classes) - 12:,} more classes" if len(classes) > 12 else ""
        told = ", ".join(f"{label} {count:,}" for label, count in classes[:12])
        lines.append(f"{each['photos']:,} {part} photos: {told}{more}")
    if sizes["width"]:
        lines.append(
            f"sizes: {_range(sizes['width'])} wide, {_range(sizes['height'])} high; formats: "
            + ", ".join(f"{name} {count:,}" for name, count in findings["formats"].items())
        )
    uneven = findings["largest_to_smallest_class"]
    notes = [
        (uneven >= UNEVEN, f"the largest class has {uneven:.0f} times the photos of the smallest"),
        (
            sizes["smaller_than_read"],
            f"{sizes['smaller_than_read']:,} photos are smaller than the {findings['reading_size']} pixels at which "
            "they are read",
        ),
        (twice["copies_too_many"], f"{twice['copies_too_many']:,} photos are exact copies of others"),
        (twice["near_pairs"], f"{twice['near_pairs']:,} pairs of photos are nearly the same"),
        (
            findings["suspicious"],
            f"{len(findings['suspicious']):,} pairs show the same picture under two labels",
        ),
        (
            findings["leakage"],
            f"{len(findings['leakage']):,} pairs have one picture in training and in validation: the validation "
            "figures will flatter",
        ),
        (findings["unreadable"], f"{len(findings['unreadable']):,} photos cannot be read"),
        (
            findings["skipped"],
            f"{len(findings['skipped']):,} files were left out: no photos by their names, or in no class's folder",
        ),
    ]
    return lines + [words for there, words in notes if there]


def _pairs(found: twins.Twins, targets: NDArray[np.int64], side: NDArray[np.int64]) -> list[tuple[int, int, bool]]:
    """Twins (positions, and whether they are one file) that differ in label or part, one pair for each way to differ.

    Of many copies of a file the first of each label and part speaks.
    """
    copies = {each[0]: each for each in found.same}

    def speakers(first: int) -> list[int]:
        chosen: dict[tuple[int, int], int] = {}
        for i in copies.get(first, (first,)):
            chosen.setdefault((int(targets[i]), int(side[i])), i)
        return list(chosen.values())

    pairs = []
    for first in copies:
        each = speakers(first)
        pairs += [(i, j, True) for at, i in enumerate(each) for j in each[at + 1 :]]
    for one, other in found.near.tolist():
        pairs += [(i, j, False) for i in speakers(one) for j in speakers(other)]
    return [(i, j, same) for i, j, same in pairs if targets[i] != targets[j] or side[i] != side[j]]


def _spread(values: NDArray[np.int64]) -> dict[str, int] | None:
    if not len(values):
        return None
    return {"min": int(values.min()), "median": int(np.median(values)), "max": int(values.max())}


def _range(spread: dict[str, int]) -> str:
    low, high = spread["min"], spread["max"]
    return f"{low:,} pixels" if low == high else f"{low:,} to {high:,} pixels (median {spread['median']:,})"
