"""The models a worker can judge with: looked for again and again, so that a new one needs no restart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import structlog

from model.bundle import Bundle, BundleDamaged, BundleInvalid, BundleMissing
from model.shelf import Shelf

log = structlog.get_logger(__name__)

# Between two looks into the folders; a look costs one stat() for each file of a bundle.
LOOK_SECONDS = 2.0

ModelKey = tuple[str, str]
Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A sound bundle and the backends that can run it here."""

    bundle: Bundle
    backends: tuple[str, ...]


class Bundles:
    """Sound bundles by (name, version), as they lie in the folders now; used from several threads.

    A bundle is verified whole when one of its files is new; a damaged one is told in the log, once, and left out.
    """

    def __init__(
        self, shelf: Shelf, backends: Callable[[Bundle], Sequence[str]], look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._shelf = shelf
        self._backends = backends
        self._look_seconds = look_seconds
        self._looked = float("-inf")
        self._seen: dict[Path, tuple[Stamp, Offer | None]] = {}
        self._offers: dict[ModelKey, Offer] = {}
        self._told: set[str] = set()
        self._lock = Lock()

    def default(self) -> ModelKey:
        """The model that judges jobs which name none, verified. Raises what `Shelf.find` and `Bundle.open` raise."""
        bundle = Bundle.open(self._shelf.find().path)
        return bundle.name, bundle.version

    def offers(self) -> dict[ModelKey, Offer]:
        """What is there, as of `LOOK_SECONDS` ago at most."""
        with self._lock:
            if time.monotonic() - self._looked >= self._look_seconds:
                self._look()
                self._looked = time.monotonic()
            return self._offers

    def _look(self) -> None:
        models = self._shelf.models()
        seen = {model.path: self._open(model.path) for model in models}
        offers = {model.key: offer for model in models if (offer := seen[model.path][1]) is not None}
        if self._looked > 0 and offers.keys() != self._offers.keys():
            log.info("models_changed", models=sorted(offers))
        problems = {f"{problem.path.name}: {problem.why}" for problem in self._shelf.problems()}
        for problem in sorted(problems - self._told):
            log.error("bundle_refused", detail=problem)
        self._seen, self._offers, self._told = seen, offers, problems

    def _open(self, path: Path) -> tuple[Stamp, Offer | None]:
        stamp: Stamp = ()
        try:
            stamp = _stamp(path)
            if path in self._seen and self._seen[path][0] == stamp:
                return self._seen[path]
            bundle = Bundle.open(path)
            return stamp, Offer(bundle, tuple(self._backends(bundle)))
        except (BundleDamaged, BundleInvalid, BundleMissing, OSError) as error:
            log.error("bundle_refused", bundle=path.name, detail=str(error))
            return stamp, None


def _stamp(path: Path) -> Stamp:
    """What changes when a file of the folder does."""
    found = ((file.name, file.stat()) for file in sorted(path.iterdir()))
    return tuple((name, status.st_mtime_ns, status.st_size, status.st_ino) for name, status in found)
