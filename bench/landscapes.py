"""Landscapes drawn from noise, for pictures of the dashboard: nobody's photos, and the same for the same seed.

python -m bench.landscapes FOLDER --count 80
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

KINDS = ("forest", "glacier", "mountain", "sea")
SKIES = (
    ((70, 120, 190), (205, 222, 235)),
    ((60, 60, 120), (245, 170, 110)),
    ((110, 150, 200), (250, 215, 180)),
    ((140, 150, 160), (215, 218, 220)),
)
Floats = NDArray[np.float64]


class Canvas:
    """A picture under way: float [H, W, 3], with noise of its own seed."""

    def __init__(self, seed: int, width: int = 960, height: int = 640) -> None:
        self.random = np.random.default_rng(seed)
        self.width, self.height = width, height
        self.down = np.linspace(0, 1, height)[:, None, None]
        self.top, self.low = (np.array(colour, float) for colour in SKIES[int(self.random.integers(len(SKIES)))])
        self.picture = _mix(self.top, self.low, np.clip(self.down * 1.9, 0, 1)) * np.ones((height, width, 1))

    def noise(self, slope: float) -> Floats:
        """Noise [H, W] in [0, 1] whose amplitude falls with the frequency to the power of ``slope``."""
        across, along = np.fft.fftfreq(self.height)[:, None], np.fft.rfftfreq(self.width)[None]
        frequency = np.maximum(np.hypot(across, along), 1 / max(self.width, self.height))
        waves = frequency**-slope * np.exp(2j * np.pi * self.random.random(frequency.shape))
        return _unit(np.fft.irfft2(waves, (self.height, self.width)))

    def ridge(self, slope: float) -> Floats:
        """A line [W] in [0, 1]."""
        frequency = np.maximum(np.fft.rfftfreq(self.width), 1 / self.width)
        return _unit(
            np.fft.irfft(frequency**-slope * np.exp(2j * np.pi * self.random.random(len(frequency))), self.width)
        )

    def lay(self, colour: Floats, share: Floats) -> None:
        """Paints ``colour`` over the picture where ``share`` [H, W, 1] says."""
        self.picture = _mix(self.picture, colour, share)

    def clouds(self) -> None:
        """White towards the top."""
        thick = np.clip((self.noise(1.45) - 0.5) * 3.2, 0, 1)[..., None]
        self.lay(np.array([250.0, 248, 245]), 0.75 * thick * np.clip(1.1 - self.down * 1.7, 0, 1))

    def hills(self, count: int, horizon: float, heights: tuple[float, float], snow: float) -> None:
        """Ranges one before the other, paler with distance; all but the nearest snowed on down to ``snow``."""
        rows = np.arange(self.height)[:, None]
        for number in range(count):
            depth = (number + 1) / count
            tall = heights[0] + (heights[1] - heights[0]) * number / max(1, count - 1)
            line = (horizon - tall * 0.8 + 0.13 * number + tall * (1 - self.ridge(1.35))) * self.height
            ground = self.noise(1.3)
            light = np.clip(0.8 + np.gradient(ground, axis=1) * 60, 0.4, 1.3)[..., None]
            nearest = number == count - 1
            rock = _mix(
                self.low * 0.75, np.array([44.0, 58, 38] if nearest else [74.0, 76, 74]), np.float64(0.3 + 0.7 * depth)
            )
            colour = rock * light * (0.75 + 0.5 * ground[..., None])
            if not nearest or snow > 0.3:
                white = np.clip((line[None] + snow * self.height * ground * 1.4 - rows) / (0.06 * self.height), 0, 1)
                colour = _mix(colour, np.array([238.0, 243, 248]) * np.clip(light, 0.6, 1.05), white[..., None])
            self.lay(colour, (rows >= line[None]).astype(float)[..., None])

    def water(self, horizon: float) -> None:
        """Waves up to the horizon, and a beach."""
        depth = np.clip((self.down - horizon) / (1 - horizon), 0, 1)
        waves = np.fft.rfft2(self.noise(1.0))
        flat = np.abs(np.fft.fftfreq(self.height))[:, None] > 2.2 * np.fft.rfftfreq(self.width)[None]
        height = np.fft.irfft2(waves * flat, (self.height, self.width))[..., None]
        height = (height - height.mean()) / height.std()
        sea = _mix(self.low * 0.8, np.array([18.0, 62, 92]), np.clip(depth * 1.3 + 0.15, 0, 1))
        sea = sea * np.clip(1 + 0.17 * height * (0.3 + depth), 0.4, 1.7)
        self.lay(
            _mix(sea, np.array([240.0, 245, 245]), np.clip((height - 2) * 1.5, 0, 1) * depth),
            (self.down > horizon).astype(float),
        )
        shore = 0.9 + 0.03 * np.sin(np.arange(self.width) / 90 + self.random.random() * 6)[None, :, None]
        self.lay(
            np.array([196.0, 176, 140]) * (0.85 + 0.3 * self.noise(0.7)[..., None]), (self.down > shore).astype(float)
        )

    def trees(self) -> None:
        """Leaves in layers, trunks before them, and the ground."""
        self.picture = self.picture * 0.5 + np.array([20.0, 40, 20])
        for layer in range(7):
            green = np.array([26.0 + 9 * layer, 56 + 11 * layer, 22 + 4 * layer])
            leaves = np.clip((self.noise(0.75 + 0.05 * layer) - 0.45) * 3, 0, 1)[..., None]
            self.lay(green * (0.5 + 1.1 * self.noise(0.8)[..., None]), leaves)
        rows = np.arange(self.height)[:, None]
        for trunk in range(int(self.random.integers(10, 26))):
            middle, wide = self.random.integers(0, self.width), self.random.integers(4, 20)
            across = np.abs(np.arange(self.width) - middle - 6 * np.sin(rows / 150 + trunk)) / wide
            bark = np.array([58.0, 46, 36]) * (0.6 + 0.8 * self.noise(0.9)[..., None])
            self.lay(bark, np.clip((1 - across) * 3, 0, 1)[..., None] * self.random.uniform(0.7, 1.0))
        self.lay(np.array([54.0, 60, 28]) * (0.5 + self.noise(0.8)[..., None]), np.clip((self.down - 0.8) * 5, 0, 1))

    def image(self) -> Image.Image:
        """The picture with the grain of a camera."""
        grainy = self.picture + self.random.normal(0, 3.5, self.picture.shape)
        return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def landscape(kind: str, seed: int) -> Image.Image:
    """One of `KINDS`."""
    canvas = Canvas(seed * len(KINDS) + KINDS.index(kind))
    horizon = canvas.random.uniform(0.5, 0.62)
    canvas.clouds()
    if kind == "forest":
        canvas.trees()
    elif kind == "sea":
        canvas.hills(2, horizon - 0.02, (0.1, 0.06), 0.0)
        canvas.water(horizon)
    else:
        canvas.hills(4, horizon, (0.5, 0.16), 0.42 if kind == "glacier" else 0.14)
    return canvas.image()


def _mix(one: Floats, other: Floats, share: Floats | float) -> Floats:
    return np.asarray(one * (1 - share) + other * share)


def _unit(values: Floats) -> Floats:
    return np.asarray((values - values.min()) / np.ptp(values))


def main() -> None:
    """Draws a folder for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for kind in KINDS:
        (given.folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(given.count):
            path = given.folder / kind / f"{kind}-{number:03}.jpg"
            landscape(kind, given.seed + number).save(path, quality=88)


if __name__ == "__main__":
    main()
