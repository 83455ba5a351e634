"""``auto``: the quickest backend that judges as it should, measured once and remembered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from model import automatic
from model.automatic import CANDIDATES, quickest, remembered
from model.backends.base import INT8_GRAPH
from model.bundle import Bundle
from model.bundle_write import write_bundle

PROVEN = {"parity": {name: {"passed": True} for name in ("openvino-int8", "onnxruntime-int8")}}
Quantized = Callable[..., Bundle]


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "home" / "backends.json"


@pytest.fixture
def quantized(tiny_bundle: Bundle, tmp_path: Path) -> Quantized:
    """``quantized(bias, figures)``: the tiny bundle with a graph in int8's place, one bias moved by so much."""

    def make(bias: float = 0.0, figures: dict[str, Any] = PROVEN) -> Bundle:
        graph = onnx.load(tiny_bundle.path / "model.onnx")
        [kept] = [one for one in graph.graph.initializer if one.name == "bias"]
        moved = numpy_helper.to_array(kept) + np.float32([bias, 0, 0])
        kept.CopyFrom(numpy_helper.from_array(moved.astype(np.float32), "bias"))
        files: dict[str, bytes | Path] = {name: tiny_bundle.path / name for name in tiny_bundle.files}
        files[INT8_GRAPH] = graph.SerializeToString()
        return write_bundle(tmp_path / "quantized", tiny_bundle.manifest(figures=figures), files)

    return make


def kept(memory: Path) -> list[dict[str, Any]]:
    return list(json.loads(memory.read_text()).values())


def test_the_quickest_is_measured_once_and_remembered(tiny_bundle: Bundle, memory: Path) -> None:
    assert remembered(tiny_bundle, memory) is None
    best = quickest(tiny_bundle, memory=memory)
    [found] = kept(memory)
    times = found["milliseconds"]
    assert best == found["backend"] == min(times, key=times.__getitem__)
    assert {"openvino-fp32", "onnxruntime"} <= set(times) <= set(CANDIDATES)
    assert found["model"] == "tiny 1" and found["seal"] == tiny_bundle.digest
    other = next(name for name in times if name != best)
    memory.write_text(memory.read_text().replace(f'"backend": "{best}"', f'"backend": "{other}"'))
    assert quickest(tiny_bundle, memory=memory) == other == remembered(tiny_bundle, memory), "it was not measured"
    assert not list(memory.parent.glob(".*")), "nothing half-written is left"


def test_of_two_workers_that_start_at_once_one_measures(tiny_bundle: Bundle, memory: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from model import automatic; from model.bundle import Bundle\n"
        "measure = automatic._measure\n"
        "def watched(*given):\n"
        "    with Path(sys.argv[3]).open('a') as file:\n"
        "        file.write('.')\n"
        "    time.sleep(1)\n"
        "    return measure(*given)\n"
        "automatic._measure = watched\n"
        "print(automatic.quickest(Bundle.open(Path(sys.argv[1])), memory=Path(sys.argv[2])))"
    )
    measured = tmp_path / "measured"
    given = [sys.executable, "-c", code, str(tiny_bundle.path), str(memory), str(measured)]
    both = [subprocess.Popen(given, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=60)[0] for one in both]
    assert said[0] == said[1] == f"{remembered(tiny_bundle, memory)}\n"
    assert measured.read_text() == "."


def test_what_changes_what_is_quick_is_measured_anew(
    tiny_bundle: Bundle, memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = quickest(tiny_bundle, memory=memory)
    assert remembered(tiny_bundle, memory, "cpu") == best
    assert remembered(tiny_bundle, memory, threads=1) is None
    assert remembered(tiny_bundle, memory, batch_size=8) is None
    assert remembered(replace(tiny_bundle, digest="0" * 64), memory) is None
    with monkeypatch.context() as more_cores:
        more_cores.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
        assert remembered(tiny_bundle, memory) is None
    with monkeypatch.context() as another_package:
        another_package.setattr(automatic, "version", lambda package: "0.1")
        assert remembered(tiny_bundle, memory) is None
    with monkeypatch.context() as another_processor:
        another_processor.setattr(automatic, "_processor", lambda: "abacus")
        assert remembered(tiny_bundle, memory) is None
    quickest(tiny_bundle, threads=1, memory=memory)
    assert len(kept(memory)) == 2, "what was known before stays"
    assert remembered(tiny_bundle, memory) == best


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00\xff"])
def test_a_memory_that_makes_no_sense_is_replaced(tiny_bundle: Bundle, memory: Path, text: str) -> None:
    memory.parent.mkdir()
    memory.write_text(text)
    best = quickest(tiny_bundle, memory=memory)
    assert [one["backend"] for one in kept(memory)] == [best]


@pytest.mark.parametrize("said", ["abacus", "torch", "openvino-int8", None, 7])
def test_a_memory_of_what_cannot_run_here_does_not_count(tiny_bundle: Bundle, memory: Path, said: object) -> None:
    quickest(tiny_bundle, memory=memory)
    document = {key: one | {"backend": said} for key, one in json.loads(memory.read_text()).items()}
    memory.write_text(json.dumps(document))
    assert remembered(tiny_bundle, memory) is None
    assert quickest(tiny_bundle, memory=memory) in CANDIDATES
    memory.write_text(json.dumps(dict.fromkeys(document, said)))
    assert remembered(tiny_bundle, memory) is None


def test_a_place_that_cannot_be_written_costs_a_measurement_and_no_more(tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert quickest(tiny_bundle, memory=tmp_path / "file" / "backends.json") in CANDIDATES


def test_int8_that_was_proven_on_photos_is_a_candidate(quantized: Quantized, memory: Path) -> None:
    quickest(quantized(), memory=memory)
    [found] = kept(memory)
    assert {"openvino-int8", "onnxruntime-int8"} <= set(found["milliseconds"])


@pytest.mark.parametrize("bias", [0.9, 400.0], ids=["within the self-check", "beyond the self-check"])
def test_int8_that_judges_otherwise_here_is_refused(quantized: Quantized, memory: Path, bias: float) -> None:
    best = quickest(quantized(bias), memory=memory)
    [found] = kept(memory)
    assert not best.endswith("-int8")
    assert {"openvino-int8", "onnxruntime-int8"} <= set(found["refused"])
    assert all(reason for reason in found["refused"].values())


def test_int8_without_a_proof_on_photos_is_refused(quantized: Quantized, memory: Path) -> None:
    assert not quickest(quantized(figures={}), memory=memory).endswith("-int8")


def test_a_candidate_that_breaks_does_not_keep_the_others_out(
    tiny_bundle: Bundle, tmp_path: Path, memory: Path
) -> None:
    files: dict[str, bytes | Path] = {name: tiny_bundle.path / name for name in tiny_bundle.files}
    broken = write_bundle(tmp_path / "broken", tiny_bundle.manifest(figures=PROVEN), files | {INT8_GRAPH: b"no graph"})
    assert quickest(broken, memory=memory) in CANDIDATES
    [found] = kept(memory)
    assert "cannot be opened here" in found["refused"]["onnxruntime-int8"]


def test_on_a_gpu_it_is_torch_unmeasured(tiny_bundle: Bundle, memory: Path) -> None:
    assert quickest(tiny_bundle, "cuda:0", memory=memory) == "torch" == remembered(tiny_bundle, memory, "cuda:0")
    assert not memory.exists()


def test_measuring_imports_no_torch(tiny_bundle: Bundle) -> None:
    code = (
        "import sys; from pathlib import Path; from model.bundle import Bundle; from model.automatic import quickest;"
        f"quickest(Bundle.open(Path({str(tiny_bundle.path)!r})), 'cpu');"
        "assert not {'torch', 'timm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
