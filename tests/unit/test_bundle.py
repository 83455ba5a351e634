import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from model.bundle import (
    Bundle,
    BundleDamaged,
    BundleInvalid,
    BundleMissing,
    Manifest,
    Thresholds,
    seal,
)
from model.bundle_write import write_bundle
from model.selfcheck import Reference, draw

MANIFEST = Manifest(
    name="shapes",
    version="1",
    architecture="resnet10t",
    labels=("disc", "wave"),
    input_size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    interpolation="bilinear",
    temperature=1.5,
    thresholds=Thresholds(confidence=0.6, novelty_normal=3.0, novelty_strict=1.0),
    statistics=None,
    figures={"accuracy": 0.9},
    training_data="Drawn shapes.",
    licence="Apache-2.0",
    knows="It knows drawn discs and waves.",
)


def contents(labels: int = 2, size: int = 32) -> dict[str, bytes]:
    reference = Reference(draw(size, 2), np.zeros((2, labels), np.float32), 0.01)
    return {
        "weights.safetensors": save({"weight": np.ones(3, np.float16)}),
        "model.onnx": b"a graph",
        "reference.safetensors": save(reference.to_arrays()),
        "card.md": b"# Shapes\n",
    }


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "shapes", MANIFEST, contents())


def test_what_is_written_is_what_is_read(bundle):
    again = Bundle.open(bundle.path)
    assert again == bundle
    assert again.labels == ("disc", "wave")
    assert again.thresholds == MANIFEST.thresholds
    assert again.file("model.onnx") == bundle.path / "model.onnx"
    assert again.file("novelty.safetensors") is None
    assert sorted(path.name for path in bundle.path.parent.iterdir()) == ["shapes"]


@pytest.mark.parametrize("name", sorted([*contents(), "bundle.json"]))
def test_one_flipped_byte_is_refused_by_name(bundle, name):
    path = bundle.path / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleDamaged, match=name):
        Bundle.open(bundle.path)


def test_every_flipped_bit_of_the_manifest_is_noticed_or_harmless(bundle):
    path = bundle.path / "bundle.json"
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
        try:
            assert Bundle.open(bundle.path) == bundle
        except BundleDamaged as error:
            assert error.path == path


def test_a_missing_file_is_refused_by_name(bundle):
    (bundle.path / "model.onnx").unlink()
    with pytest.raises(BundleDamaged, match=r"model\.onnx"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.PT", "scaler.pkl"])
def test_a_pickle_in_the_folder_is_refused(bundle, name):
    (bundle.path / name).write_bytes(b"")
    with pytest.raises(BundleInvalid, match=name):
        Bundle.open(bundle.path)


def test_a_file_name_that_leaves_the_folder_is_refused(bundle):
    path = bundle.path / "bundle.json"
    document = json.loads(path.read_text())
    document["files"]["../secret"] = "0" * 64
    document["seal"] = seal(document)
    path.write_text(json.dumps(document))
    with pytest.raises(BundleInvalid, match="secret"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": ("disc", "wave", "line")}, "logits"),
        ({"input_size": 64}, "inputs"),
        ({"labels": ("disc", "disc")}, "twice"),
        ({"labels": ("disc",)}, "two labels"),
        ({"std": (0.5, 0.0, 0.5)}, "std"),
        ({"temperature": 0.0}, "temperature"),
        ({"thresholds": Thresholds(confidence=1.5)}, "confidence"),
        ({"name": "../up"}, "name"),
        ({"version": ""}, "version"),
    ],
)
def test_a_manifest_that_does_not_fit_is_not_written(tmp_path, changes, says):
    with pytest.raises(BundleInvalid, match=says):
        write_bundle(tmp_path / "shapes", replace(MANIFEST, **changes), contents())
    assert list(tmp_path.iterdir()) == []


def test_writing_again_replaces_the_bundle_whole(bundle):
    write_bundle(bundle.path, replace(MANIFEST, version="2"), contents())
    assert Bundle.open(bundle.path).version == "2"
    assert sorted(path.name for path in bundle.path.parent.iterdir()) == ["shapes"]


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(BundleMissing):
        Bundle.open(tmp_path)
