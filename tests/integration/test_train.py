"""A real training, end to end, on drawn pictures: small enough for a test."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from filelock import FileLock
from PIL import Image

from model import statistics
from model.backends.choose import open_backend
from model.bundle import GRAPH, Bundle
from model.guard import Guard
from model.train import export
from model.train.loop import predict
from model.train.network import create
from model.train.pipeline import TrainConfig, train
from model.verdict import Decision, Options

RUN = """
import sys
from pathlib import Path
from model.train.pipeline import TrainConfig, train
data, out = Path(sys.argv[1]), Path(sys.argv[2])
train({config}, lambda words: print(words, flush=True))
"""
CONFIG = (
    "TrainConfig(data=data, out=out, architecture='small_cnn', size=48, sizes=(32, 48), epochs=24, patience=24,"
    " batch=32, rate=3e-3, ema=0.9, device='cpu')"
)


def draw(label: str, random: np.random.Generator) -> Image.Image:
    """Soft waves that run across, run down, or make rings, in changing colours and with a little noise."""
    y, x = np.mgrid[0:60, 0:60] / 60
    run = {"across": x, "down": y, "rings": np.hypot(x - 0.5, y - 0.5) * 1.4}[label]
    wave = np.sin(2 * np.pi * (random.uniform(2, 5) * run + random.random()))[:, :, None]
    light = random.uniform(60, 190, 3) + wave * random.uniform(30, 60, 3) + random.normal(0, 6, (60, 60, 3))
    return Image.fromarray(light.clip(0, 255).astype(np.uint8))


def write(root: Path) -> Path:
    """Eighty pictures of each label."""
    random = np.random.default_rng(2)
    for label in ("across", "down", "rings"):
        (root / label).mkdir(parents=True, exist_ok=True)
        for i in range(80):
            draw(label, random).save(root / label / f"{i}.jpg", quality=90)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, list[str]]:
    """A bundle whose training was killed outright after its first epochs, and what the second start reported.

    It is trained by the first test process that asks for it: more than a minute of a core.
    """
    together = tmp_path_factory.getbasetemp()
    together = together.parent if "PYTEST_XDIST_WORKER" in os.environ else together
    heard = together / "waves.json"
    with FileLock(together / "waves.lock"):
        if not heard.exists():
            heard.write_text(json.dumps(train_twice(write(together / "drawn"), together / "waves")))
    return Bundle.open(together / "waves"), json.loads(heard.read_text())


def train_twice(drawn: Path, out: Path) -> list[str]:
    checkpoint = out.with_name("waves.run") / "checkpoint.pt"
    command = [sys.executable, "-c", RUN.format(config=CONFIG), str(drawn), str(out)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert checkpoint.exists()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not out.exists()
    heard: list[str] = []
    train(eval(CONFIG, {"TrainConfig": TrainConfig, "data": drawn, "out": out}), heard.append)
    return heard


def test_a_killed_training_goes_on_and_ends_in_a_bundle(trained: tuple[Bundle, list[str]]) -> None:
    bundle, heard = trained
    assert any(words.startswith("resumed after epoch") for words in heard)
    assert bundle.labels == ("across", "down", "rings")
    assert bundle.figures["validation"]["accuracy"] >= 0.85
    assert "across" in (bundle.path / "card.md").read_text()


def test_every_backend_runs_the_bundle_alike(trained: tuple[Bundle, list[str]]) -> None:
    bundle, _ = trained
    random = np.random.default_rng(9)
    pixels = np.stack([np.asarray(draw("rings", random).resize((48, 48))) for _ in range(5)])
    answers = []
    for name in ("torch", "openvino", "onnxruntime"):
        backend = open_backend(name, bundle, "cpu")
        answers.append(backend.run(pixels).logits.argmax(axis=1).tolist())
        backend.close()
    assert answers[0] == answers[1] == answers[2]


def test_the_bundle_accepts_its_kind_and_refuses_noise(trained: tuple[Bundle, list[str]]) -> None:
    bundle, _ = trained
    guard, random = Guard.of(bundle), np.random.default_rng(11)
    known = np.stack([np.asarray(draw("down", random).resize((48, 48))) for _ in range(20)])
    backend = open_backend("onnxruntime", bundle, "cpu")
    verdicts = guard.judge(backend.run(known), [Options()] * len(known))
    backend.close()
    accepted = [verdict for verdict in verdicts if verdict.decision is Decision.ACCEPTED]
    assert len(accepted) >= 14
    assert sum(verdict.tags[0].label == "down" for verdict in accepted) >= 0.8 * len(accepted)
    noise = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    assert guard.look([float(value) for value in statistics.measure(noise)])[0] is not None


def test_the_graph_stores_halves_and_takes_any_number_of_photos(trained: tuple[Bundle, list[str]]) -> None:
    bundle, _ = trained
    model = onnx.load(bundle.path / GRAPH)
    kernels = [tensor for tensor in model.graph.initializer if len(tensor.dims) > 1]
    assert kernels
    assert {tensor.data_type for tensor in kernels} == {onnx.TensorProto.FLOAT16}
    backend = open_backend("onnxruntime", bundle, "cpu")
    for count in (1, 3):
        assert backend.run(np.zeros((count, 48, 48, 3), np.uint8)).logits.shape == (count, 3)
    backend.close()


def test_a_network_of_timm_exports_with_its_features(tmp_path: Path) -> None:
    import onnxruntime

    torch.manual_seed(0)
    network = create("test_efficientnet", 4).eval()
    export.round_weights(network)
    session = onnxruntime.InferenceSession(export.graph(network, 64), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    logits, features = session.run(["logits", "features"], {"pixels": pixels})
    wanted, wanted_features = predict(network, pixels, torch.device("cpu"), exact=True)
    assert np.allclose(logits, wanted.numpy(), atol=2e-3)
    assert np.allclose(features, wanted_features.numpy(), atol=2e-3)
