"""What this worker process has done since it started, counted for Prometheus; told on a port where one is set.

Each count is changed where the thing happens, as its line in the log is.
"""

from collections.abc import Iterable

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from model.verdict import Decision, Reason, Verdict

log = structlog.get_logger(__name__)

# The library would tell of each counter when it was made: as many lines again, that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

ITEMS = Counter(
    "shoebox_items", "Photos whose verdict this worker wrote down.", ("decision", "reason"), registry=REGISTRY
)
BATCH = Histogram(
    "shoebox_batch_photos",
    "Photos that went through the network at once.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=REGISTRY,
)
NETWORK = Histogram(
    "shoebox_network_seconds",
    "The network's time for one batch.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)
DECODING = Histogram(
    "shoebox_decode_seconds",
    "Reading and decoding one photo, whatever came of it.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)
LEASES_LOST = Counter(
    "shoebox_leases_lost", "Shards and uploads that were another's before this worker was done.", registry=REGISTRY
)
SWEEPS = Counter("shoebox_sweeps", "Sweeps that were this worker's turn.", registry=REGISTRY)
RECOVERED = Counter(
    "shoebox_shards_recovered",
    "Shards whose worker was gone, by what the sweep made of them.",
    ("outcome",),
    registry=REGISTRY,
)
WEBHOOKS = Counter(
    "shoebox_webhook_tries", "Messages about jobs that this worker tried to deliver.", ("outcome",), registry=REGISTRY
)

# Prometheus sees a count rise only where it has seen it before: all are there from the start.
ITEMS.labels(Decision.ACCEPTED, "")
for _reason in Reason:
    ITEMS.labels(_reason.decision, _reason)
for _outcome in ("ready", "split", "given_up", "canceled"):
    RECOVERED.labels(_outcome)
for _outcome in ("delivered", "to_be_tried_again", "given_up"):
    WEBHOOKS.labels(_outcome)


def ran(photos: int, seconds: float) -> None:
    """Notes a batch that went through the network."""
    BATCH.observe(photos)
    NETWORK.observe(seconds)


def written(verdicts: Iterable[Verdict]) -> None:
    """Notes verdicts that have been committed."""
    for verdict in verdicts:
        ITEMS.labels(verdict.decision, verdict.reason or "").inc()


def answer(host: str, port: int) -> None:
    """Tells the figures to whoever asks from now on; not at all where the port is 0."""
    if not port:
        return
    try:
        start_http_server(port, host, REGISTRY)
    except (OSError, OverflowError) as error:
        # A second worker on this machine, for instance: photos are worth more than figures.
        log.error("metrics_untold", port=port, error=type(error).__name__)
