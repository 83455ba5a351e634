"""``shoebox model list``, ``show``, ``add``, ``promote`` and ``remove`` with bundles on disk."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from model.automatic import quickest
from model.bundle import BUILT_IN, Bundle, seal
from model.bundle_write import write_bundle

Run = Callable[..., Result]
Make = Callable[..., Path]


@pytest.fixture
def make(tiny_bundle: Bundle, tmp_path: Path) -> Make:
    """``make(version, name)``: a bundle that somebody sent."""

    def bundle(version: str = "1", name: str = "tiny") -> Path:
        files = {file: tiny_bundle.path / file for file in tiny_bundle.files}
        manifest = tiny_bundle.manifest(name=name, version=version)
        return write_bundle(tmp_path / "sent" / f"{name}-{version}", manifest, files).path

    return bundle


def listed(model_command: Run) -> list[tuple[Any, ...]]:
    return [
        (m["name"], m["version"], m["current"], m["default"], m["built_in"])
        for m in json.loads(model_command("list", "--json").stdout)["models"]
        if m["name"] in ("tiny", "scenes")
    ]


def words(found: Result) -> str:
    return " ".join(f"{found.stdout} {found.stderr}".split())


def test_the_life_of_a_model(model_command: Run, make: Make, tmp_path: Path) -> None:
    added = model_command("add", str(make("1")))
    assert added.exit_code == 0 and "tiny@1 is here, with 3 tags" in added.stdout
    assert json.loads(model_command("add", str(make("2")), "--json").stdout)["current"] is False
    scenes = ("scenes", Bundle.open(BUILT_IN / "scenes").version, True, True, True)
    assert listed(model_command) == [scenes, ("tiny", "1", True, False, False), ("tiny", "2", False, False, False)]

    promoted = model_command("promote", "tiny@2", "--no-default")
    assert promoted.exit_code == 0 and "or for no model" not in promoted.stdout
    assert listed(model_command)[1:] == [("tiny", "1", False, False, False), ("tiny", "2", True, False, False)]
    assert json.loads(model_command("promote", "tiny@2", "--json").stdout) == {
        "name": "tiny",
        "version": "2",
        "current": True,
        "default": True,
    }
    assert ("tiny", "2", True, True, False) in listed(model_command)
    assert "default, current" in words(model_command("list"))

    refused = model_command("remove", "tiny", "--yes")
    assert refused.exit_code == 4 and "promote another model before" in words(refused)
    gone = model_command("remove", "tiny@1", "--yes")
    assert gone.exit_code == 0 and "tiny@1 is gone; tiny now means version 2" in gone.stdout
    assert not (tmp_path / "home" / "models" / "tiny@1").exists()
    assert model_command("promote", "scenes").exit_code == 0
    assert json.loads(model_command("remove", "tiny", "--yes", "--json").stdout)["version"] == "2"
    assert listed(model_command) == [scenes]


def test_a_model_is_shown_by_name_version_or_folder_and_the_default_without(model_command: Run, make: Make) -> None:
    path = make("7")
    model_command("add", str(path), "--promote")
    for name in (["tiny"], ["tiny@7"], [str(path)], []):
        found = model_command("show", *name)
        assert found.exit_code == 0 and "A model for tests." in found.stdout
    facts = json.loads(model_command("show", "tiny@7", "--json").stdout)
    assert (facts["version"], facts["labels"]) == ("7", ["sunset", "forest", "sea"])
    missing = model_command("show", "tiny@8")
    assert missing.exit_code == 1 and "no model is called 'tiny@8'" in words(missing)


def test_the_setting_wins_over_a_promotion_and_says_so(
    model_command: Run, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_command("add", str(make("1")))
    monkeypatch.setenv("SHOEBOX_MODEL", "scenes")
    found = model_command("promote", "tiny")
    assert found.exit_code == 0 and "still go to scenes: SHOEBOX_MODEL says so" in words(found)


def test_a_name_and_a_version_of_ones_own(model_command: Run, make: Make) -> None:
    path = make("1")
    model_command("add", str(path), "--name", "skies", "--version", "2024-a")
    assert json.loads(model_command("show", "skies@2024-a", "--json").stdout)["name"] == "skies"
    again = model_command("add", str(make("1", "skies")), "--version", "2024-a")
    assert again.exit_code == 4 and "there is a model skies@2024-a already" in words(again)
    for option, wrong in (("--name", "Two words"), ("--name", "../up"), ("--version", "a/b")):
        assert model_command("add", str(path), option, wrong).exit_code == 2


def flip(folder: Path, file: str) -> None:
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(data)


def reseal(folder: Path, **changes: Any) -> None:
    """What somebody does who knows how bundles are sealed, and not what must fit."""
    facts = json.loads((folder / "bundle.json").read_text()) | changes
    (folder / "bundle.json").write_text(json.dumps(facts | {"seal": seal(facts)}))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda at: flip(at, "model.onnx"), "model.onnx"),
        (lambda at: flip(at, "weights.safetensors"), "weights.safetensors"),
        (lambda at: flip(at, "bundle.json"), "bundle.json"),
        (lambda at: (at / "novelty.safetensors").unlink(), "novelty.safetensors"),
        (lambda at: (at / "pytorch_model.bin").write_bytes(b""), "pytorch_model.bin"),
        (lambda at: (at / "model.pkl").write_bytes(b""), "model.pkl"),
        (lambda at: reseal(at, labels=["sunset", "forest"]), "reference.safetensors"),
        (lambda at: reseal(at, labels=[]), "two labels"),
        (lambda at: reseal(at, labels=None), "bundle.json"),
        (lambda at: reseal(at, input_size=96), "reference.safetensors"),
        (lambda at: reseal(at, files={"../secret": "0" * 64}), "bundle.json"),
    ],
    ids=["graph", "weights", "manifest", "gone", "bin", "pickle", "labels", "no labels", "null", "shape", "outside"],
)
def test_a_damaged_or_foreign_bundle_is_refused_by_file_name(
    model_command: Run, make: Make, harm: Callable[[Path], Any], says: str, tmp_path: Path
) -> None:
    path = make("1")
    harm(path)
    refused = model_command("add", str(path), "--promote")
    assert refused.exit_code == 4
    assert says in words(refused)
    assert not list((tmp_path / "home").glob("models/*"))


def test_what_is_no_model_at_all_is_said(model_command: Run, tmp_path: Path, make: Make) -> None:
    (tmp_path / "empty").mkdir()
    for source, says in (
        ("nowhere", "there is no folder nowhere"),
        ("timm/resnet18", "for the hub say hub:timm/resnet18"),
        ("empty", "no config.json"),
    ):
        found = model_command("add", source)
        assert found.exit_code == 2 and says in words(found)
    found = model_command("add", str(make("1")), "--calibrate", "empty")
    assert found.exit_code == 2 and "has its own calibration" in words(found)


def test_list_tells_of_problems_in_words(model_command: Run, make: Make, tmp_path: Path) -> None:
    model_command("add", str(make("1")))
    model_command("add", str(make("2")))
    flip(tmp_path / "home" / "models" / "tiny@1", "card.md")
    (tmp_path / "home" / "models" / "broken").mkdir()
    (tmp_path / "home" / "models" / "broken" / "bundle.json").write_text("{")
    found = model_command("list")
    assert found.exit_code == 1
    assert "card.md" in found.stdout
    assert "broken: the model file bundle.json" in words(found)
    as_json = json.loads(model_command("list", "--json").stdout)
    assert [Path(problem["path"]).name for problem in as_json["problems"]] == ["broken"]
    assert ["error" in model for model in as_json["models"] if model["name"] == "tiny"] == [True, False]
    assert model_command("promote", "tiny@1").exit_code == 4
    shutil.rmtree(tmp_path / "home" / "models" / "broken")
    (tmp_path / "home" / "models" / "current.json").write_text('{"default": "gone", "versions": {}}')
    assert "the default, gone, is not here" in words(model_command("list"))


def test_removing_asks_on_a_terminal_and_elsewhere_wants_to_be_told(
    model_command: Run, make: Make, tmp_path: Path
) -> None:
    model_command("add", str(make("1")))
    untold = model_command("remove", "tiny")
    assert untold.exit_code == 2 and "--yes" in words(untold)
    code = "from cli.main import run; run()"
    for answer, left in ((b"n\n", 1), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        os.write(ours, answer)
        done = subprocess.run(
            [sys.executable, "-c", code, "model", "remove", "tiny"],
            stdin=theirs,
            capture_output=True,
            cwd=Path(__file__).parents[2],
            timeout=60,
        )
        os.close(ours)
        os.close(theirs)
        assert b"Delete tiny@1 in" in done.stderr
        assert done.returncode == left
        assert len(list((tmp_path / "home" / "models").glob("tiny*"))) == left
    refused = model_command("remove", "scenes")
    assert refused.exit_code == 4 and "came with Shoebox" in words(refused)


def test_doctor_looks_at_the_promoted_model(model_command: Run, make: Make, tmp_path: Path) -> None:
    model_command("add", str(make("3")), "--promote")

    def about(part: str = "model") -> Any:
        found = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
        return next(each for each in found if each["part"] == part)

    assert "auto (here: measured when a worker first opens the model)" in about("backend")["detail"]
    added = Bundle.open(tmp_path / "home" / "models" / "tiny@3")
    best = quickest(added, memory=tmp_path / "home" / "backends.json")
    assert f"auto (here: {best})" in about("backend")["detail"]

    assert about()["ok"] and about()["detail"].startswith("tiny, version 3")
    shutil.rmtree(tmp_path / "home" / "models" / "tiny@3")
    assert not about()["ok"] and about()["mend"] == "shoebox model promote NAME"
    assert "auto (here: depends on the model)" in about("backend")["detail"]
