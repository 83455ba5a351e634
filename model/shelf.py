"""Where models live: several versions of one name side by side, which of them is current, which name is the default.

A model is found by the name and version in its manifest, not by its folder's name. New ones are put into
``<folder>/<name>@<version>``; a folder ``<folder>/<name>`` is as good. The built-in models come last.

Which model judges a job:

1. a job that says ``name@version``: that one;
2. a job that says ``name``: the version that was promoted, or else the lowest there is, so that a new version never
   takes over before somebody promotes it;
3. a job that names none: what ``SHOEBOX_MODEL`` says (again a name or ``name@version``), or else the name that was
   promoted last, or else `FALLBACK`.

What was promoted stands in the first folder (`promoted`).
A `Shelf` may be kept for as long as a process lives: every call sees what lies in the folders then, and a manifest is
read again only when its file has changed.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import promoted
from model.bundle import (
    BUILT_IN,
    MANIFEST,
    Bundle,
    BundleDamaged,
    BundleInvalid,
    BundleMissing,
    Manifest,
    read_manifest,
)
from model.bundle_write import write_bundle

FALLBACK = "scenes"

Key = tuple[str, str]
Stamp = tuple[int, int, int]


class ShelfRefused(Exception):
    """The shelf does not do that: the text says why, and what to do first."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model as its manifest ``facts`` describes it; its weights are not looked at.

    ``current``: its name alone means this version. ``default``: it judges jobs that name no model.
    """

    name: str
    version: str
    path: Path
    facts: Mapping[str, Any]
    built_in: bool
    current: bool
    default: bool

    @property
    def key(self) -> Key:
        """Name and version."""
        return self.name, self.version

    @property
    def checksum(self) -> str:
        """The first 16 hexadecimal digits of the manifest's seal: equal to `Bundle.checksum`."""
        return str(self.facts["seal"])[:16]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the folders that is no usable model, and why not."""

    path: Path
    why: str


class Shelf:
    """The models of some folders. ``default`` is the setting SHOEBOX_MODEL: it wins over what was promoted."""

    def __init__(self, folders: Sequence[Path], default: str = "", built_in: Path = BUILT_IN) -> None:
        self.home = folders[0]
        self._folders = (*folders, built_in)
        self._built_in = built_in
        self._chosen = default
        self._read: dict[Path, tuple[Stamp, Mapping[str, Any] | str]] = {}

    @property
    def default(self) -> str:
        """What judges a job that names no model: a name, or ``name@version``."""
        return self._chosen or promoted.read(self.home).default or FALLBACK

    def models(self) -> list[Installed]:
        """Every model whose manifest can be read, by name and version."""
        found = self._found()[0]
        versions = promoted.read(self.home).versions
        current = {name: _current(name, found, versions) for name, _ in found}
        name, version = split(self.default)
        default = name, version or current.get(name)
        return [
            Installed(
                name=key[0],
                version=key[1],
                path=path,
                facts=facts,
                built_in=path.parent == self._built_in,
                current=current[key[0]] == key[1],
                default=key == default,
            )
            for key, (path, facts) in sorted(found.items(), key=lambda one: (one[0][0], in_order(one[0][1])))
        ]

    def problems(self) -> list[Problem]:
        """Folders that hold no usable model, by path."""
        problems = self._found()[1]
        unread = promoted.read(self.home).problem
        if unread is not None:
            problems.append(Problem(self.home / promoted.CURRENT, unread))
        return sorted(problems, key=lambda problem: problem.path)

    def find(self, name: str | None = None, version: str | None = None) -> Installed:
        """The model of that name (``None``: the default; also ``name@version``) and version (``None``: the current).

        Raises `BundleMissing`.
        """
        wanted, said = split(name or self.default)
        version = version or said
        models = self.models()
        for model in models:
            if model.name == wanted and (model.current if version is None else model.version == version):
                return model
        title = wanted if version is None else f"{wanted}@{version}"
        there = ", ".join(f"{model.name}@{model.version}" for model in models) or "none"
        raise BundleMissing(f"no model is called {title!r}; there are: {there}")

    def place(self, name: str, version: str) -> Path:
        """The folder for a new model of that name and version."""
        return self.home / f"{name}@{version}"

    def next_version(self, name: str) -> str:
        """A version that ``name`` does not have yet and that comes after all it has: ``1``, ``2`` and so on."""
        first = (re.match(r"\d+", key[1]) for key in self._found()[0] if key[0] == name)
        return str(max((int(number[0]) for number in first if number is not None), default=0) + 1)

    def add(self, source: Path, name: str | None = None, version: str | None = None) -> Installed:
        """Verifies the bundle at ``source`` and copies it, sealed files alone, under ``name`` and ``version`` if given.

        A model that is here already, byte for byte, is left as it is. Raises what `Bundle.open` raises, and
        `ShelfRefused` when another model has that name and version.
        """
        bundle = Bundle.open(source)
        wanted = bundle.manifest(name=name or bundle.name, version=version or bundle.version)
        wanted.check()
        key = wanted.name, wanted.version
        there = next((model for model in self.models() if model.key == key), None)
        if there is not None and there.checksum == bundle.checksum:
            return there
        self.must_be_free(*key)
        target = self.place(*key)
        files = {file: source / file for file in bundle.files}
        if key != (bundle.name, bundle.version):
            write_bundle(target, wanted, files)
        else:
            self.home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.home, prefix=".adding-") as place:
                fresh = Path(place) / "fresh"
                fresh.mkdir(mode=0o755)
                for file in (*bundle.files, MANIFEST):
                    shutil.copyfile(source / file, fresh / file)
                Bundle.open(fresh)
                fresh.rename(target)
        return self.find(*key)

    def must_be_free(self, name: str, version: str) -> None:
        """Raises `ShelfRefused` when there is a model of that name and version, or its folder is taken."""
        if any(model.key == (name, version) for model in self.models()) or self.place(name, version).exists():
            raise ShelfRefused(
                f"there is a model {name}@{version} already; remove it first, or give the new one another name"
            )

    def promote(self, name: str, version: str | None = None, *, default: bool = True) -> Installed:
        """Makes a version the current one of its name, and its name the ``default``; it must be whole to the last byte.

        Raises what `find` and `Bundle.open` raise.
        """
        chosen = self.find(name, version)
        Bundle.open(chosen.path)
        with promoted.changing(self.home) as now:
            now.versions[chosen.name] = chosen.version
            if default:
                now.default = chosen.name
        return self.find(chosen.name, chosen.version)

    def remove(self, name: str, version: str | None = None) -> Installed:
        """Deletes a model's folder; gives back what it was.

        Raises `BundleMissing`, and `ShelfRefused` for a built-in model and for the one that is the default.
        """
        gone = self.find(name, version)
        if gone.built_in:
            raise ShelfRefused(f"{gone.name}@{gone.version} came with Shoebox and stays")
        if gone.default:
            raise ShelfRefused(
                f"{gone.name}@{gone.version} judges jobs that name no model; promote another model before it is removed"
            )
        with promoted.changing(self.home) as now:
            if now.versions.get(gone.name) == gone.version:
                del now.versions[gone.name]
            if gone.path.is_symlink():
                gone.path.unlink()
                return gone
            # Nobody may find half a model: it goes out of sight first.
            with tempfile.TemporaryDirectory(dir=gone.path.parent, prefix=".removed-") as place:
                gone.path.rename(Path(place) / "old")
        return gone

    def _found(self) -> tuple[dict[Key, tuple[Path, Mapping[str, Any]]], list[Problem]]:
        """Path and manifest of each (name, version), the earlier folder's first; and what cannot be used."""
        found: dict[Key, tuple[Path, Mapping[str, Any]]] = {}
        problems: list[Problem] = []
        for folder in self._folders:
            for path in sorted(folder.glob(f"[!.]*/{MANIFEST}")):
                facts = self._facts(path)
                if isinstance(facts, str):
                    problems.append(Problem(path.parent, facts))
                    continue
                key = facts["name"], facts["version"]
                if key in found:
                    why = f"{key[0]}@{key[1]} is in {found[key][0]} already; this one is not used"
                    problems.append(Problem(path.parent, why))
                    continue
                found[key] = path.parent, facts
        return found, problems

    def _facts(self, path: Path) -> Mapping[str, Any] | str:
        """What the manifest at ``path`` says, or in words why it cannot be used."""
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                known = self._read[path] = stamp, _understood(path)
        except OSError as error:
            return f"{path.name} cannot be read: {error.strerror}"
        return known[1]


def split(text: str) -> tuple[str, str | None]:
    """``name@version`` as name and version; a name alone has the version ``None``."""
    name, _, version = text.partition("@")
    return name, version or None


def in_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """What versions are sorted by: numbers as numbers, so that 1.10 comes after 1.9."""
    parts = re.findall(r"\d+|[^\d.]+", version)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def _current(name: str, found: Mapping[Key, object], versions: Mapping[str, str]) -> str:
    """The version that ``name`` alone means: the promoted one while it is there, else the lowest."""
    there = [key[1] for key in found if key[0] == name]
    said = versions.get(name)
    return said if said in there else min(there, key=in_order)


def _understood(path: Path) -> Mapping[str, Any] | str:
    try:
        facts = read_manifest(path)
        Manifest.from_json(facts)
        return facts
    except (BundleMissing, BundleDamaged, BundleInvalid) as error:
        return str(error)
