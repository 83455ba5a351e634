"""The categories above a model's labels: what may be said of a picture where no label alone is sure enough."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.bundle import Manifest
from model.lineage import above
from model.verdict import Options, Tag


@dataclass(frozen=True, slots=True)
class Categories:
    """A bundle's categories, ready to be added up.

    ``over`` maps a label to the categories above it, nearest first; ``rows`` a category to the numbers of the labels
    beneath it; ``family`` a category to itself and all names beneath it.
    """

    labels: tuple[str, ...]
    over: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, NDArray[np.int64]]
    family: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, manifest: Manifest) -> "Categories | None":
        """``None`` where the manifest has no categories."""
        if not manifest.parents:
            return None
        over = {label: above(label, manifest.parents) for label in manifest.labels}
        rows: dict[str, list[int]] = {}
        family = {category: {category} for category in manifest.parents.values()}
        for row, label in enumerate(manifest.labels):
            for category in over[label]:
                rows.setdefault(category, []).append(row)
        for name in (*manifest.labels, *manifest.parents):
            for category in above(name, manifest.parents):
                family[category].add(name)
        return cls(
            manifest.labels,
            over,
            {category: np.asarray(numbers, np.int64) for category, numbers in rows.items()},
            {category: frozenset(names) for category, names in family.items()},
        )

    def spread(self, options: Options) -> Options:
        """The same, where a category that the job allows or denies stands for everything beneath it too."""
        return replace(options, allow=self._with_family(options.allow), deny=self._with_family(options.deny))

    def sure(self, best: Tag, probabilities: NDArray[np.float32], threshold: float, options: Options) -> Tag | None:
        """The nearest category above ``best`` whose labels have at least ``threshold`` together; ``None`` if none has.

        ``probabilities`` [C] are calibrated; ``options`` have been `spread`. A category must be allowed itself where
        the job allows some names only; what the job denies adds nothing to it.
        """
        for category in self.over[best.label]:
            if options.allow and category not in options.allow:
                continue
            rows = self.rows[category]
            if options.deny:
                rows = rows[[self.labels[row] not in options.deny for row in rows]]
            together = float(probabilities[rows].sum(dtype=np.float64))
            if together >= threshold:
                return Tag(category, min(together, 1.0))
        return None

    def _with_family(self, names: frozenset[str]) -> frozenset[str]:
        return names.union(*(self.family[name] for name in names if name in self.family))
