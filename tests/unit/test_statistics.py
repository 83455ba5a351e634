"""Photos keep to ranges that noise, flat colours, pages and charts fall out of."""

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from model.statistics import NAMES, Ranges, check, fit, measure
from model.verdict import Reason

SIZE = 160
Pixels = npt.NDArray[np.uint8]


def natural(seed: int) -> Pixels:
    """What natural scenes have in common: power that falls with the square of the frequency, and related channels."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    frequency[0, 0] = 1
    channels = []
    shared = np.fft.fft2(rng.laplace(size=(SIZE, SIZE)))
    for _ in range(3):
        own = np.fft.fft2(rng.laplace(size=(SIZE, SIZE)))
        field = np.fft.ifft2((shared + 0.2 * own) / frequency ** rng.uniform(1.0, 1.4)).real
        channels.append(rng.uniform(90, 160) + rng.uniform(30, 60) * field / field.std())
    return np.stack(channels, axis=2).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def ranges() -> Ranges:
    return fit(np.array([measure(natural(seed)) for seed in range(60)]))


def reason(pixels: Pixels, ranges: Ranges) -> Reason | None:
    return check(measure(pixels), ranges).reason


def test_the_vector_has_a_place_for_every_name() -> None:
    stats = measure(natural(0))
    assert stats.shape == (len(NAMES),)
    assert stats.dtype == np.float32


@pytest.mark.parametrize("seed", range(4))
def test_it_measures_what_it_says(seed: int) -> None:
    pixels = natural(seed)
    small = pixels.reshape(SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(1, 3))  # 160 pixels a side become 80
    across, down = small[:-1, 1:] - small[:-1, :-1], small[1:, :-1] - small[:-1, :-1]
    steps = np.concatenate((across.reshape(-1, 3), down.reshape(-1, 3)))
    energy = (steps**2).mean()
    lengths = np.linalg.norm(across, axis=2), np.linalg.norm(down, axis=2)
    steeper, flatter = np.maximum(*lengths), np.minimum(*lengths)
    colours = np.unique((small.reshape(-1, 3) // 8), axis=0)
    luma = np.histogram(small @ (0.299, 0.587, 0.114), bins=64, range=(0, 256))[0] / (SIZE // 2) ** 2
    red, green, blue = np.moveaxis(small, 2, 0)
    opposed = np.stack((red - green, (red + green) / 2 - blue)).reshape(2, -1)
    expected = {
        "entropy": -(luma[luma > 0] * np.log2(luma[luma > 0])).sum(),
        "colourfulness": np.hypot(*opposed.std(axis=1)) + 0.3 * np.hypot(*opposed.mean(axis=1)),
        "spread": np.sqrt(small.var(axis=(0, 1)).mean()),
        "colours": np.log2(len(colours)),
        "modal": np.unique(small.reshape(-1, 3) // 16, axis=0, return_counts=True)[1].max() / (SIZE // 2) ** 2,
        "clipped": ((small.max(axis=2) <= 3) | (small.min(axis=2) >= 252)).mean(),
        "saturation": (small.max(axis=2) - small.min(axis=2)).mean() / 255,
        "even": sum((np.diff(pixels.astype(int), axis=axis) == 0).all(axis=2).mean() for axis in (0, 1)) / 2,
        "fine": np.log2(energy / small.var(axis=(0, 1)).mean()),
        "peaked": np.abs(steps).mean() ** 2 / energy,
        "aligned": (steeper**2)[flatter < 0.1 * steeper].sum() / (steeper**2).sum(),
        "coupling": np.linalg.eigvalsh(steps.T @ steps)[-1] / (steps**2).sum(),
    }
    measured = dict(zip(NAMES, measure(pixels).tolist(), strict=True))

    assert {name: measured[name] for name in expected} == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("side", [32, 96, 160, 224, 300])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_it_is_finite_for_the_flattest_pictures(side: int, value: int) -> None:
    assert np.isfinite(measure(np.full((side, side, 3), value, dtype=np.uint8))).all()


def test_other_scenes_are_kept(ranges: Ranges) -> None:
    kept = [reason(natural(seed), ranges) is None for seed in range(1000, 1020)]
    assert sum(kept) >= 18


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 40)])
def test_nearly_one_colour_is_blank(ranges: Ranges, colour: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).normal(0, 2, (SIZE, SIZE, 3))
    finding = check(measure((np.array(colour) + noise).clip(0, 255).astype(np.uint8)), ranges)
    assert finding.reason is Reason.BLANK
    assert finding.name == "spread"
    assert finding.value < finding.threshold


def unnatural() -> Iterator[tuple[str, Pixels]]:
    rng = np.random.default_rng(0)
    yield "colour noise", rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    yield "grey noise", np.repeat(rng.integers(0, 256, (SIZE, SIZE, 1), dtype=np.uint8), 3, axis=2)
    yield "gradient", np.asarray(Image.linear_gradient("L").resize((SIZE, SIZE)).convert("RGB"))
    rows, columns = np.mgrid[:SIZE, :SIZE]
    yield "checkers", np.repeat(((rows // 8 + columns // 8) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    page = Image.new("RGB", (640, 640), "white")
    draw = ImageDraw.Draw(page)
    for top in range(30, 600, 24):
        draw.text(
            (30, top), "what was written here is of no matter " * 2, fill="black", font=ImageFont.load_default(16)
        )
    yield "page", np.asarray(page.resize((SIZE, SIZE)))
    chart = Image.new("RGB", (SIZE, SIZE), "white")
    draw = ImageDraw.Draw(chart)
    for bar in range(8):
        draw.rectangle((10 + bar * 18, 20 + bar * 13 % 90, 22 + bar * 18, 150), fill=(60, 110 + bar * 10, 180))
    yield "chart", np.asarray(chart)


@pytest.mark.parametrize(
    ("name", "pixels"), list(unnatural()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_drawings_and_noise_fall(ranges: Ranges, name: str, pixels: Pixels) -> None:
    assert reason(pixels, ranges) is Reason.UNNATURAL_STATISTICS, name


def test_a_fit_keeps_at_least_what_it_was_asked_to() -> None:
    samples = np.random.default_rng(1).normal(50, 10, (400, len(NAMES)))
    samples[:, NAMES.index("coupling")] = 1
    for accept in (0.9, 0.99, 1.0):
        ranges = fit(samples, accept)
        assert np.mean([check(row, ranges).reason is None for row in samples]) >= accept


def test_what_is_kept_still_names_its_nearest_limit(ranges: Ranges) -> None:
    finding = check(measure(natural(3)), ranges)
    assert finding.reason is None
    assert finding.name in NAMES


def test_ranges_survive_json(ranges: Ranges) -> None:
    assert Ranges.from_json(json.loads(json.dumps(ranges.to_json()))) == ranges


def test_ranges_of_other_measurements_are_refused(ranges: Ranges) -> None:
    data = ranges.to_json()
    data["sharpness"] = data.pop("fine")
    with pytest.raises(ValueError, match="other measurements"):
        Ranges.from_json(data)


@pytest.mark.parametrize("shape", [(1, len(NAMES)), (10, 3), (10,)])
def test_a_fit_wants_samples_of_its_own_kind(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="samples"):
        fit(np.ones(shape))
