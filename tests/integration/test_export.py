"""``shoebox model export`` and ``bench`` with a small real model."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from typer.testing import Result

from model.bundle import Bundle
from model.opening import open_engine
from model.verdict import Decision

Run = Callable[..., Result]
Scene = Callable[..., bytes]
ENOUGH = 400


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    """A ZIP with as many scenes as int8 needs."""
    path = tmp_path_factory.mktemp("photos") / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(ENOUGH):
            archive.writestr(f"{n}.jpg", scene(("sunset", "forest", "sea")[n % 3], 3000 + n, 96, 80))
    return path


@pytest.fixture(scope="module")
def dark() -> bytes:
    """A picture of almost nothing."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 6, (80, 96, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def words(found: Result) -> str:
    return " ".join(f"{found.stdout} {found.stderr}".split())


def reference(bundle: Bundle) -> tuple[Any, Any]:
    known = load_file(bundle.path / "reference.safetensors")
    return known["inputs"], known["logits"]


def test_an_onnx_file_is_the_bundles_graph(model_command: Run, tiny_bundle: Bundle, tmp_path: Path) -> None:
    found = model_command("export", str(tiny_bundle.path), "--to", "onnx")
    assert found.exit_code == 0 and "tiny-1.onnx" in found.stdout
    inputs, logits = reference(tiny_bundle)
    session = onnxruntime.InferenceSession(tmp_path / "tiny-1.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["logits"], {"pixels": inputs})[0], logits, atol=0.01)
    again = model_command("export", str(tiny_bundle.path), "--to", "onnx")
    assert again.exit_code == 2 and "tiny-1.onnx is there already" in words(again)
    found = model_command("export", str(tiny_bundle.path), "--to", "onnx", "--out", "new/other.onnx", "--json")
    told = json.loads(found.stdout)
    assert told["bytes"] == (tmp_path / "new" / "other.onnx").stat().st_size and told["to"] == "onnx"


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_a_torchscript_file_answers_alike_and_says_what_it_is(
    model_command: Run, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    found = model_command("export", str(tiny_bundle.path), "--to", "torchscript", "--out", str(tmp_path))
    assert found.exit_code == 0 and "holds pickles" in words(found)
    inputs, logits = reference(tiny_bundle)
    network = torch.jit.load(str(tmp_path / "tiny-1.pt"))
    with torch.inference_mode():
        np.testing.assert_allclose(network(torch.from_numpy(inputs))[0].numpy(), logits, atol=0.01)


def test_openvinos_own_files_answer_alike(model_command: Run, tiny_bundle: Bundle, tmp_path: Path) -> None:
    found = model_command("export", str(tiny_bundle.path), "--to", "openvino", "--out", str(tmp_path))
    assert found.exit_code == 0 and "tiny-1.xml and tiny-1.bin" in words(found)
    inputs, logits = reference(tiny_bundle)
    compiled = openvino.Core().compile_model(tmp_path / "tiny-1.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled(inputs)["logits"], logits, atol=0.02)
    (tmp_path / "tiny-1.xml").unlink()
    again = model_command("export", str(tiny_bundle.path), "--to", "openvino", "--out", str(tmp_path))
    assert again.exit_code == 2 and "tiny-1.bin is there already" in words(again)


def test_nothing_is_put_into_a_bundle(model_command: Run, tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_bundle.path, copy)
    for to, name in (("torchscript", "x.pt"), ("openvino", "x.xml"), ("onnx", "deeper/x.onnx")):
        found = model_command("export", str(tiny_bundle.path), "--to", to, "--out", str(copy / name))
        assert found.exit_code == 4 and "is a bundle: nothing is put into it" in words(found)
    assert Bundle.open(copy) and sorted(p.name for p in copy.iterdir()) == sorted(
        p.name for p in tiny_bundle.path.iterdir()
    )


def test_wrong_words_are_explained(model_command: Run, tiny_bundle: Bundle, tmp_path: Path) -> None:
    tiny = str(tiny_bundle.path)
    for arguments, says in (
        ([tiny, "--to", "int8"], "--photos PHOTOS"),
        ([tiny, "--to", "int8", "--photos", "nowhere"], "neither a folder nor a ZIP"),
        ([tiny, "--to", "int8", "--photos", ".", "--out", "x"], "--out has no meaning with --to int8"),
        ([tiny, "--to", "onnx", "--photos", "."], "--photos has no meaning with --to onnx"),
        ([tiny, "--to", "onnx", "--version", "2"], "--version has no meaning"),
        ([tiny, "--to", "onnx", "--out", "model.pt"], "--to onnx writes a .onnx file"),
    ):
        found = model_command("export", *arguments)
        assert found.exit_code == 2 and says in words(found), words(found)
    assert model_command("export", "nobody", "--to", "onnx").exit_code == 1


def test_int8_becomes_a_new_version_that_judges_alike(
    model_command: Run, tiny_bundle: Bundle, photos: Path, scene: Scene
) -> None:
    model_command("add", str(tiny_bundle.path))
    made = model_command("export", "tiny", "--to", "int8", "--photos", str(photos))
    assert made.exit_code == 0, words(made)
    assert "tiny@2 is here, with int8 arithmetic" in words(made) and "model promote tiny@2" in words(made)
    assert "of 200 photos the same label" in words(made)
    shown = json.loads(model_command("show", "tiny@2", "--json").stdout)
    assert any(one["passed"] and one["photos"] == 200 for one in shown["figures"]["parity"].values())
    passed = next(name for name, one in shown["figures"]["parity"].items() if one["passed"])
    models = json.loads(model_command("list", "--json").stdout)["models"]
    assert [(m["version"], m["current"]) for m in models if m["name"] == "tiny"] == [("1", True), ("2", False)]
    path = next(m["path"] for m in models if (m["name"], m["version"]) == ("tiny", "2"))
    with open_engine(Path(path), passed, decoders=1, threads=1) as engine:
        verdict = engine.judge_one(scene("sea", 900))
    assert verdict.decision is Decision.ACCEPTED and verdict.tags[0].label == "sea"
    taken = model_command("export", "tiny", "--to", "int8", "--photos", str(photos), "--version", "2")
    assert taken.exit_code == 4 and "there is a model tiny@2 already" in words(taken)


def test_int8_is_refused_in_words_when_photos_are_few_or_do_not_agree(
    model_command: Run, tiny_bundle: Bundle, photos: Path, scene: Scene, dark: bytes, tmp_path: Path
) -> None:
    (tmp_path / "few").mkdir()
    with zipfile.ZipFile(photos) as archive:
        for name in archive.namelist()[:5]:
            (tmp_path / "few" / name).write_bytes(archive.read(name))
    model_command("add", str(tiny_bundle.path))
    few = model_command("export", "tiny", "--to", "int8", "--photos", "few")
    assert few.exit_code == 4 and "at least 400 readable photos" in words(few) and "here are 5" in words(few)
    # In the order that `squares` reads, night comes first: ranges of the dark are far too narrow for the day.
    night = set(np.random.default_rng(0).permutation(ENOUGH)[:200].tolist())
    with zipfile.ZipFile(tmp_path / "night.zip", "w") as archive:
        for n in range(ENOUGH):
            archive.writestr(f"{n:03}.png", dark if n in night else scene(("sunset", "sea")[n % 2], 3000 + n, 96, 80))
    apart = model_command("export", "tiny", "--to", "int8", "--photos", "night.zip")
    assert apart.exit_code == 4 and "int8 does not judge as float32 does: onnxruntime-int8 gives" in words(apart)
    assert "nothing was written" in words(apart)
    assert [
        m["version"] for m in json.loads(model_command("list", "--json").stdout)["models"] if m["name"] == "tiny"
    ] == ["1"]


def test_bench_measures_each_backend_and_compares_it(model_command: Run, tiny_bundle: Bundle, photos: Path) -> None:
    tiny, names = str(tiny_bundle.path), ("openvino-fp32", "onnxruntime", "openvino-int8")
    chosen = [word for name in names for word in ("--backend", name)]
    found = model_command("bench", tiny, *chosen, "--photos", str(photos), "--threads", "1", "--batch", "4", "--json")
    assert found.exit_code == 0, words(found)
    told = json.loads(found.stdout)
    rows = {row["backend"]: row for row in told["backends"]}
    assert (told["model"], told["batch"], tuple(rows)) == ("tiny", 4, names)
    for name in names[:2]:
        assert rows[name]["median"] > 0 and rows[name]["speedup"] >= 1
        assert rows[name]["parity"]["pictures"] == ENOUGH and rows[name]["parity"]["passed"]
    assert sum(row["fastest"] for row in rows.values()) == 1
    assert "no int8 graph" in rows["openvino-int8"]["problem"]
    table = model_command("bench", tiny, *chosen, "--threads", "1")
    assert table.exit_code == 0
    assert all(name in table.stdout for name in names)
    assert "Fastest here: o" in table.stdout and "on 64 pictures" in words(table)
    wrong = model_command("bench", tiny, "--backend", "abacus")
    assert wrong.exit_code == 2 and "there is no backend called abacus" in words(wrong)
    nowhere = model_command("bench", tiny, "--photos", "nowhere")
    assert nowhere.exit_code == 2
