"""Proof that a backend runs the bundle's network: drawn reference pictures against the logits written at training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from model.backends.base import Backend, Precision
from model.bundle import REFERENCE, Bundle

# Int8 is far off on drawn pictures, which it was not calibrated on; this only shows that it is the same network.
_SLACK = {Precision.FLOAT32: 1.0, Precision.BFLOAT16: 16.0, Precision.INT8: 150.0}


class SelfCheckFailed(Exception):
    """The backend does not compute what the bundle's network computes; nothing it says can be trusted."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Drawn inputs uint8 [N, S, S, 3], the logits float32 [N, C] torch computes for them in float32, and the largest
    difference in a logit that another float32 engine may show."""

    inputs: NDArray[np.uint8]
    logits: NDArray[np.float32]
    tolerance: float

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Named arrays to store."""
        return {
            "inputs": self.inputs,
            "logits": self.logits,
            "tolerance": np.asarray([self.tolerance], dtype=np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The reverse of `to_arrays`. Raises `KeyError` for a missing array."""
        return cls(
            np.asarray(arrays["inputs"], dtype=np.uint8),
            np.asarray(arrays["logits"], dtype=np.float32),
            float(np.asarray(arrays["tolerance"], dtype=np.float32)[0]),
        )


def draw(size: int, count: int = 4) -> NDArray[np.uint8]:
    """Reference pictures uint8 [count, size, size, 3]: gradients, waves and discs, the same on every machine."""
    y, x = np.mgrid[0:size, 0:size] / size
    pictures = []
    for index in range(count):
        waves = np.sin((3 + 2 * index) * np.pi * x + index) * np.cos((2 + index) * np.pi * y)
        disc = (x - 0.3 - 0.1 * index) ** 2 + (y - 0.5) ** 2 < 0.04 + 0.02 * index
        planes = (x * 255, y * 255, 127.5 + 100 * waves)
        picture = np.stack([planes[(index + channel) % 3] for channel in range(3)], axis=-1)
        picture[disc] = (230 - 40 * index, 60 + 40 * index, 90)
        pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    return np.stack(pictures)


def check(backend: Backend, bundle: Bundle) -> None:
    """Raises `SelfCheckFailed`, with the figures, when ``backend`` does not repeat the bundle's reference logits.

    The fake backend has another network on purpose: only the shape of its answer is checked.
    """
    path = bundle.path / REFERENCE
    reference = Reference.from_arrays(load_file(path))
    outputs = backend.run(reference.inputs)
    if outputs.logits.shape != reference.logits.shape:
        raise SelfCheckFailed(
            f"{backend.name} gives logits {outputs.logits.shape} where {bundle.name} expects {reference.logits.shape}"
        )
    if backend.precision is Precision.DRAWN:
        return
    allowed = reference.tolerance * _SLACK[backend.precision]
    apart = float(np.abs(outputs.logits - reference.logits).max())
    if not apart <= allowed:
        raise SelfCheckFailed(
            f"{backend.name} in {backend.precision} does not compute what {bundle.name} {bundle.version} was trained "
            f"to: a logit of the reference pictures is off by {apart:.3g}, at most {allowed:.3g} is allowed"
        )
