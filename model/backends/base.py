"""What every backend offers, and how it fails."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

INT8_GRAPH = "model.int8.onnx"
"""The graph with calibrated int8 arithmetic: a sealed file that `shoebox model export --to int8` adds to a bundle."""


class Precision(StrEnum):
    """How a backend computes, and so how closely it repeats the bundle's reference figures.

    `DRAWN` is the fake: it does not run the bundle's network at all.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network says of a batch: logits float32 [N, C], and the pooled features float32 [N, F] they are read
    from (``None``: this backend has no features)."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32] | None


class Backend(Protocol):
    """Runs a bundle's network. Opened once per process, by one thread, and closed by its owner."""

    @property
    def name(self) -> str:
        """As in `choose.NAMES`."""

    @property
    def precision(self) -> Precision:
        """The arithmetic in use."""

    @property
    def device(self) -> str:
        """Where it runs: cpu, or cuda:0 …"""

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory` for a batch that does not fit."""

    def close(self) -> None:
        """Gives the network and the device's memory back; a second call does nothing."""


class BackendMissing(Exception):
    """A backend that is not installed, or cannot run on this device or this bundle; the message says what to do."""


class DeviceOutOfMemory(Exception):
    """The device has no room for a batch of this size; a smaller one may fit."""
