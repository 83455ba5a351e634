"""The photos under way in an engine: those in the decoders, and those that wait for the network."""

from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic

from model.decode import Decoded
from model.photo import Key, Photo
from model.sandbox import DecodePool
from model.verdict import Score


@dataclass(frozen=True, slots=True)
class Seen(Generic[Key]):
    """A photo that the network may see, with what the statistics found."""

    photo: Photo[Key]
    decoded: Decoded
    scores: dict[str, Score]


class Ready(Generic[Key]):
    """The photos that wait for the network."""

    def __init__(self) -> None:
        self._urgent: deque[Seen[Key]] = deque()
        self._others: deque[Seen[Key]] = deque()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    @property
    def urgent(self) -> int:
        """How many of them are urgent."""
        return len(self._urgent)

    @property
    def others(self) -> int:
        """How many are not."""
        return len(self._others)

    def add(self, seen: Seen[Key]) -> None:
        """Takes one more."""
        (self._urgent if seen.photo.urgent else self._others).append(seen)

    def urgent_batch(self, room: int) -> list[Seen[Key]]:
        """The next urgent ones, ``room`` at most."""
        return _taken(self._urgent, room)

    def batch(self, room: int) -> list[Seen[Key]]:
        """The next others, ``room`` at most."""
        return _taken(self._others, room)


def _taken(line: deque[Seen[Key]], room: int) -> list[Seen[Key]]:
    return [line.popleft() for _ in range(min(room, len(line)))]


class Flight(Generic[Key]):
    """The photos that are being read and decoded."""

    def __init__(self, pool: DecodePool, size: int) -> None:
        self._pool = pool
        self._size = size
        self._photos: dict[Future[Decoded], Photo[Key]] = {}
        self._done: SimpleQueue[Future[Decoded]] = SimpleQueue()
        self.urgent = 0

    def __len__(self) -> int:
        return len(self._photos)

    def start(self, photo: Photo[Key]) -> None:
        """Hands a photo to the decoders."""
        future = self._pool.submit(photo.read, self._size, urgent=photo.urgent)
        self._photos[future] = photo
        self.urgent += photo.urgent
        future.add_done_callback(self._done.put)

    def landed(self, timeout: float) -> list[tuple[Photo[Key], Future[Decoded]]]:
        """All that have come down; waits for the first at most ``timeout`` seconds."""
        found: list[tuple[Photo[Key], Future[Decoded]]] = []
        while self._photos:
            try:
                future = self._done.get_nowait() if found else self._done.get(timeout=timeout)
            except Empty:
                break
            photo = self._photos.pop(future)
            self.urgent -= photo.urgent
            found.append((photo, future))
        return found

    def abandon(self) -> None:
        """Takes back what no decoder has begun and waits, at most a decoder's time limit, for the rest."""
        for future in self._photos:
            future.cancel()
        wait(self._photos)
