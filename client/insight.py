"""What can be learnt from all that was judged, and how the service is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from client.calls import Calls, typed
from client.values import Item, Ticket


class Insight(Calls):
    """One photo, exports, scores, statistics, the queue and the system.

    Days are given as ``from_`` and ``to``: dates or their text (2026-01-31), in UTC, both included.
    """

    def ticket(self) -> Ticket:
        """A right to start one upload within minutes without a key, for a browser that must not hold one."""
        return typed(Ticket.from_json, self._transport.json("POST", "/v1/uploads"))

    def item(self, item_id: str) -> Item:
        """One photo and the verdict on it, by its id."""
        return typed(Item.from_json, self._transport.json("GET", f"/v1/items/{item_id}"))

    def export(self, kind: str, path: Path, **filters: Any) -> Path:
        """Streams the history (jsonl or csv) into the file ``path``. Filters as of `Client.history`."""
        return self._download(f"/v1/items.{kind}", filters, path)

    def scores(self, guard: str = "novelty", **filters: Any) -> dict[str, Any]:
        """What one guard measured on the newest photos, as parallel lists. Filters: job, model, from_, to, limit."""
        return self._asked("/v1/scores", {"guard": guard, **filters})

    def stats(self, by: str | Sequence[str] = "decision", **days: Any) -> dict[str, Any]:
        """How many photos were judged, by any of decision, reason, label, model, day."""
        return self._asked("/v1/stats", {"by": by, **days})

    def latency(self, by: str = "day", **days: Any) -> dict[str, Any]:
        """Percentiles of the network's time for a photo, with counts, by hour, day or backend."""
        return self._asked("/v1/stats/latency", {"by": by, **days})

    def review_stats(self, by: str = "day", **days: Any) -> dict[str, Any]:
        """How many verdicts were reviewed and how many were right, by day, label or model."""
        return self._asked("/v1/stats/reviews", {"by": by, **days})

    def queue(self) -> dict[str, Any]:
        """The owner's work that waits or is in hand, by lane."""
        return self._asked("/v1/queue")

    def workers(self) -> list[dict[str, Any]]:
        """The workers that are alive, and what they have in hand (admin)."""
        return list(self._pages("/v1/workers", {}))

    def system(self) -> dict[str, Any]:
        """How the server is set up: version, what it keeps, limits (admin)."""
        return self._asked("/v1/system")
