"""What the database and the uploads' folder say, as figures for Prometheus."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from db.blob_store import BlobStore
from db.database import Database
from db.query.uploads import stored
from db.query.watch import work
from db.query.workers import alive

log = structlog.get_logger(__name__)

# What was found is told again for so long, and for so many times as long as finding it took: however many ask, and
# however much there is, no more than a twentieth of the time is spent on it.
FRESH_SECONDS = 5.0
FRESH_TIMES = 20.0
# Whoever asks while another looks waits so long at most, then hears what was known before.
PATIENCE_SECONDS = 5.0
KINDS = ("control", "classify")


class Figures(Collector):
    """Looks when Prometheus asks. While the database is away, that is all it says of it. Safe from any thread."""

    def __init__(
        self, database: Database, blobs: BlobStore, quota: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._quota = quota
        self._clock = clock
        self._lock = Lock()
        self._known: list[Metric] = []
        self._until = float("-inf")

    def collect(self) -> Iterable[Metric]:
        """The figures as they are, or were a moment ago."""
        if self._lock.acquire(timeout=PATIENCE_SECONDS):
            try:
                began = self._clock()
                if began >= self._until:
                    self._known = list(self._look())
                    ended = self._clock()
                    self._until = ended + max(FRESH_SECONDS, FRESH_TIMES * (ended - began))
            finally:
                self._lock.release()
        return self._known

    def _look(self) -> Iterator[Metric]:
        try:
            found = [*self._of_work(), *self._of_uploads()]
        except SQLAlchemyError as error:
            log.warning("figures_missing", error=type(error).__name__)
            found = []
        yield _gauge("shoebox_database_up", "Whether the database answers this process.", [((), bool(found))])
        yield from found

    def _of_work(self) -> Iterator[Metric]:
        with self._database.read() as session:
            found = work(session)
            workers = Counter((worker.kind, worker.backend or "") for worker in alive(session))
        for kind in KINDS:
            if not any(there == kind for there, _ in workers):
                workers[kind, ""] = 0
        lanes = {(lane.name.lower(),): seconds for lane, seconds in found.oldest_seconds.items()}
        shards = {(lane.name.lower(), state): count for (lane, state), count in found.shards.items()}
        jobs = {(state,): count for state, count in found.jobs.items()}
        yield _gauge("shoebox_jobs", "Jobs that have not ended.", jobs.items(), "state")
        yield _gauge(
            "shoebox_shards", "Shards that wait for a worker or are with one.", shards.items(), "lane", "state"
        )
        yield _gauge(
            "shoebox_queue_age_seconds", "Since the oldest job that has not ended was submitted.", lanes.items(), "lane"
        )
        yield _gauge("shoebox_workers_alive", "Workers with a recent heartbeat.", workers.items(), "kind", "backend")
        yield _gauge("shoebox_webhooks_unsent", "Messages about jobs that are still tried.", [((), found.webhooks)])

    def _of_uploads(self) -> Iterator[Metric]:
        with self._database.read() as session:
            _, kept = stored(session)
        yield _gauge("shoebox_uploads_bytes", "Bytes of uploads that are kept.", [((), kept)])
        yield _gauge(
            "shoebox_uploads_quota_bytes", "Most bytes of uploads that may be; 0: no limit.", [((), self._quota)]
        )
        try:
            room = self._blobs.room()
        except OSError as error:
            log.warning("room_unknown", error=type(error).__name__)
            return
        if room < sys.maxsize:  # a bucket without a quota has no bounds
            yield _gauge("shoebox_uploads_room_bytes", "Bytes that disk and quota have left for uploads.", [((), room)])


def _gauge(name: str, about: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
