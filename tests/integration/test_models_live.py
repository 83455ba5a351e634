"""Several models and backends in one worker, which takes note of what is added, changed and removed while it runs."""

import csv
import io
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import CLASSIFY, REDIS, Running, running, wait_until

from client.errors import Refused
from client.upload import Upload, of_path
from db.query.items import every_item
from model.automatic import CANDIDATES
from model.bundle import Bundle
from model.bundle_write import write_bundle
from model.shelf import Shelf

Scene = Callable[..., bytes]


@pytest.fixture(scope="module")
def shoebox(tiny_bundle: Bundle) -> Iterator[Running]:
    """One running Shoebox with two models for the tests of this file."""
    with running(tiny_bundle) as stack:
        put(stack, tiny_bundle, "second", "2")
        yield stack.start().ready()


@pytest.fixture(scope="module")
def photo(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Upload:
    """A sunset."""
    path = tmp_path_factory.mktemp("photo") / "one.jpg"
    path.write_bytes(scene("sunset", 0))
    return of_path(path)


def put(stack: Running, bundle: Bundle, name: str, version: str, knows: str = "Clouds.") -> Bundle:
    """Installs the tiny model under another name and version."""
    files = {file: bundle.path / file for file in bundle.files}
    manifest = bundle.manifest(name=name, version=version, knows=knows)
    return write_bundle(stack.home / "models" / f"{name}@{version}", manifest, files)


def offered(stack: Running) -> set[tuple[str, ...]]:
    """What the living workers say they can be asked for."""
    answer = httpx.get(f"{stack.settings.url}/v1/workers", headers={"X-API-Key": stack.key}, timeout=10)
    return {tuple(engine) for worker in answer.json()["data"] for engine in worker["engines"]}


def log_of(stack: Running, name: str = CLASSIFY) -> str:
    return (stack.home / f"{name}.log").read_text()


def test_each_job_has_the_model_and_backend_it_asks_for(shoebox: Running, photo: Upload, tiny_bundle: Bundle) -> None:
    known = {engine[:2] for engine in offered(shoebox)}
    assert {("tiny", "1"), ("second", "2"), ("scenes", "1")} <= known or {("tiny", "1"), ("second", "2")} <= known
    asked = [("tiny", None), ("second", "openvino"), ("tiny", "openvino"), ("second@2", None), ("tiny", "auto")]
    found = [shoebox.client.classify(photo, model=model, backend=backend) for model, backend in asked]
    assert [(item.model, item.raw["backend"]) for item in found] == [
        ("tiny", "onnxruntime"),
        ("second", "openvino"),
        ("tiny", "openvino"),
        ("second", "onnxruntime"),
        ("tiny", "onnxruntime"),
    ]
    assert {item.label for item in found} == {"sunset"}
    assert all(item.raw["inference_ms"] > 0 for item in found)
    checksums = {item.model: item.raw["model"]["checksum"] for item in found}
    assert checksums["tiny"] == tiny_bundle.checksum != checksums["second"]


def test_every_verdict_says_what_gave_it(shoebox: Running, photo: Upload, tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    job = shoebox.client.submit([photo, of_path(tmp_path / "text.jpg")], model="tiny", backend="openvino-fp32")
    assert job.wait(timeout=30).raw["params"]["backend"] == "openvino-fp32"

    def asked(path: str) -> httpx.Response:
        url = f"{shoebox.settings.url}/v1/jobs/{job.id}/{path}"
        return httpx.get(url, headers={"X-API-Key": shoebox.key}, timeout=10).raise_for_status()

    items: list[dict[str, Any]] = asked("items").json()["data"]
    assert [item["decision"] for item in items] == ["accepted", "rejected"]
    for item in items:
        assert item["model"] == {"name": "tiny", "version": "1", "checksum": tiny_bundle.checksum}
        assert item["backend"] == "openvino-fp32"
    assert items[0]["inference_ms"] > 0
    assert items[1]["inference_ms"] is None, "what cannot be decoded never reaches the network"
    lines = [json.loads(line) for line in asked("results.jsonl").text.splitlines()]
    assert lines == [{name: value for name, value in item.items() if name != "review"} for item in items]
    for row, item in zip(csv.DictReader(io.StringIO(asked("results.csv").text)), items, strict=True):
        assert [row[name] for name in ("model", "version", "checksum", "backend")] == [
            "tiny", "1", tiny_bundle.checksum, "openvino-fp32",
        ]  # fmt: skip
        assert row["inference_ms"] == ("" if item["inference_ms"] is None else str(item["inference_ms"]))


def test_a_backend_that_cannot_run_the_model_is_not_offered(shoebox: Running, photo: Upload) -> None:
    assert not any(engine[2].endswith("-int8") for engine in offered(shoebox)), "no model here has an int8 graph"
    with pytest.raises(Refused, match="openvino-int8"):
        shoebox.client.submit([photo], model="tiny", backend="openvino-int8")


def test_a_backend_that_nobody_offers_is_refused_with_those_there_are(shoebox: Running, photo: Upload) -> None:
    for backend in ("abacus", "fake"):
        with pytest.raises(Refused, match=r"onnxruntime, .*openvino") as caught:
            shoebox.client.submit([photo], backend=backend)
        assert (caught.value.status, caught.value.code) == (422, "backend_unavailable")


def test_a_model_that_comes_while_workers_run_is_used(shoebox: Running, photo: Upload, tiny_bundle: Bundle) -> None:
    put(shoebox, tiny_bundle, "late", "1")
    assert shoebox.client.classify(photo, model="late").model == "late"


def test_a_model_that_changes_while_workers_run_is_read_anew(
    shoebox: Running, photo: Upload, tiny_bundle: Bundle
) -> None:
    old = put(shoebox, tiny_bundle, "moving", "1")
    assert shoebox.client.classify(photo, model="moving").raw["model"]["checksum"] == old.checksum
    new = put(shoebox, tiny_bundle, "moving", "1", knows="Clouds of another day.")

    def judged_anew() -> bool:
        return shoebox.client.classify(photo, model="moving").raw["model"]["checksum"] == new.checksum

    wait_until(judged_anew, 15, shoebox.logs)


def test_a_damaged_model_is_left_out_by_name(shoebox: Running, photo: Upload, tiny_bundle: Bundle) -> None:
    graph = put(shoebox, tiny_bundle, "broken", "1").path / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(bytes(data))
    wait_until(lambda: "broken@1" in log_of(shoebox) and "model.onnx" in log_of(shoebox), 15, shoebox.logs)
    assert shoebox.client.classify(photo).model == "tiny"
    assert not any(engine[0] == "broken" for engine in offered(shoebox))
    shutil.rmtree(graph.parent)


def test_a_job_whose_model_is_gone_says_so_and_goes_on_when_it_is_back(
    shoebox: Running, photo: Upload, tiny_bundle: Bundle
) -> None:
    path = put(shoebox, tiny_bundle, "fleeting", "3").path
    wait_until(lambda: ("fleeting", "3", "onnxruntime") in offered(shoebox), 15, shoebox.logs)
    away = shoebox.home / "away"
    job = shoebox.client.submit([photo], model="tiny")
    job.wait(timeout=30)
    path.rename(away)
    wait_until(lambda: not any(engine[0] == "fleeting" for engine in offered(shoebox)), 15, shoebox.logs)
    away.rename(path)  # the API sees it at once, the worker a moment later
    job = shoebox.client.submit([photo], model="fleeting")
    path.rename(away)
    if not job.refresh().finished:
        wait_until(lambda: job.refresh().waiting_for == "The model fleeting 3 is on no worker.", 15, shoebox.logs)
        health = shoebox.client.health()
        assert health["status"] == "degraded"
        assert "The model fleeting 3 is on no worker." in health["parts"]["classify_workers"]["detail"]
    away.rename(path)
    view = job.wait(timeout=30)
    assert (view.state, view.waiting_for) == ("completed", None)


def test_a_finished_job_is_run_again_with_another_model(shoebox: Running, photo: Upload, scene: Scene) -> None:
    old = shoebox.client.submit([photo, photo], model="tiny", top_k=1)
    old.wait(timeout=30)
    new = shoebox.client.rerun(old.id, "second@2", backend="openvino")
    view = new.wait(timeout=30)
    assert (view.model, view.version, view.counts.accepted) == ("second", "2", 2)
    assert view.raw["retry_of"] == old.id and view.raw["params"]["top_k"] == 1
    models = [[(item.model, item.backend) for item in every_item(shoebox.database, job.id)] for job in (old, new)]
    assert models == [[("tiny", "onnxruntime")] * 2, [("second", "openvino")] * 2]


def test_few_engines_are_kept_and_the_decoders_are_shared(shoebox: Running, photo: Upload, tiny_bundle: Bundle) -> None:
    import psutil

    put(shoebox, tiny_bundle, "third", "3")
    worker = psutil.Process(shoebox.processes[CLASSIFY].pid)
    before = len(worker.children(recursive=True))
    for model in ("tiny", "second", "third", "tiny"):
        for backend in ("openvino", "onnxruntime"):
            assert shoebox.client.classify(photo, model=model, backend=backend).decision == "accepted"
    assert len(worker.children(recursive=True)) == before


def test_a_damaged_default_refuses_to_start_beside_a_sound_model(tiny_bundle: Bundle) -> None:
    with running(tiny_bundle) as stack:
        put(stack, tiny_bundle, "second", "2")
        weights = stack.home / "models" / "tiny" / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        stack.start(REDIS, CLASSIFY)
        assert stack.processes[CLASSIFY].wait(60) == 1
        assert "weights.safetensors" in log_of(stack)


def test_without_settings_the_promoted_model_judges_on_the_quickest_backend(tiny_bundle: Bundle, photo: Upload) -> None:
    with running(tiny_bundle, model="", backend="auto") as stack:
        stack.start().ready()
        first = stack.client.classify(photo)
        assert first.model == "scenes" and first.raw["backend"] in CANDIDATES
        Shelf(stack.settings.bundle_folders).promote("tiny")
        promoted = stack.client.classify(photo)
        assert (promoted.model, promoted.label) == ("tiny", "sunset") and promoted.raw["backend"] in CANDIDATES
        assert stack.client.classify(photo, backend="auto").model == "tiny"
        assert log_of(stack).count("backend_chosen") == 2, "once for each model"

        memory = stack.home / "backends.json"
        found = memory.stat().st_mtime_ns
        assert {one["model"]: one["backend"] for one in json.loads(memory.read_text()).values()} == {
            f"{item.model} {item.version}": item.raw["backend"] for item in (first, promoted)
        }
        stack.kill(CLASSIFY, signal.SIGTERM)
        stack.start(CLASSIFY).ready()
        again = stack.client.classify(photo)
        assert (again.model, again.raw["backend"]) == ("tiny", promoted.raw["backend"])
        assert memory.stat().st_mtime_ns == found, "what is remembered is not measured again"
