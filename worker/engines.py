"""The engines of a classify worker: bundles are known from the start, engines are opened on demand, few are kept."""

from collections import OrderedDict
from collections.abc import Callable

import structlog

from model.bundle import BUILT_IN, Bundle, BundleDamaged, BundleInvalid, find_bundle, list_bundles
from model.engine import Engine
from settings import Settings

log = structlog.get_logger(__name__)

# Each engine holds its weights, and buffers for a batch: some 200 MB for the shipped model.
KEPT = 2

ModelKey = tuple[str, str]


class Engines:
    """Opens engines by (name, version); the least recently used goes when there are too many."""

    def __init__(self, bundles: dict[ModelKey, Bundle], opener: Callable[[Bundle], Engine], kept: int = KEPT) -> None:
        self._bundles = bundles
        self._opener = opener
        self._kept = kept
        self._open: OrderedDict[ModelKey, Engine] = OrderedDict()

    @property
    def known(self) -> list[ModelKey]:
        """The models this worker can judge with."""
        return list(self._bundles)

    def get(self, key: ModelKey) -> Engine:
        """The engine, warmed up and checked against itself; opening one takes seconds."""
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key]
        while len(self._open) >= self._kept:
            self._open.popitem(last=False)[1].close()
        self._open[key] = self._opener(self._bundles[key])
        return self._open[key]

    def close(self) -> None:
        """Closes every engine."""
        while self._open:
            self._open.popitem()[1].close()


def find_bundles(settings: Settings) -> dict[ModelKey, Bundle]:
    """Every sound bundle by (name, version). A damaged one is left out; the default one must be sound: it raises."""
    folders = (*settings.bundle_folders, BUILT_IN)
    default = find_bundle(settings.model, folders)
    found: dict[ModelKey, Bundle] = {}
    for path in list_bundles(folders):
        try:
            bundle = Bundle.open(path)
        except (BundleDamaged, BundleInvalid) as error:
            if path == default:
                raise
            log.error("bundle_refused", bundle=path.name, detail=str(error))
            continue
        found[bundle.name, bundle.version] = bundle
    return found
