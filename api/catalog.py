"""The models that are installed here, by their manifests alone: weights are the workers' business."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from model.bundle import BUILT_IN, CARD, MANIFEST, list_bundles, seal

log = structlog.get_logger(__name__)


class UnknownModel(Exception):
    """There is no model of that name."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its bundle.json describes it; ``facts`` is the whole of it."""

    name: str
    version: str
    labels: frozenset[str]
    facts: Mapping[str, Any]
    path: Path

    @property
    def card(self) -> str:
        """The model's card (Markdown); empty when the bundle has none that can be read."""
        try:
            return (self.path / CARD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


class Catalog:
    """Finds models; manifests are read again only when they change."""

    def __init__(self, folders: Sequence[Path], default: str) -> None:
        self.default = default
        self._folders = (*folders, BUILT_IN)
        self._read: dict[Path, tuple[int, Model | None]] = {}

    def models(self) -> list[Model]:
        """Every model that can be read, by name."""
        found = (self._open(path) for path in list_bundles(self._folders))
        return [model for model in found if model is not None]

    def named(self, name: str) -> Model | None:
        """The model of that name, if there is one."""
        return next((model for model in self.models() if model.name == name), None)

    def find(self, name: str | None) -> Model:
        """The model of that name, or the server's own. Raises UnknownModel."""
        wanted = name or self.default
        found = self.named(wanted)
        if found is None:
            there = ", ".join(model.name for model in self.models()) or "none"
            raise UnknownModel(f"There is no model {wanted!r} here; there are: {there}.")
        return found

    def _open(self, path: Path) -> Model | None:
        try:
            stamp = (path / MANIFEST).stat().st_mtime_ns
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                known = self._read[path] = stamp, _manifest(path)
        except OSError:
            return None
        return known[1]


def _manifest(path: Path) -> Model | None:
    """The model at ``path``; None, and a line in the log, when its manifest is damaged."""
    try:
        facts = json.loads((path / MANIFEST).read_bytes())
        if facts["seal"] != seal(facts):
            raise ValueError("it has changed since it was sealed")
        return Model(str(facts["name"]), str(facts["version"]), frozenset(map(str, facts["labels"])), facts, path)
    except (ValueError, KeyError, TypeError) as error:
        log.warning("model_unreadable", model=path.name, why=str(error))
        return None
