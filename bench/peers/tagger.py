"""Bytes to a label, with the same weights for everybody: as such programs usually do it, or with Shoebox's parts."""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from io import BytesIO
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.backends.base import Backend
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle
from model.decode import decode
from model.limits import Limits

CORES = len(os.sched_getaffinity(0))
BACKENDS = {"usual": "torch", "ours": "openvino-fp32"}


class Tagger:
    """``usual`` decodes whole pictures with Pillow and runs torch in eager mode; ``ours`` is our decoder and backend.

    The network is opened when it is first used.
    """

    def __init__(self, whose: str, threads: int) -> None:
        self._whose = whose
        self._threads = threads
        # Our backends serve one thread at a time; torch serves many.
        self._turn: AbstractContextManager[object] = Lock() if whose == "ours" else nullcontext()
        self._bundle = Bundle.open(BUILT_IN / "scenes")

    @cached_property
    def _backend(self) -> Backend:
        return open_backend(BACKENDS[self._whose], self._bundle, "cpu", self._threads)

    def warm_up(self) -> None:
        """Opens the network; without it that waits for the first photo."""
        self.labels([np.zeros((self._bundle.input_size, self._bundle.input_size, 3), np.uint8)])

    def pixels(self, data: bytes) -> NDArray[np.uint8]:
        """The picture as the network wants it: uint8 [S, S, 3]."""
        size = self._bundle.input_size
        if self._whose == "ours":
            return decode(data, size, Limits()).pixels
        image = Image.open(BytesIO(data)).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))

    def labels(self, batch: list[NDArray[np.uint8]]) -> list[str]:
        """The best label for each."""
        with self._turn:
            best = self._backend.run(np.stack(batch)).logits.argmax(axis=1)
        return [self._bundle.labels[number] for number in best]

    def label(self, data: bytes) -> str:
        """The best label for one photo, in a batch of its own."""
        return self.labels([self.pixels(data)])[0]
