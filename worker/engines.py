"""The engines of a classify worker: opened on demand, few kept, each over the bundle as it lies there now."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import structlog

from db.store.shards import Ability
from model.bundle import Bundle
from model.engine import Engine
from worker.bundles import Bundles, ModelKey

log = structlog.get_logger(__name__)

# Each engine holds its weights and buffers for a batch: 70 MB for the shipped model. Two that decoded in processes of
# their own took 324 MB with two decoders each, two that share them 288 MB; the more cores, the more it saves.
KEPT = 2
# An engine that could not be opened is tried again after so long, or when its bundle has changed.
REFUSED_SECONDS = 60.0

Opener = Callable[[Bundle, str | None], Engine]


class EngineRefused(Exception):
    """This worker cannot judge with that model on that backend, for now."""


class Engines:
    """Opens engines by (name, version, backend); the least recently used goes when there are too many.

    The backend ``None`` is the worker's own choice, which is one of the others once it has been made. One thread opens
    and uses engines, any may ask for ``abilities``.
    """

    def __init__(self, bundles: Bundles, opener: Opener, kept: int = KEPT) -> None:
        self._bundles = bundles
        self._opener = opener
        self._kept = kept
        self._open: OrderedDict[Ability, Engine] = OrderedDict()
        self._chosen: dict[ModelKey, str] = {}
        self._refused: dict[Ability, tuple[str, float]] = {}
        self._lock = Lock()

    @property
    def abilities(self) -> set[Ability]:
        """What this worker can judge with at the moment."""
        offers = self._bundles.offers()
        with self._lock:
            refused = {
                key
                for key, (checksum, until) in self._refused.items()
                if time.monotonic() < until and key[:2] in offers and offers[key[:2]].bundle.checksum == checksum
            }
        return {(*key, backend) for key, offer in offers.items() for backend in (None, *offer.backends)} - refused

    def get(self, key: Ability) -> Engine:
        """The engine, warmed up and checked against itself; opening one takes seconds. Raises EngineRefused."""
        offer = self._bundles.offers().get(key[:2])
        if offer is None:
            raise EngineRefused(f"the model {key[0]} {key[1]} is no longer here")
        try:
            return self._get(key, offer.bundle)
        except Exception as error:  # whatever an engine's library raises: it must not keep the worker from other work
            with self._lock:
                self._refused[key] = offer.bundle.checksum, time.monotonic() + REFUSED_SECONDS
            log.exception("engine_refused", model=key[0], version=key[1], backend=key[2])
            raise EngineRefused(str(error)) from error

    def open_default(self, key: ModelKey) -> Engine:
        """The engine that must be there for the worker to start. Raises whatever is in the way."""
        return self._get((*key, None), self._bundles.offers()[key].bundle)

    def alike(self, key: Ability) -> set[Ability]:
        """Every ability that the engine of ``key`` has, once it is open: its backend by name may also be the choice."""
        chosen = self._chosen.get(key[:2])
        return {key} | ({(*key[:2], None), (*key[:2], chosen)} if chosen and key[2] in (None, chosen) else set())

    def close(self) -> None:
        """Closes every engine."""
        while self._open:
            self._open.popitem()[1].close()

    def _get(self, key: Ability, bundle: Bundle) -> Engine:
        self._prune()
        real = (*key[:2], key[2] or self._chosen.get(key[:2]))
        if real in self._open:
            self._open.move_to_end(real)
            return self._open[real]
        while len(self._open) >= self._kept:
            self._open.popitem(last=False)[1].close()
        engine = self._opener(bundle, real[2])
        if real[2] is None:
            self._chosen[key[:2]] = engine.backend.name
            real = (*key[:2], engine.backend.name)
            if real in self._open:
                self._open.pop(real).close()
        self._open[real] = engine
        return engine

    def _prune(self) -> None:
        """Closes engines whose bundle is gone or is another one now."""
        offers = self._bundles.offers()
        for key, engine in list(self._open.items()):
            offer = offers.get(key[:2])
            if offer is None or offer.bundle.checksum != engine.bundle.checksum:
                self._open.pop(key).close()
                self._chosen.pop(key[:2], None)
