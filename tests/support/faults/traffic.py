"""Callers who send photos all the while, and send again under the same key until they are answered."""

import io
import random
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable

from client.client import Client
from client.errors import Refused, ShoeboxError
from client.upload import ZIP, Upload
from faults.ledger import Entry
from faults.stack import Stack

SENDERS = 2
GIVE_UP = 180.0


class Traffic:
    """Sends ``total`` photos in jobs of many sizes. ``share()`` says what part of them may have been sent by now."""

    def __init__(
        self, stack: Stack, photos: list[bytes], total: int, seed: int, share: Callable[[], float], largest: int = 160
    ) -> None:
        self._stack = stack
        self._photos = photos
        self._left = self._total = total
        self._share = share
        self._seed = seed
        self._largest = largest
        self._chance = random.Random(seed + 1)
        self._lock = threading.Lock()
        self._numbers = 0
        self.refusals: Counter[str] = Counter()
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begins to send."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Waits until all is sent, or a sender has given up."""
        for thread in self._threads:
            thread.join()

    def _next(self) -> tuple[str, list[Upload], list[str]] | None:
        with self._lock:
            if not self._left:
                return None
            self._numbers += 1
            kind = self._chance.choices(("zip", "image", "images", "both"), (12, 2, 1, 2))[0]
            count = 1 if kind == "image" else self._chance.randint(2, 6 if kind == "images" else self._largest)
            count = min(count, self._left)
            self._left -= count
            return self._make(self._numbers, kind, count)

    def _make(self, number: int, kind: str, count: int) -> tuple[str, list[Upload], list[str]]:
        names = [f"{number}-{i}.jpg" for i in range(count)]
        key = f"faults-{self._seed}-{number}"
        if kind == "zip" or (count == 1 and kind == "both"):
            return key, [archive(f"{number}.zip", {name: self._photo() for name in names})], names
        if kind == "both":
            packed = archive(f"{number}.zip", {name: self._photo() for name in names[1:]})
            return key, [self._image(names[0]), packed], names
        return key, [self._image(name) for name in names], names

    def _photo(self) -> bytes:
        return self._chance.choice(self._photos)

    def _image(self, name: str) -> Upload:
        data = self._photo()
        return Upload(name, "image/jpeg", lambda: [data], len(data))

    def _send_all(self) -> None:
        client = Client(self._stack.running.settings.url, self._stack.running.key, patience=10.0)
        with client:
            while (job := self._next()) is not None:
                while 1 - self._left / self._total > self._share():
                    time.sleep(0.05)
                try:
                    self._stack.ledger.write(self._send(client, *job))
                except ShoeboxError as error:
                    self.failed.append(f"{job[0]}: {error}")

    def _send(self, client: Client, key: str, uploads: list[Upload], names: list[str]) -> Entry:
        deadline = time.monotonic() + GIVE_UP
        while True:
            try:
                return Entry(client.submit(uploads, idempotency_key=key).id, key, names)
            except ShoeboxError as error:
                self.refusals[error.code if isinstance(error, Refused) else type(error).__name__] += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)


def archive(name: str, photos: dict[str, bytes]) -> Upload:
    """A ZIP of these photos, with a file of the kind that a Mac adds: it is no photo and no error."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zip_:
        for path, data in photos.items():
            zip_.writestr(path, data)
        zip_.writestr("__MACOSX/._x.jpg", b"junk")
    data = buffer.getvalue()
    return Upload(name, ZIP, lambda: [data], len(data))
