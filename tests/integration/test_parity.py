"""Does a backend judge as float32 does?"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import load_file, save

from model.backends.base import INT8_GRAPH, Outputs
from model.bundle import Bundle
from model.bundle_write import write_bundle
from model.guard import Guard
from model.parity import Parity, compare, drawn, in_batches, parity
from model.selfcheck import SelfCheckFailed


@pytest.fixture(scope="module")
def pictures(tiny_bundle: Bundle) -> NDArray[np.uint8]:
    return drawn(tiny_bundle, 40)


def with_file(bundle: Bundle, folder: Path, name: str, data: bytes) -> Bundle:
    files: dict[str, bytes | Path] = {file: bundle.path / file for file in bundle.files}
    return write_bundle(folder / "changed", bundle.manifest(), files | {name: data})


def test_every_float32_backend_agrees_with_torch(tiny_bundle: Bundle, pictures: NDArray[np.uint8]) -> None:
    names = ("torch", "onnxruntime", "openvino-fp32")
    found = parity(tiny_bundle, in_batches(pictures), names, threads=1)
    assert [one.backend for one in found] == list(names)
    for one in found:
        assert (one.reference, one.pictures, one.labels, one.decisions) == ("torch", 40, 0, 0)
        assert one.passed and one.problem is None and one.same_labels == one.same_decisions == 1
        assert one.probability < 1e-3
    assert found[0].probability == 0, "a backend is equal to itself"


def test_what_cannot_be_compared_says_why(tiny_bundle: Bundle, pictures: NDArray[np.uint8]) -> None:
    lacking, there = parity(tiny_bundle, in_batches(pictures), ("openvino-int8", "onnxruntime"), threads=1)
    assert lacking.problem is not None and "no int8 graph" in lacking.problem
    assert (lacking.pictures, lacking.passed, lacking.same_labels) == (0, False, 0.0)
    assert there.passed


def test_a_network_with_other_weights_fails(tiny_bundle: Bundle, pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    graph = onnx.load(tiny_bundle.path / "model.onnx")
    [head] = [one for one in graph.graph.initializer if one.name == "head"]
    weights = numpy_helper.to_array(head)
    noise = np.random.default_rng(0).normal(size=weights.shape) * weights.std() * 0.5
    head.CopyFrom(numpy_helper.from_array((weights + noise).astype(np.float32), "head"))
    changed = with_file(tiny_bundle, tmp_path, INT8_GRAPH, graph.SerializeToString())
    [found] = parity(changed, in_batches(pictures), ("onnxruntime-int8",), threads=1)
    assert not found.passed and found.problem is None
    assert found.labels + found.decisions > 1 and found.probability > 0.05


def test_a_reference_that_computes_something_else_is_no_measure(
    tiny_bundle: Bundle, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    arrays = load_file(tiny_bundle.path / "reference.safetensors")
    arrays["logits"] = arrays["logits"] + np.float32(0.5)
    changed = with_file(tiny_bundle, tmp_path, "reference.safetensors", save(arrays))
    with pytest.raises(SelfCheckFailed):
        parity(changed, in_batches(pictures), ("onnxruntime",), threads=1)


def test_labels_decisions_and_probabilities_are_compared(tiny_bundle: Bundle) -> None:
    guard = Guard.of(tiny_bundle)
    wanted = Outputs(np.asarray([[20, 0, 0], [0, 20, 0], [0, 0, 20], [0, 0, 20]], np.float32), None)
    found = Outputs(np.asarray([[20, 0, 0], [20, 0, 0], [0, 0, 0.5], [np.nan, 0, 0]], np.float32), None)
    beside = compare(guard, "one", found, "other", wanted)
    assert (beside.backend, beside.reference, beside.pictures) == ("one", "other", 4)
    assert beside.labels == 2, "another label, and none"
    assert beside.decisions == 2, "unsure, and failed"
    assert beside.probability == 1.0


@pytest.mark.parametrize(
    ("pictures", "different", "passed"),
    [(0, 0, False), (1, 1, True), (64, 1, True), (64, 2, False), (399, 1, True), (399, 2, False), (400, 2, True),
     (1000, 5, True), (1000, 6, False)],
)  # fmt: skip
def test_one_in_two_hundred_may_differ(pictures: int, different: int, passed: bool) -> None:
    assert Parity("a", "b", pictures, labels=different).passed is passed
    assert Parity("a", "b", pictures, decisions=different).passed is passed


def test_parts_add_up() -> None:
    both = Parity("a", "b", 10, 0.2, 1, 2) + Parity("a", "b", 30, 0.1, 3, 0)
    assert both == Parity("a", "b", 40, 0.2, 4, 2)
    assert (both.same_labels, both.same_decisions) == (0.9, 0.95)


def test_drawn_pictures_are_the_same_each_time_and_differ_among_themselves(
    tiny_bundle: Bundle, pictures: NDArray[np.uint8]
) -> None:
    assert pictures.shape == (40, 64, 64, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures[:20], drawn(tiny_bundle, 20))
    assert len({picture.tobytes() for picture in pictures}) == 40
    assert [len(batch) for batch in in_batches(pictures, 16)] == [16, 16, 8]
    assert list(in_batches([])) == []
