"""What this process has answered, counted for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

# A list takes milliseconds, a photo that is waited for a tenth of a second, a large upload minutes.
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

# The library would tell of each counter when it was made: as many lines again, that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Traffic:
    """Counts since the process started, in a registry of their own. May be used from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "shoebox_requests",
            "Requests answered by this process.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "shoebox_request_seconds",
            "From a request's head to the end of its answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._uploaded = Counter(
            "shoebox_upload_bytes", "Bytes of uploads received by this process.", registry=self.registry
        )
        self._refused = Counter(
            "shoebox_refused_at_door",
            "Connections turned away before there was a request, by why.",
            ("code",),
            registry=self.registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Notes an answer; ``route`` is the route's template, so that the number of counters is bounded."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)

    def uploaded(self, count: int) -> None:
        """Notes bytes that came."""
        self._uploaded.inc(count)

    def refused(self, code: str) -> None:
        """Notes a connection that the door turned away."""
        self._refused.labels(code).inc()
