"""The models that are installed here, by their manifests alone: weights are the workers' business."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from model.bundle import CARD, BundleMissing
from model.shelf import Installed, Problem, Shelf

log = structlog.get_logger(__name__)

REPORT = "report.json"
REPORT_BYTES = 4 * 1024**2


class UnknownModel(Exception):
    """There is no model of that name."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its bundle.json describes it; ``facts`` is the whole of it.

    ``labels`` are all a job may allow or deny: the model's own, and its categories.
    """

    name: str
    version: str
    labels: frozenset[str]
    facts: Mapping[str, Any]
    path: Path
    checksum: str
    built_in: bool
    current: bool
    default: bool

    @property
    def card(self) -> str:
        """The model's card (Markdown); empty when the bundle has none that can be read."""
        try:
            return (self.path / CARD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    @property
    def report(self) -> dict[str, Any] | None:
        """The report of its training, if the bundle has one that can be read."""
        path = self.path / REPORT
        try:
            if REPORT not in self.facts["files"] or path.stat().st_size > REPORT_BYTES:
                return None
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None


class Catalog:
    """Finds models. It sees by itself what is added, promoted and removed; manifests are read when they change."""

    def __init__(self, folders: Sequence[Path], default: str) -> None:
        self._shelf = Shelf(folders, default)
        self._told: set[Problem] = set()

    def models(self) -> list[Model]:
        """Every version of every model that can be read, by name and version."""
        for problem in set(self._shelf.problems()) - self._told:
            self._told.add(problem)
            log.warning("model_unreadable", model=problem.path.name, why=problem.why)
        return [_model(model) for model in self._shelf.models()]

    def find(self, name: str | None) -> Model:
        """The model ``name`` (its current version) or ``name@version``; None: the server's own. Raises UnknownModel."""
        try:
            return _model(self._shelf.find(name))
        except BundleMissing as error:
            there = ", ".join(f"{model.name}@{model.version}" for model in self._shelf.models()) or "none"
            raise UnknownModel(
                f"There is no model {name or self._shelf.default!r} here; there are: {there}."
            ) from error


def _model(found: Installed) -> Model:
    facts = found.facts
    return Model(
        name=found.name,
        version=found.version,
        labels=frozenset(facts["labels"]) | frozenset(facts.get("parents", {}).values()),
        facts=facts,
        path=found.path,
        checksum=found.checksum,
        built_in=found.built_in,
        current=found.current,
        default=found.default,
    )
