import subprocess
import sys
from dataclasses import replace

import numpy as np
import openvino
import psutil
import pytest
from safetensors.numpy import load_file, save

from model.backends import choose
from model.backends.base import BackendMissing, Precision
from model.bundle import Bundle, BundleDamaged, BundleInvalid
from model.bundle_write import write_bundle
from model.opening import open_engine
from model.selfcheck import Reference, SelfCheckFailed, check
from model.verdict import Decision, Reason

# The tiny bundle has no int8 graph: tests/integration/test_int8.py makes one.
NETWORKS = [name for name in choose.NAMES if name != "fake" and not name.endswith("-int8")]


def computes_in_bfloat16() -> bool:
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(params=NETWORKS)
def backend(request, tiny_bundle):
    if request.param == "openvino-bf16" and not computes_in_bfloat16():
        pytest.skip("this processor does not compute in bfloat16")
    opened = choose.open_backend(request.param, tiny_bundle, device="cpu", threads=1)
    yield opened
    opened.close()


def test_every_backend_repeats_the_reference_figures(backend, tiny_bundle):
    check(backend, tiny_bundle)
    reference = Reference.from_arrays(load_file(tiny_bundle.path / "reference.safetensors"))
    outputs = backend.run(reference.inputs)
    assert outputs.logits.dtype == outputs.features.dtype == np.float32
    assert outputs.features.shape == (len(reference.inputs), 192)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17])
def test_a_pictures_answer_does_not_depend_on_its_batch(backend, tiny_bundle, count):
    random = np.random.default_rng(2)
    batch = random.integers(0, 256, (count, 64, 64, 3), np.uint8)
    whole = backend.run(batch)
    alone = np.concatenate([backend.run(batch[at : at + 1]).logits for at in range(count)])
    # onnxruntime-dynamic finds one scale for the features of several pictures.
    slack = 1e-3 if backend.precision is Precision.FLOAT32 else 0.05
    np.testing.assert_allclose(whole.logits, alone, atol=slack * np.abs(whole.logits).max())
    again = whole.logits.copy()
    backend.run(255 - batch)
    np.testing.assert_array_equal(whole.logits, again)


def test_closing_twice_is_harmless(tiny_bundle):
    lacking = set() if computes_in_bfloat16() else {"openvino-bf16"}
    for name in set(choose.usable(tiny_bundle)) - lacking:
        opened = choose.open_backend(name, tiny_bundle, device="cpu")
        opened.close()
        opened.close()


def test_automatic_choice_on_a_processor_is_openvino(tiny_bundle):
    opened = choose.open_backend("auto", tiny_bundle, device="cpu")
    assert opened.name == "openvino"
    opened.close()


def test_choosing_and_running_openvino_imports_no_torch(tiny_bundle):
    code = (
        "import sys; from pathlib import Path; from model.bundle import Bundle; from model.backends import choose;"
        f"choose.open_backend('auto', Bundle.open(Path({str(tiny_bundle.path)!r})), device='cpu');"
        "assert 'openvino' in sys.modules and not {'torch', 'timm', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_or_impossible_backend_says_what_to_do(tiny_bundle):
    with pytest.raises(BackendMissing, match="choose one of"):
        choose.open_backend("abacus", tiny_bundle)
    with pytest.raises(BackendMissing, match="choose torch"):
        choose.open_backend("openvino", tiny_bundle, device="cuda")


def test_a_backend_that_is_not_installed_says_how_to_add_it(tiny_bundle, monkeypatch):
    monkeypatch.setattr(choose, "find_spec", lambda package: None if package == "onnxruntime" else object())
    assert "onnxruntime" not in choose.available()
    with pytest.raises(BackendMissing, match="pip install"):
        choose.open_backend("onnxruntime", tiny_bundle)


def rewritten(bundle: Bundle, folder, **changed: bytes) -> Bundle:
    """The tiny bundle with some files replaced, sealed anew."""
    files: dict = {name: bundle.path / name for name in bundle.files} | changed
    return write_bundle(folder / "changed", replace(bundle), files)


def test_a_network_that_computes_something_else_is_refused_with_the_figures(tiny_bundle, tmp_path):
    arrays = load_file(tiny_bundle.path / "reference.safetensors")
    arrays["logits"] = arrays["logits"] + np.float32(0.9)
    changed = rewritten(tiny_bundle, tmp_path, **{"reference.safetensors": save(arrays)})
    with pytest.raises(SelfCheckFailed, match=r"off by 0\.\d+, at most"):
        open_engine(changed.path, backend="openvino", device="cpu", decoders=1)


def test_weights_of_another_network_are_refused(tiny_bundle, tmp_path):
    weights = load_file(tiny_bundle.path / "weights.safetensors")
    weights["classifier.weight"] = weights["classifier.weight"][:2]
    changed = rewritten(tiny_bundle, tmp_path, **{"weights.safetensors": save(weights)})
    with pytest.raises(BundleInvalid, match="small_cnn"):
        choose.open_backend("torch", changed, device="cpu")


def test_one_flipped_byte_keeps_the_engine_shut(tiny_bundle, tmp_path):
    copy = rewritten(tiny_bundle, tmp_path)
    graph = copy.path / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[1000] ^= 1
    graph.write_bytes(data)
    with pytest.raises(BundleDamaged, match=r"model\.onnx"):
        open_engine(copy.path, backend="fake", decoders=1)


@pytest.mark.parametrize("name", ["openvino", "onnxruntime", "torch"])
def test_an_engine_tells_the_known_from_the_strange(tiny_bundle, scene, name):
    with open_engine(tiny_bundle.path, backend=name, device="cpu", decoders=1, threads=1) as engine:
        for kind in tiny_bundle.labels:
            verdict = engine.judge_one(scene(kind, 500))
            assert (verdict.decision, verdict.tags[0].label) == (Decision.ACCEPTED, kind)
            assert verdict.backend == name
        assert engine.judge_one(scene("orchid", 500)).reason is Reason.OUT_OF_DISTRIBUTION


def test_an_engine_that_will_not_open_leaves_no_process_behind(tiny_bundle):
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(BackendMissing):
        open_engine(tiny_bundle.path, backend="abacus", decoders=2)
    assert set(psutil.Process().children(recursive=True)) <= before
