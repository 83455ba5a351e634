"""What people say about verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

from client.calls import Calls, typed
from client.values import Review


class Reviewing(Calls):
    """Reviews: given, given many at once, taken back."""

    def review(self, item_id: str, label: str | None) -> Review:
        """Says which label is right, ``None`` where none of the model's labels fits."""
        return self._review(item_id, {"label": label})

    def confirm(self, item_id: str) -> Review:
        """Says that the verdict is right as it stands."""
        return self._review(item_id, {"correct": True})

    def review_many(self, reviews: Sequence[Mapping[str, Any]]) -> list[Review]:
        """Keeps at most 500 reviews in one call, all or none, in their order.

        Each is ``{"id": item, "label": …}`` or ``{"id": item, "correct": True}``.
        """
        answer = self._transport.json("POST", "/v1/reviews", json={"reviews": [dict(said) for said in reviews]})
        return typed(lambda found: [Review.from_json(data) for data in found["data"]], answer)

    def unreview(self, item_id: str) -> None:
        """Takes a review back; a photo that has none stays as it is."""
        self._transport.call("DELETE", f"/v1/items/{item_id}/review", repeat=True)

    def _review(self, item_id: str, said: Mapping[str, Any]) -> Review:
        return typed(Review.from_json, self._transport.json("POST", f"/v1/items/{item_id}/review", json=said))
