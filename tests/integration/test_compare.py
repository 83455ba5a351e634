"""``shoebox model compare``: two real models that differ in a known way, on the same drawn photos."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from model.bundle import Bundle, Manifest
from model.bundle_write import write_bundle

Scene = Callable[..., bytes]
EACH = 10


@pytest.fixture(scope="module")
def confused(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny model as a version 0 that takes forest for sea and sea for forest."""
    manifest = tiny_bundle.manifest(version="0", labels=("sunset", "sea", "forest"))
    return copy(tiny_bundle, manifest, tmp_path_factory.mktemp("old") / "tiny@0")


def copy(bundle: Bundle, manifest: Manifest, folder: Path) -> Bundle:
    return write_bundle(folder, manifest, {name: bundle.path / name for name in bundle.files})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    """Photos in folders, one of them no picture; and noise that no model should accept."""
    root, random = tmp_path_factory.mktemp("data"), np.random.default_rng(3)
    for kind in ("sunset", "forest", "sea"):
        (root / "photos" / kind).mkdir(parents=True)
        for n in range(EACH):
            (root / "photos" / kind / f"{n}.jpg").write_bytes(scene(kind, 5000 + n))
    (root / "photos" / "sea" / "broken.jpg").write_bytes(b"no picture")
    (root / "noise").mkdir()
    for n in range(6):
        Image.fromarray(random.integers(0, 256, (120, 160, 3), dtype=np.uint8)).save(root / "noise" / f"{n}.png")
    return root


def run(old: Bundle, new: Bundle, data: Path, *more: str) -> dict[str, Any]:
    ran = CliRunner().invoke(
        app,
        ["model", "compare", str(old.path), str(new.path), str(data), "--backend", "onnxruntime", "--json", *more],
    )
    assert ran.exit_code == 0, ran.output
    return dict(json.loads(ran.stdout))


def test_a_better_model_is_recommended_with_its_reasons(
    tiny_bundle: Bundle, confused: Bundle, data: Path, tmp_path: Path
) -> None:
    page = tmp_path / "pages" / "compare.html"
    found = run(confused, tiny_bundle, data / "photos", "--ood", str(data / "noise"), "--out", str(page))

    old, new, tests = found["old"], found["new"], found["tests"]
    assert (old["version"], new["version"], found["data"]["photos"]) == ("0", "1", 3 * EACH)
    assert new["accuracy"] >= 0.9 and old["accuracy"] <= 0.4
    assert tests["right"]["gained"] == len(found["fixed"]) >= 2 * EACH - 2
    assert found["broken"] == [] and tests["right"]["lost"] == 0
    assert tests["right"]["raised"] < 0.001
    assert found["per_label"]["sunset"]["old_f1"] == found["per_label"]["sunset"]["new_f1"]
    assert found["per_label"]["sea"]["new_f1"] > 0.9 > found["per_label"]["sea"]["old_f1"]
    assert found["outside"]["noise"] == {"pictures": 6, "old_refused": 1.0, "new_refused": 1.0}
    assert tests["refused"]["chance"] == 1.0
    assert [each["name"] for each in found["data"]["lost"]] == ["sea/broken.jpg"]
    assert found["verdict"] == "better"
    assert {photo["label"] for photo in found["fixed"]} == {"forest", "sea"}
    text = page.read_text()
    assert text.count("data:image/jpeg;base64") == len(found["fixed"])
    assert "Only pictures on which the models differ" in text and "sea/broken.jpg" in text


def test_the_words_name_what_to_do(tiny_bundle: Bundle, confused: Bundle, data: Path) -> None:
    def said(old: Bundle, new: Bundle) -> str:
        arguments = ["model", "compare", str(old.path), str(new.path), str(data / "photos"), "--backend", "onnxruntime"]
        return " ".join(CliRunner().invoke(app, arguments).stdout.split())

    better = said(confused, tiny_bundle)
    assert "The new model is better on 30 photos" in better
    assert "model promote tiny@1" in better
    assert "fixed: " in better and "sea, now forest (is forest)" in better
    assert "1 file could not be judged and left out: sea/broken.jpg" in better
    worse = said(tiny_bundle, confused)
    assert "The new model is worse on 30 photos" in worse
    assert "Keep tiny 1." in worse
    assert "promote" not in worse


def test_no_difference_is_called_none(tiny_bundle: Bundle, data: Path, tmp_path: Path) -> None:
    twin = copy(tiny_bundle, tiny_bundle.manifest(version="2"), tmp_path / "twin")

    found = run(tiny_bundle, twin, data / "photos")

    assert found["verdict"] == "same"
    assert "no difference that these 30 photos could show" in str(found["sentence"])
    assert {test["gained"] + test["lost"] for test in found["tests"].values()} == {0}


def test_a_gain_that_costs_something_is_no_recommendation(tiny_bundle: Bundle, data: Path, tmp_path: Path) -> None:
    """A model that accepts everything tags more photos, and lets strange pictures through."""
    shy = replace(tiny_bundle.thresholds, confidence=0.9999)
    old = copy(tiny_bundle, tiny_bundle.manifest(version="2", thresholds=shy), tmp_path / "shy")
    bold = replace(tiny_bundle.thresholds, confidence=0.0, novelty_normal=1e9)
    new = copy(tiny_bundle, tiny_bundle.manifest(version="3", thresholds=bold, statistics=None), tmp_path / "bold")
    strange = data / "photos" / "sunset"

    found = run(old, new, data / "photos", "--ood", str(data / "noise"), "--ood", str(strange))

    assert found["old"]["accuracy"] == found["new"]["accuracy"]
    assert found["tests"]["tagged"]["gained"] > 10
    assert found["tests"]["refused"]["lost"] >= 10
    assert found["verdict"] == "mixed"
    assert "look at the photos and decide" in str(found["sentence"])


def test_a_label_that_the_old_model_lacks_counts_against_it(tiny_bundle: Bundle, data: Path, tmp_path: Path) -> None:
    manifest = tiny_bundle.manifest(version="0", labels=("sunset", "forest", "lake"))
    old = copy(tiny_bundle, manifest, tmp_path / "old")

    found = run(old, tiny_bundle, data / "photos")

    assert found["old"]["unknown_labels"] == ["sea"]
    assert found["new"]["unknown_labels"] == []
    assert {photo["old"] for photo in found["fixed"]} == {"lake"}


def test_what_cannot_be_compared_is_said(tiny_bundle: Bundle, data: Path, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.jpg").write_bytes(b"x")
    tiny = str(tiny_bundle.path)
    for arguments, words in (
        ([tiny, tiny, str(data / "photos")], "are the same model"),
        ([tiny, "scenes", str(tmp_path / "flat")], "lie in no folders"),
        ([tiny, "scenes", str(tmp_path / "nowhere")], "neither a folder nor a ZIP"),
        ([tiny, "unheard-of", str(data / "photos")], "no model is called"),
    ):
        ran = CliRunner().invoke(app, ["model", "compare", *arguments])
        assert ran.exit_code in (1, 2)
        assert words in ran.stderr
