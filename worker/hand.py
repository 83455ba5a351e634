"""The shards a worker has in hand: photos go out in order, verdicts come back in any, whole shards are settled."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from db.query.work import BlobPlace
from db.states import Lane
from db.store.shards import Claim
from model.photo import Photo
from model.verdict import Novelty as Strictness
from model.verdict import Options, Verdict
from worker.sources import Sources, reader_of

Key = tuple[int, int, int]  # shard, attempt, position

URGENT_PHOTOS = 4
"""Somebody waits for so few before the screen; more are a small job, which goes first but may fill batches."""


@dataclass(slots=True)
class Held:
    """A shard in hand and its verdicts so far, by position."""

    claim: Claim
    blob: str
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every item has its verdict."""
        return len(self.verdicts) == len(self.claim.entries)


class Hand:
    """Held shards and the photos of theirs that have not been handed to the engine."""

    def __init__(self, sources: Sources, max_file_bytes: int) -> None:
        self._sources = sources
        self._max_file_bytes = max_file_bytes
        self._held: dict[tuple[int, int], Held] = {}
        self._queue: deque[tuple[Key, Photo[Key]]] = deque()
        self._first: deque[tuple[Key, Photo[Key]]] = deque()

    def __len__(self) -> int:
        """How many shards are in hand."""
        return len(self._held)

    @property
    def claims(self) -> list[Claim]:
        """The claims in hand."""
        return [held.claim for held in self._held.values()]

    @property
    def waiting(self) -> int:
        """Photos not handed out yet."""
        return len(self._queue)

    def add(self, claim: Claim, place: BlobPlace, params: dict[str, Any], *, first: bool = False) -> None:
        """Takes a shard in hand; its photos come from `pop_first` if ``first``, else from `pop`.

        Raises SourceGone and BlobsAway.
        """
        source = self._sources.take(place.blob, place.bytes, claim.entries)
        self._held[claim.shard, claim.attempt] = Held(claim, place.blob)
        options = options_of(params)
        urgent = claim.lane == Lane.INTERACTIVE and len(claim.entries) <= URGENT_PHOTOS
        line = self._first if first else self._queue
        for entry in claim.entries:
            key = (claim.shard, claim.attempt, entry[0])
            read = reader_of(source, entry, self._max_file_bytes, place.digest)
            line.append((key, Photo(key, read, options, urgent)))

    def pop(self) -> Photo[Key] | None:
        """The next photo."""
        return self._queue.popleft()[1] if self._queue else None

    def pop_first(self) -> list[Photo[Key]]:
        """All photos that go before the others."""
        found = [photo for _, photo in self._first]
        self._first.clear()
        return found

    def record(self, key: Key, verdict: Verdict) -> Held | None:
        """Keeps a verdict; returns the shard when that was its last. Verdicts of dropped shards are ignored."""
        held = self._held.get(key[:2])
        if held is None:
            return None
        held.verdicts[key[2]] = verdict
        return held if held.complete else None

    def drop(self, held: Held) -> None:
        """Lets go of a shard, settled or lost."""
        shard = held.claim.shard, held.claim.attempt
        if self._held.pop(shard, None) is not None:
            for line in (self._queue, self._first):
                kept = [pair for pair in line if pair[0][:2] != shard]
                line.clear()
                line.extend(kept)
            self._sources.give(held.blob, held.claim.entries)

    def of(self, blob: str) -> list[Held]:
        """The shards whose photos lie in that blob."""
        return [held for held in self._held.values() if held.blob == blob]

    def all(self) -> Iterator[Held]:
        """Every shard in hand, safe to drop while going through them."""
        return iter(list(self._held.values()))


def spans(positions: Iterable[int]) -> str:
    """Positions in short, for a line of the log: ``0-31,40``."""
    found: list[list[int]] = []
    for position in sorted(positions):
        if found and position == found[-1][1] + 1:
            found[-1][1] = position
        else:
            found.append([position, position])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def options_of(params: dict[str, Any]) -> Options:
    """The judge's options as a job stores them."""
    return Options(
        top_k=params.get("top_k", 3),
        min_confidence=params.get("min_confidence"),
        novelty=Strictness(params.get("novelty", Strictness.NORMAL)),
        allow=frozenset(params.get("allow", ())),
        deny=frozenset(params.get("deny", ())),
    )
