"""An int8 graph beside a bundle's own: kept only where it judges as float32 does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.backends import choose
from model.backends.base import INT8_GRAPH, Precision
from model.bundle import Bundle
from model.decode import decode
from model.int8 import BACKENDS, CALIBRATION, CHECKED, Int8Refused, add_int8
from model.limits import Limits
from model.parity import Parity


@pytest.fixture(scope="module")
def photos(scene) -> list[NDArray[np.uint8]]:  # type: ignore[no-untyped-def]
    """Enough drawn scenes to calibrate on and to check with, kinds mixed."""
    kinds = ("sunset", "forest", "sea")
    return [decode(scene(kinds[n % 3], 9000 + n), 64, Limits()).pixels for n in range(CALIBRATION + CHECKED[0])]


@pytest.fixture(scope="module")
def added(tiny_bundle: Bundle, photos: list[NDArray[np.uint8]], tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """What `add_int8` made of the tiny bundle, and what it reported."""
    said: list[str] = []
    folder = tmp_path_factory.mktemp("int8") / "tiny@1-int8"
    bundle, found = add_int8(tiny_bundle, iter(photos), folder, "1-int8", said.append, threads=1)
    return bundle, found, said


def test_a_graph_is_added_with_its_figures(added, tiny_bundle: Bundle) -> None:  # type: ignore[no-untyped-def]
    bundle, found, said = added
    assert (bundle.name, bundle.version) == ("tiny", "1-int8")
    assert Bundle.open(bundle.path) == bundle and bundle.path.name == "tiny@1-int8"
    assert set(bundle.files) == {*tiny_bundle.files, INT8_GRAPH}
    assert all(bundle.files[name] == digest for name, digest in tiny_bundle.files.items()), "the rest is as it was"
    assert [one.backend for one in found] == list(BACKENDS) and any(one.passed for one in found)
    for one in found:
        figures = bundle.figures["parity"][one.backend]
        assert figures["photos"] == CHECKED[0] and figures["passed"] is one.passed
        assert figures["same_labels"] == pytest.approx(one.same_labels, abs=1e-4)
    assert bundle.figures["accuracy"] == tiny_bundle.figures["accuracy"]
    assert len(said) == 2


def test_the_graph_is_smaller_and_runs_on_both_engines(added, photos) -> None:  # type: ignore[no-untyped-def]
    bundle, _, _ = added
    assert (bundle.path / INT8_GRAPH).stat().st_size < 0.4 * (bundle.path / "model.onnx").stat().st_size
    exact = choose.open_backend("onnxruntime", bundle, threads=1).run(np.stack(photos[:16]))
    for name in BACKENDS:
        backend = choose.open_backend(name, bundle, threads=1)
        outputs = backend.run(np.stack(photos[:16]))
        assert backend.precision is Precision.INT8 and outputs.features is not None
        assert (outputs.logits.argmax(axis=1) == exact.logits.argmax(axis=1)).all()
        assert not np.array_equal(outputs.logits, exact.logits), "it computes in int8"
        backend.close()


def test_too_few_photos_are_refused_before_any_work(
    tiny_bundle: Bundle, photos: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    for count in (0, 50, CALIBRATION + CHECKED[0] - 1):
        with pytest.raises(Int8Refused, match=rf"at least 400 .* here are {count}"):
            add_int8(tiny_bundle, photos[:count], tmp_path / "out", "2", lambda text: pytest.fail(text))
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_judges_otherwise_is_not_written(
    tiny_bundle: Bundle, photos: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    def mixed() -> Iterator[NDArray[np.uint8]]:
        # Calibrated on black pictures alone, every activation of a photo is cut off.
        yield from (np.zeros_like(photos[0]) for _ in range(CALIBRATION))
        yield from photos[: CHECKED[0]]

    with pytest.raises(Int8Refused, match="does not judge as float32 does") as caught:
        add_int8(tiny_bundle, mixed(), tmp_path / "out", "2", lambda text: None, threads=1)
    assert all(name in str(caught.value) for name in BACKENDS) and "99.5%" in str(caught.value)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_parity_in_words() -> None:
    assert Parity("openvino-int8", "torch", 400, 0.1, 2, 4).words == (
        "openvino-int8 gives 99.50% of 400 photos the same label and 99.00% the same decision"
    )
    assert Parity("openvino-int8", "torch", problem="it is not installed").words == (
        "openvino-int8: it is not installed"
    )
