"""``shoebox model add`` with networks in the hub's layout: small ones of timm with random weights."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from typer.testing import Result

from model.backends.choose import open_backend
from model.bundle import Bundle
from model.novelty import gen
from model.opening import open_engine
from model.selfcheck import check
from model.train.adopt_labels import labels_of
from model.train.adopt_lines import FEWEST, default, even
from model.verdict import Decision, Reason

Run = Callable[..., Result]
Scene = Callable[..., bytes]
ROOT = Path(__file__).parents[2]


def save(folder: Path, architecture: str, classes: int, size: int = 64, **config: Any) -> Path:
    """A network as `timm.models.save_for_hf` saves one, that reads ``size`` pixels and is sure of what it says."""
    torch.manual_seed(3)
    network = timm.create_model(architecture, num_classes=classes).eval()
    with torch.no_grad():
        network.get_classifier().weight.mul_(40)
    about = {"input_size": [3, size, size], "mean": [0.4, 0.5, 0.6], "std": [0.3, 0.25, 0.2], "license": "mit"}
    timm.models.save_for_hf(network, folder, model_config={"pretrained_cfg": about, **config}, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders: ``thousand`` classes without names, ``named`` three, and ``looker``, a transformer with two."""
    root = tmp_path_factory.mktemp("networks")
    save(root / "thousand", "test_efficientnet", 1000)
    save(root / "Named Net", "test_efficientnet", 3, label_names=["sky", "sea", "sky"])
    save(root / "looker", "test_vit", 2, size=160)
    return root


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    """A ZIP of 60 drawn scenes and one file that is no picture."""
    path = tmp_path_factory.mktemp("photos") / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(60):
            archive.writestr(f"day {n % 3}/{n}.jpg", scene(("sunset", "forest", "sea")[n % 3], 700 + n))
        archive.writestr("broken.jpg", b"no picture")
    return path


@pytest.fixture
def run(model_command: Run) -> Run:
    """``run(source, …)`` is ``shoebox model add source …`` on an empty data directory."""
    return partial(model_command, "add")


def words(found: Result) -> str:
    return " ".join(f"{found.stdout} {found.stderr}".split())


def test_a_thousand_classes_get_imagenets_words_and_categories_and_the_default_lines(
    run: Run, networks: Path, scene: Scene
) -> None:
    added = run(str(networks / "thousand"), "--json", "--promote")
    assert added.exit_code == 0, words(added)
    told = json.loads(added.stdout)
    assert (told["name"], told["version"], told["labels"], told["default"]) == ("thousand", "1", 1000, True)
    assert told["figures"]["calibration"] == {"default": True}
    bundle = Bundle.open(Path(told["path"]))
    assert bundle.labels[0] == "tench" and bundle.parents["tench"] == "fish"
    assert (bundle.input_size, bundle.mean, bundle.std) == (64, (0.4, 0.5, 0.6), (0.3, 0.25, 0.2))
    assert (bundle.temperature, bundle.statistics, bundle.licence) == (1.0, None, "mit")
    assert bundle.thresholds == default(1000).thresholds
    card = (bundle.path / "card.md").read_text()
    assert "has not been calibrated" in card and "WordNet" in card
    with open_engine(bundle.path, "openvino", decoders=1, threads=1) as engine:
        verdict = engine.judge_one(scene("forest", 1))
    assert verdict.decision in (Decision.ACCEPTED, Decision.REJECTED)
    assert verdict.reason in (None, Reason.LOW_CONFIDENCE, Reason.OUT_OF_DISTRIBUTION)
    assert verdict.scores["novelty"].threshold == bundle.thresholds.gen_normal
    for name in ("torch", "onnxruntime"):
        backend = open_backend(name, bundle, "cpu", 1)
        check(backend, bundle)
        backend.close()


def test_own_photos_set_the_lines(run: Run, networks: Path, photos: Path, scene: Scene) -> None:
    added = run(str(networks / "Named Net"), "--calibrate", str(photos))
    assert added.exit_code == 0, words(added)
    assert "named-net@1 is here, with 3 tags: It knows: sky (0), sea, sky (2)." in words(added)
    assert "of your 60 photos its guards take" in words(added) and "with 200 photos or more" in words(added)
    assert "looking at your photos: 61" in added.stderr
    again = run(str(networks / "Named Net"), "--name", "skies", "--calibrate", str(photos), "--json")
    told = json.loads(again.stdout)
    found = told["figures"]["calibration"]
    assert (found["photos"], found["unreadable"]) == (60, 1)
    assert 0.95 <= found["accepted"] <= 0.99 and 0.9 <= found["accepted_strict"] <= found["accepted"]
    bundle = Bundle.open(Path(told["path"]))
    assert bundle.statistics is not None and bundle.temperature == 1.0
    limits = bundle.thresholds
    assert limits.gen_strict is not None and limits.gen_normal is not None and limits.gen_strict <= limits.gen_normal
    assert "60 photos of the person who added it" in (bundle.path / "card.md").read_text()
    with (
        open_engine(bundle.path, "openvino-fp32", decoders=1, threads=1) as engine,
        zipfile.ZipFile(photos) as archive,
    ):
        verdicts = [engine.judge_one(archive.read(name)) for name in archive.namelist()[:60]]
        noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
        assert engine.judge_one(as_png(noise)).reason is Reason.UNNATURAL_STATISTICS
    strange = sum(v.reason in (Reason.OUT_OF_DISTRIBUTION, Reason.UNNATURAL_STATISTICS) for v in verdicts)
    assert abs(1 - strange / 60 - found["accepted"]) <= 1 / 60
    assert any(v.decision is Decision.ACCEPTED and v.tags[0].label in bundle.labels for v in verdicts)


def as_png(pixels: np.ndarray[Any, Any]) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_transformer_and_the_next_version(run: Run, networks: Path) -> None:
    first = run(str(networks / "looker"), "--version", "7")
    assert first.exit_code == 0, words(first)
    assert "looker@7 is here, with 2 tags: It knows 2 classes whose names it does not say." in words(first)
    taken = run(str(networks / "looker"), "--version", "7")
    assert taken.exit_code == 4 and "there is a model looker@7 already" in words(taken)
    assert json.loads(run(str(networks / "looker"), "--json").stdout)["version"] == "8"


def test_from_the_hubs_cache_without_a_network(tmp_path: Path, networks: Path) -> None:
    cache = tmp_path / "cache"
    for repository, files in (
        ("timm--test_efficientnet.r160_in1k", ("config.json", "model.safetensors", "README.md")),
        ("ann--pickled", ("config.json", "pytorch_model.bin")),
        ("ann--half", ("config.json",)),
    ):
        folder = cache / f"models--{repository}" / "snapshots" / ("0" * 39 + "7")
        folder.mkdir(parents=True)
        (folder.parents[1] / "refs").mkdir()
        (folder.parents[1] / "refs" / "main").write_text(folder.name)
        config = json.loads((networks / "thousand" / "config.json").read_text())
        del config["pretrained_cfg"]["license"]
        contents = {
            "config.json": json.dumps(config).encode(),
            "model.safetensors": (networks / "thousand" / "model.safetensors").read_bytes(),
            "README.md": b"---\ntags:\n- timm\nlicense: apache-2.0\n---\n# A model\n",
            "pytorch_model.bin": b"never opened",
        }
        for name in files:
            (folder / name).write_bytes(contents[name])
    code = """
import json, sys
from typer.testing import CliRunner
from cli.main import app
def add(*words):
    found = CliRunner().invoke(app, ["model", "add", *words])
    return [found.exit_code, " ".join(found.stderr.split())]
names = ("hub:test_efficientnet", "hub:ann/pickled", "hub:ann/half", "hub:ann/absent", "hub:a b", "hub:resnet5000")
print(json.dumps({name: add(name) for name in names}))
"""
    env = os.environ | {
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "SHOEBOX_DATA_DIR": str(tmp_path / "home"),
        "SHOEBOX_MODEL": "",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["hub:test_efficientnet"][0] == 0, said
    bundle = Bundle.open(tmp_path / "home" / "models" / "test_efficientnet.r160_in1k@1")
    assert bundle.licence == "apache-2.0"
    assert bundle.figures["origin"] == "timm/test_efficientnet.r160_in1k on the hub, revision 000000000000"
    for name, says in (
        ("hub:ann/pickled", "holds its weights as pytorch_model.bin: pickled weights can run code"),
        ("hub:ann/half", "ann/half could not be fetched"),
        ("hub:ann/absent", "It needs a network, or the hub's cache (HF_HUB_CACHE)"),
        ("hub:a b", "no pretrained network called a b"),
        ("hub:resnet5000", "no pretrained network called resnet5000"),
    ):
        code_, text = said[name]
        assert code_ == 2 and says in text, text


def test_what_cannot_be_adopted_is_said_plainly(run: Run, networks: Path, photos: Path, tmp_path: Path) -> None:
    def changed(name: str, **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        weights = networks / "Named Net" / "model.safetensors"
        config = json.loads((networks / "Named Net" / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))
        (folder / "model.safetensors").write_bytes(weights.read_bytes())
        return folder

    def without_weights(name: str, *files: str) -> Path:
        folder = changed(name)
        (folder / "model.safetensors").unlink()
        for file in files:
            (folder / file).write_bytes(b"never opened")
        return folder

    damaged = changed("damaged")
    (damaged / "model.safetensors").write_bytes((damaged / "model.safetensors").read_bytes()[:-9])
    garbled = changed("garbled")
    (garbled / "config.json").write_text("{")
    cfg = json.loads((networks / "Named Net" / "config.json").read_text())["pretrained_cfg"]
    cases = [
        (without_weights("pickled", "pytorch_model.bin"), "pytorch_model.bin: pickled weights can run code"),
        (without_weights("other", "net.pth"), "net.pth: pickled weights"),
        (without_weights("bare"), "bare has no model.safetensors"),
        (changed("unknown", architecture="resnet5000"), "names the architecture 'resnet5000', which this timm"),
        (changed("unlike", architecture="test_resnet"), "does not load as test_resnet"),
        (changed("classes", num_classes=4, model_args={"num_classes": 4}), "does not load as test_efficientnet"),
        (changed("odd", pretrained_cfg=cfg | {"input_size": [3, 64, 96]}), "Shoebox shows networks RGB squares"),
        (changed("own", pretrained_cfg=cfg | {"custom_load": True}), "needs a loader of its own"),
        (damaged, "damaged"),
        (garbled, "config.json of garbled does not describe"),
    ]
    for folder, says in cases:
        found = run(str(folder))
        assert found.exit_code == 2 and says in words(found), (folder.name, words(found))
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "one.jpg").write_bytes(zipfile.ZipFile(photos).read("day 0/0.jpg"))
    (tmp_path / "few" / "two.jpg").write_bytes(b"no picture")
    few = run(str(networks / "Named Net"), "--calibrate", str(tmp_path / "few"))
    assert few.exit_code == 2
    assert f"at least {FEWEST} readable photos" in words(few) and "few has 1; 1 could not be read" in words(few)
    nowhere = run(str(networks / "Named Net"), "--calibrate", str(tmp_path / "nowhere"))
    assert nowhere.exit_code == 2 and "neither a folder nor a ZIP" in words(nowhere)
    assert list((tmp_path / "home").glob("models/*")) == []


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_the_default_lines_mean_the_same_for_any_number_of_classes(classes: int) -> None:
    """Nothing whose first label has 80 % (strict: 90 %) is refused; what is spread over everything is."""
    limits = default(classes).thresholds
    assert limits.gen_normal is not None and limits.gen_strict is not None
    assert limits.gen_strict < limits.gen_normal
    random = np.random.default_rng(classes)
    for line, first in ((limits.gen_normal, 0.8), (limits.gen_strict, 0.9)):
        assert line == even(first, classes)
        rest = np.exp(random.normal(size=(500, classes - 1)) * random.uniform(0, 4, (500, 1)))
        rest *= random.uniform(0, 1 - first, (500, 1)) / rest.sum(axis=1, keepdims=True)
        sure = np.hstack([1 - rest.sum(axis=1, keepdims=True), rest]).astype(np.float32)
        assert gen(sure).max() <= line + 1e-3
    wide = np.full((1, classes), 1 / classes, np.float32)
    if classes <= 100:
        assert gen(wide)[0] > limits.gen_normal


def test_labels_of_every_kind_of_config() -> None:
    assert labels_of({}, 3).names == ("class 0", "class 1", "class 2")
    assert labels_of({"label_names": {"0": "a", "1": "b"}}, 2).names == ("a", "b")
    assert labels_of({"pretrained_cfg": {"label_names": ["a", "b"]}}, 2).names == ("a", "b")
    assert labels_of({"label_names": ["a"]}, 2).names == ("class 0", "class 1")
    synsets = [f"n{number:08}" for number in range(1000)]
    assert labels_of({"label_names": synsets}, 1000).names[1] == "goldfish"
    own = [f"part {number}" for number in range(1000)]
    assert (
        labels_of({"label_names": own}, 1000).names == tuple(own) and not labels_of({"label_names": own}, 1000).parents
    )
