"""A backend without a network: the mean colour decides. For trying out the rest of Shoebox, and for its tests."""

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Outputs, Precision
from model.bundle import Bundle

_STEEPNESS = 40.0


class FakeBackend:
    """Reads a label off the mean colour's hue, and confidence off its saturation.

    The hue circle is cut into C equal parts, one per label, centred on red for the first. The label's logit is 40
    times the saturation in [0, 1] (times the temperature, so that calibration changes nothing), all others are 0:
    any colourful picture is told surely, a grey one not at all. It has no features.
    """

    name = "fake"
    precision = Precision.DRAWN
    device = "cpu"

    def __init__(self, bundle: Bundle) -> None:
        self._labels = len(bundle.labels)
        self._steepness = _STEEPNESS * bundle.temperature

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]."""
        colours = batch.reshape(len(batch), -1, 3).mean(axis=1) / 255
        red, green, blue = colours.T
        hue = np.arctan2(3**0.5 * (green - blue), 2 * red - green - blue) / (2 * np.pi)
        saturation = colours.max(axis=1) - colours.min(axis=1)
        logits = np.zeros((len(batch), self._labels), np.float32)
        logits[np.arange(len(batch)), np.rint(hue * self._labels).astype(np.int64) % self._labels] = (
            saturation * self._steepness
        )
        return Outputs(logits, None)

    def close(self) -> None:
        """Holds nothing."""
