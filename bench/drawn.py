"""Pictures that are no photos, drawn from a seed: python -m bench.drawn OUT --count 200 --seed 1.

Writes one folder for each kind: noise, flat, gradient, page, screenshot, chart. The same seed and the same Pillow give
the same bytes. Seed 1 is for development, seed 2 for figures: whoever tunes a guard looks at the first alone. With
--fashion fashion-mnist.npz, as many of its test pictures go into one more folder, fashion.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.drawn_paper import chart, page
from bench.drawn_screen import screenshot

DEVELOPMENT, FINAL = 1, 2
SMALLEST, LARGEST = 200, 1600  # pixels a side


def noise(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """White, coloured (power falls or rises with the frequency), salt and pepper, or coarse; grey or in colours."""
    kind = str(random.choice(["uniform", "normal", "coloured", "salt", "coarse"]))
    channels = int(random.choice([1, 3]))
    shape = (height, width, channels)
    if kind == "uniform":
        reach = random.uniform(40, 128)
        planes = random.uniform(128 - reach, 127 + reach, shape)
    elif kind == "normal":
        planes = random.normal(random.uniform(80, 175), random.uniform(20, 80), shape)
    elif kind == "coloured":
        planes = _coloured(random, shape, random.uniform(-1.0, 2.0))
    elif kind == "salt":
        ground = random.uniform(60, 195, 3)
        share = random.uniform(0.05, 0.5)
        chance = random.random(shape)
        planes = np.where(chance < share / 2, 0.0, np.where(chance < share, 255.0, ground[:channels]))
    else:  # squares of a few pixels, as a broken film shows
        step = int(random.integers(2, 7))
        small = random.uniform(0, 255, (height // step + 1, width // step + 1, channels))
        planes = small.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
    return _picture(np.broadcast_to(planes, (height, width, 3)))


def flat(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """One colour: pure, as a covered lens gives it (sensor noise), or a little darker in the corners."""
    colour = random.uniform(0, 255, 3) if random.random() < 0.7 else np.full(3, random.uniform(0, 255))
    if random.random() < 0.15:
        colour = np.full(3, random.choice([0.0, 255.0]))
    planes = np.broadcast_to(colour, (height, width, 3)).copy()
    look = random.random()
    if look > 0.3:
        planes += random.normal(0, random.uniform(0.5, 8.0), planes.shape)
    if look > 0.7:
        planes *= 1 - random.uniform(0.01, 0.08) * _radius(random, width, height)[..., None] ** 2
    return _picture(planes)


def gradient(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Two or three colours that run into each other: along a line, from a point, or around one; perhaps dithered."""
    form = str(random.choice(["linear", "radial", "around", "corners"]))
    rows, columns = np.mgrid[0:height, 0:width]
    if form == "linear":
        angle = random.uniform(0, 2 * np.pi) if random.random() < 0.6 else random.integers(4) * np.pi / 2
        place = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    elif form == "radial":
        place = _radius(random, width, height)
    elif form == "around":
        place = np.abs(np.arctan2(rows - random.uniform(0.2, 0.8) * height, columns - random.uniform(0.2, 0.8) * width))
    else:
        weights = random.uniform(-1, 1, 3)
        x, y = columns / width, rows / height
        place = weights[0] * x + weights[1] * y + weights[2] * x * y
    place = (place - place.min()) / max(float(np.ptp(place)), 1e-9)
    if random.random() < 0.3:
        place = place * place * (3 - 2 * place)
    stops = int(random.integers(2, 4))
    colours = random.uniform(0, 255, (stops, 3))
    while np.ptp(colours, axis=0).max() < 60:  # less would be a flat colour
        colours = random.uniform(0, 255, (stops, 3))
    planes = np.stack([np.interp(place, np.linspace(0, 1, stops), colours[:, c]) for c in range(3)], axis=2)
    if random.random() < 0.5:
        planes += random.uniform(-0.5, 0.5, planes.shape) * random.choice([1.0, 2.0, 4.0])
    return _picture(planes)


Draw = Callable[[np.random.Generator, int, int], Image.Image]
KINDS: dict[str, Draw] = {
    "noise": noise,
    "flat": flat,
    "gradient": gradient,
    "page": page,
    "screenshot": screenshot,
    "chart": chart,
}


def draw(kind: str, seed: int, number: int) -> tuple[str, bytes]:
    """Picture ``number`` of ``kind`` as a file: its suffix (.png or .jpg) and bytes. ``KeyError``: no such kind."""
    random = np.random.default_rng([seed, list(KINDS).index(kind), number])
    width, height = _size(random)
    picture = KINDS[kind](random, width, height)
    buffer = io.BytesIO()
    if random.random() < 0.5:
        picture.save(buffer, "PNG", compress_level=1)
        return ".png", buffer.getvalue()
    picture.save(buffer, "JPEG", quality=int(random.integers(40, 97)), subsampling=int(random.choice([0, 2])))
    return ".jpg", buffer.getvalue()


def draw_all(kind: str, seed: int, count: int) -> Iterator[bytes]:
    """The first ``count`` pictures of ``kind``."""
    return (draw(kind, seed, number)[1] for number in range(count))


def _size(random: np.random.Generator) -> tuple[int, int]:
    """Width and height in pixels: small ones as common as large, from square to 16 by 9, lying or standing."""
    long = np.exp(random.uniform(np.log(SMALLEST), np.log(LARGEST)))
    short = max(float(SMALLEST), long / random.uniform(1, 16 / 9))
    sides = (round(long), round(short))
    return sides if random.random() < 0.6 else sides[::-1]


def _coloured(random: np.random.Generator, shape: tuple[int, int, int], exponent: float) -> NDArray[np.float64]:
    """Normal noise whose power falls with the frequency to ``exponent``: 0 is white, 1 pink, 2 brown, -1 blue."""
    height, width, channels = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    planes = np.empty(shape)
    for c in range(channels):
        spectrum = np.fft.rfft2(random.normal(size=(height, width))) / frequency ** (exponent / 2)
        field = np.fft.irfft2(spectrum, (height, width))
        planes[..., c] = 128 + random.uniform(25, 60) * (field - field.mean()) / field.std()
    return planes


def _radius(random: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = columns / width - random.uniform(0.2, 0.8), rows / height - random.uniform(0.2, 0.8)
    return np.asarray(np.hypot(x, y))


def _picture(planes: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(planes).clip(0, 255).astype(np.uint8))


def main() -> None:
    """Writes the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200, help="pictures of each kind")
    parser.add_argument("--seed", type=int, default=DEVELOPMENT)
    parser.add_argument("--fashion", type=Path, help="an .npz with test_images uint8 [N, 28, 28]")
    given = parser.parse_args()
    if given.fashion is not None:
        folder = given.out / "fashion"
        folder.mkdir(parents=True, exist_ok=True)
        images = np.load(given.fashion, allow_pickle=False)["test_images"]
        chosen = np.random.default_rng(given.seed).permutation(len(images))[: given.count]
        for number in chosen.tolist():
            Image.fromarray(images[number]).save(folder / f"fashion-{number:04d}.png")
    for kind in KINDS:
        folder = given.out / kind
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(given.count):
            suffix, data = draw(kind, given.seed, number)
            (folder / f"{kind}-{number:04d}{suffix}").write_bytes(data)


if __name__ == "__main__":
    main()
