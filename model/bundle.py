"""A model as a directory: weights, graph, calibration, statistics and a card, sealed by checksums. No pickles."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError, safe_open

BUILT_IN = Path(__file__).parent / "bundles"
MANIFEST = "bundle.json"
WEIGHTS = "weights.safetensors"
GRAPH = "model.onnx"
NOVELTY = "novelty.safetensors"
REFERENCE = "reference.safetensors"
CARD = "card.md"
REQUIRED = (WEIGHTS, GRAPH, REFERENCE, CARD)
PICKLES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".npy", ".npz"})
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
LEVELS = 6  # of categories above a label


class BundleMissing(Exception):
    """There is no model of that name."""


class BundleInvalid(Exception):
    """The bundle's contents do not belong together, or it holds a kind of file that is never opened."""


class BundleDamaged(Exception):
    """A file of the bundle is gone or is not the one that was sealed."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the model file {path.name} in {path.parent} {what}; install the model again")
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where the guards draw their lines. ``None``: no calibration for it, so it is not enforced.

    ``confidence`` is the least calibrated probability of a first tag. The others are the highest score still taken as
    known: ``novelty_*`` for `novelty.Novelty.score`, ``gen_*`` for `novelty.gen` where the bundle has no feature
    statistics. Strict lies below normal.
    """

    confidence: float
    novelty_normal: float | None = None
    novelty_strict: float | None = None
    gen_normal: float | None = None
    gen_strict: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What bundle.json says about a model.

    ``architecture`` is a timm name. ``mean`` and ``std`` are per RGB channel for pixels scaled to [0, 1].
    ``temperature`` divides the logits. ``statistics`` is `statistics.Ranges` as JSON, or ``None`` for no such guard.
    ``figures`` are the measured results the thresholds come from. ``knows`` is one sentence for people: which
    pictures this model knows. ``parents`` maps a label, or a category itself, to the category above it; a manifest
    without that field has no categories.
    """

    name: str
    version: str
    architecture: str
    labels: tuple[str, ...]
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    temperature: float
    thresholds: Thresholds
    statistics: Mapping[str, Any] | None
    figures: Mapping[str, Any]
    training_data: str
    licence: str
    knows: str
    parents: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Manifest":
        """The manifest in a bundle.json. Raises `BundleInvalid` when a field is missing or makes no sense."""
        try:
            manifest = Manifest(**_typed(document))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleInvalid(f"{MANIFEST} does not describe a model: {error!r}") from error
        manifest.check()
        return manifest

    def check(self) -> None:
        """Raises `BundleInvalid` naming the first field that makes no sense."""
        wrong = next((what for what, good in _rules(self) if not good), None)
        if wrong is not None:
            raise BundleInvalid(f"{MANIFEST} of {self.name!r}: {wrong}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Manifest):
    """A verified bundle on disk.

    ``files`` maps each sealed file's name to its SHA-256 in hexadecimal, ``digest`` is the manifest's own seal.
    """

    path: Path
    files: Mapping[str, str]
    digest: str

    @property
    def checksum(self) -> str:
        """16 hexadecimal digits that tell this bundle from any other: the seal covers every file's SHA-256."""
        return self.digest[:16]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads and verifies the bundle at ``path``.

        Raises `BundleMissing`, `BundleDamaged` (a file is gone or changed, bundle.json included) or `BundleInvalid`
        (fields or shapes that do not fit, a pickle in the folder).
        """
        document = read_manifest(path / MANIFEST)
        pickle = next((file.name for file in sorted(path.iterdir()) if file.suffix.lower() in PICKLES), None)
        if pickle is not None:
            raise BundleInvalid(f"{path} holds {pickle}: pickled weights can run code and are never opened")
        try:
            Manifest.from_json(document)
            files = {str(name): str(digest) for name, digest in document["files"].items()}
            bundle = cls(path=path, files=files, digest=document["seal"], **_typed(document))
        except (BundleInvalid, KeyError, AttributeError) as error:
            raise BundleInvalid(f"{path}: {error}") from error
        bundle._check_files()
        bundle._check_shapes()
        return bundle

    def manifest(self, **changes: Any) -> Manifest:
        """What the manifest says, with some fields changed."""
        return Manifest(**{one.name: getattr(self, one.name) for one in fields(Manifest)} | changes)

    def file(self, name: str) -> Path | None:
        """The path of a sealed file, or ``None`` where the bundle has no such file."""
        return self.path / name if name in self.files else None

    def _check_files(self) -> None:
        for name in REQUIRED:
            if name not in self.files:
                raise BundleInvalid(f"{MANIFEST} in {self.path} does not seal {name}")
        for name, digest in self.files.items():
            if Path(name).name != name or name in {"", ".", "..", MANIFEST}:
                raise BundleInvalid(f"{MANIFEST} in {self.path} names a file outside its folder: {name!r}")
            if not (self.path / name).is_file():
                raise BundleDamaged(self.path / name, "is missing")
            if sha256(self.path / name) != digest:
                raise BundleDamaged(self.path / name, "has changed since it was sealed")

    def _check_shapes(self) -> None:
        size, labels = self.input_size, len(self.labels)
        wanted = {REFERENCE: {"inputs": (None, size, size, 3), "logits": (None, labels)}}
        if NOVELTY in self.files:
            wanted[NOVELTY] = {"classes": (labels, None)}
        for name, arrays in wanted.items():
            for key, shape in arrays.items():
                found = _shape(self.path / name, key)
                if len(found) != len(shape) or any(w not in (None, f) for w, f in zip(shape, found, strict=True)):
                    raise BundleInvalid(f"{name} in {self.path}: {key} has the shape {found}, not {shape}")


def sha256(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(document: Mapping[str, Any]) -> str:
    """The SHA-256 of bundle.json's contents without its own ``seal``, so that a changed threshold is noticed too."""
    rest = {key: value for key, value in document.items() if key != "seal"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(path: Path) -> dict[str, Any]:
    """The JSON object in a bundle.json whose seal is whole. Raises `BundleMissing` or `BundleDamaged`."""
    if not path.is_file():
        raise BundleMissing(f"there is no model at {path.parent}")
    try:
        document = json.loads(path.read_bytes())
        sealed = isinstance(document, dict) and document.get("seal") == seal(document)
    except ValueError as error:
        raise BundleDamaged(path, "is not readable JSON") from error
    if not sealed:
        raise BundleDamaged(path, "has changed since it was sealed")
    return dict(document)


def _typed(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists and objects as the manifest's tuples and values."""
    known = {one.name: document[one.name] for one in fields(Manifest) if one.name != "parents"}
    known["parents"] = {str(label): str(parent) for label, parent in document.get("parents", {}).items()}
    known["labels"] = tuple(str(label) for label in known["labels"])
    known["mean"] = tuple(float(value) for value in known["mean"])
    known["std"] = tuple(float(value) for value in known["std"])
    known["thresholds"] = Thresholds(**known["thresholds"])
    return known


def _rules(manifest: Manifest) -> Iterable[tuple[str, bool]]:
    limits = manifest.thresholds
    scores = (limits.novelty_normal, limits.novelty_strict, limits.gen_normal, limits.gen_strict)
    yield "the name may hold small letters, digits and . _ - only", NAME.fullmatch(manifest.name) is not None
    yield "the version may hold letters, digits and . _ + - only", VERSION.fullmatch(manifest.version) is not None
    yield "it needs at least two labels", len(manifest.labels) >= 2
    yield "a label is empty or stands twice", all(manifest.labels) and len(set(manifest.labels)) == len(manifest.labels)
    yield "the input size must be 32 to 1024 pixels", 32 <= manifest.input_size <= 1024
    yield (
        "mean and std need three values, std above zero",
        (len(manifest.mean) == len(manifest.std) == 3 and all(value > 0 for value in manifest.std)),
    )
    yield "the temperature must be above zero", math.isfinite(manifest.temperature) and manifest.temperature > 0
    yield "the confidence threshold must lie between 0 and 1", 0 <= limits.confidence <= 1
    yield "a novelty threshold is not a number", all(math.isfinite(s) for s in scores if s is not None)
    yield (
        "a category has a label's name or none",
        all(p and p not in manifest.labels for p in manifest.parents.values()),
    )
    known = {*manifest.labels, *manifest.parents.values()}
    yield "parents names what is neither label nor category", all(label in known for label in manifest.parents)
    yield f"categories lie more than {LEVELS} deep, or in a circle", _height(manifest.parents) <= LEVELS


def _height(parents: Mapping[str, str]) -> int:
    """The longest way up, in steps; it ends beyond `LEVELS`, so that a circle has an end."""
    height, reached = 0, set(parents)
    while reached and height <= LEVELS:
        height += 1
        reached = {parents[name] for name in reached} & set(parents)
    return height


def _shape(path: Path, key: str) -> tuple[int, ...]:
    try:
        with safe_open(path, framework="numpy") as arrays:
            return tuple(arrays.get_slice(key).get_shape())
    except SafetensorError as error:
        raise BundleInvalid(f"{path.name} in {path.parent}: {error}") from error
