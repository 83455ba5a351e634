"""How many requests were answered, by route and status."""

from collections import Counter


class Traffic:
    """Counts since the process started. Used from the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()

    def count(self, method: str, route: str, status: int) -> None:
        """Notes an answer; ``route`` is the route's template, so that the number of counters is bounded."""
        self.requests[method, route, status] += 1
