"""The models that come along: whole, small enough, alike on every backend, and right about drawn pictures."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from model import selfcheck
from model.automatic import CANDIDATES, quickest
from model.backends.base import BackendMissing
from model.backends.choose import open_backend, usable
from model.bundle import BUILT_IN, Bundle
from model.engine import Engine
from model.opening import open_engine
from model.verdict import Decision, Reason

NAMES = sorted(path.name for path in BUILT_IN.iterdir())
MEGABYTES = {"scenes": 22, "fashion": 4}


@pytest.fixture(scope="module")
def fashion() -> Iterator[Engine]:
    with open_engine(BUILT_IN / "fashion", decoders=1) as engine:
        yield engine


def article(kind: str, seed: int) -> bytes:
    """A grainy grey drawing on black, as Fashion-MNIST shows its articles: a PNG of 28 x 28 pixels."""
    image = Image.new("L", (28, 28))
    pen = ImageDraw.Draw(image)
    if kind == "trouser":
        pen.polygon([(9, 1), (19, 1), (21, 27), (16, 27), (14, 9), (12, 27), (7, 27)], fill=200)
    else:
        pen.rectangle([3, 11, 24, 25], fill=190)
        pen.arc([8, 3, 19, 18], 180, 360, fill=170, width=2)
    plain = np.asarray(image.filter(ImageFilter.GaussianBlur(0.5)), np.float64)
    grain = np.random.default_rng(seed).normal(0, 10, plain.shape)
    grainy = np.where(plain > 40, np.clip(plain + grain, 0, 255), plain).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grainy).save(buffer, "PNG")
    return buffer.getvalue()


def test_they_are_the_ones_the_docs_name() -> None:
    assert set(NAMES) == set(MEGABYTES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole_and_no_larger_than_promised(name: str) -> None:
    bundle = Bundle.open(BUILT_IN / name)
    assert bundle.name == name
    size = sum(path.stat().st_size for path in (BUILT_IN / name).iterdir())
    assert size < MEGABYTES[name] * 1_000_000


@pytest.mark.parametrize("backend", [*CANDIDATES, "torch", "torchscript", "torch-bf16"])
@pytest.mark.parametrize("name", NAMES)
def test_each_backend_repeats_their_reference_figures(name: str, backend: str) -> None:
    bundle = Bundle.open(BUILT_IN / name)
    if backend not in usable(bundle):
        assert backend.endswith("-int8"), f"{backend} is part of the development install"
        return
    try:
        opened = open_backend(backend, bundle, "cpu", 1)
    except BackendMissing as error:
        assert "bf16" in backend and "bfloat16" in str(error)
        return
    try:
        selfcheck.check(opened, bundle)
    finally:
        opened.close()


@pytest.mark.parametrize("kind", ["trouser", "bag"])
def test_fashion_knows_drawn_articles(fashion: Engine, kind: str) -> None:
    for seed in range(5):
        verdict = fashion.judge_one(article(kind, seed))
        assert (verdict.decision, verdict.tags[0].label) == (Decision.ACCEPTED, kind)


def test_fashion_refuses_photos_in_colour(fashion: Engine, scene: Callable[..., bytes]) -> None:
    for kind in ("sunset", "forest", "sea"):
        verdict = fashion.judge_one(scene(kind, 5))
        assert (verdict.decision, verdict.reason) == (Decision.REJECTED, Reason.UNNATURAL_STATISTICS)


@pytest.mark.parametrize("name", NAMES)
def test_auto_takes_bfloat16_only_where_photos_proved_it(name: str) -> None:
    bundle = Bundle.open(BUILT_IN / name)
    assert bundle.figures["parity"]["openvino-bf16"]["photos"] > 2_000
    if not bundle.figures["parity"]["openvino-bf16"]["passed"]:
        assert quickest(bundle) in ("openvino-fp32", "onnxruntime")
