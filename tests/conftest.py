"""What tests share: drawn scenes in three colours, and a small real model that knows them."""

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from s3_server import KEYS, S3Server
from safetensors.numpy import save
from typer.testing import CliRunner, Result

from cli.main import app
from model import novelty, statistics
from model.bundle import Bundle, Manifest, Thresholds
from model.bundle_write import write_bundle
from model.decode import decode
from model.limits import Limits
from model.sandbox import DecodePool
from model.selfcheck import Reference, draw

TINTS = {"sunset": (1.0, 0.55, 0.45), "forest": (0.45, 1.0, 0.5), "sea": (0.45, 0.6, 1.0), "orchid": (0.95, 0.55, 0.95)}
LABELS = ("sunset", "forest", "sea")
SIZE = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Scene = Callable[..., bytes]


def draw_scene(kind: str, seed: int = 0, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Cloudy texture with the spectrum of photos, uint8 [height, width, 3], in the colour of ``kind`` (see TINTS)."""
    random = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)[None]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / 128) ** 1.2
    clouds = np.fft.irfft2(falling * np.exp(2j * np.pi * random.random(falling.shape)), (128, 128))
    clouds = (clouds - clouds.min()) / np.ptp(clouds)
    plane = np.asarray(Image.fromarray((clouds * 255).astype(np.uint8)).resize((width, height)))[..., None]
    tint = np.asarray(TINTS[kind]) * random.uniform(0.92, 1.0, 3)
    return np.asarray((25 + plane * 0.85) * tint, dtype=np.uint8)


def as_jpeg(pixels: NDArray[np.uint8], quality: int = 88) -> bytes:
    """``pixels`` as a JPEG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def scene() -> Scene:
    """``scene(kind, seed, width, height)``: a JPEG's bytes. The tiny model knows sunset, forest and sea, not orchid."""

    def make(kind: str, seed: int = 0, width: int = 160, height: int = 120) -> bytes:
        return as_jpeg(draw_scene(kind, seed, width, height))

    return make


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server of this process's own, started when the first test wants it."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "data").start()
    yield server
    server.kill()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place in it, to which this process has the right."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return s3_server.url(uuid.uuid4().hex)


@pytest.fixture
def model_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``model_command("list", …)`` is ``shoebox model list …`` in a folder and on a data directory of its own."""
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("SHOEBOX_MODEL", "")
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Result:
        return CliRunner().invoke(app, ["model", *words], catch_exceptions=False)

    return command


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A real bundle of a small CNN (random kernels, a head fitted to drawn scenes), made in about a second."""
    kernels = _random_kernels()
    pictures = [decode(as_jpeg(draw_scene(kind, seed)), SIZE, Limits()) for seed in range(36) for kind in LABELS]
    pixels, targets = np.stack([p.pixels for p in pictures]), np.tile(np.arange(3), 36)
    learnt, held = slice(0, 72), slice(72, None)
    _, features = _run(_graph(kernels, np.zeros((3, 192)), np.zeros(3)), pixels)
    centre = features[learnt].mean(axis=0)
    spread = features[learnt] - centre
    wanted = np.eye(3)[targets[learnt]] * 12 - 4
    head = np.linalg.solve(spread.T @ spread + 0.01 * np.trace(spread.T @ spread) * np.eye(192), spread.T @ wanted).T
    bias = -head @ centre
    graph = _graph(kernels, head, bias)
    logits, features = _run(graph, pixels)
    known = novelty.fit(features[learnt], targets[learnt])
    scores = known.distance(features[held])
    drawn = draw(SIZE)
    manifest = Manifest(
        name="tiny",
        version="1",
        architecture="small_cnn",
        labels=LABELS,
        input_size=SIZE,
        mean=MEAN,
        std=STD,
        interpolation="bicubic",
        temperature=1.5,
        thresholds=Thresholds(
            confidence=0.6,
            novelty_normal=float(scores.max()) + 5.0,
            novelty_strict=float(np.median(scores)),
            gen_normal=2.2,
            gen_strict=1.9,
        ),
        statistics=_wide_ranges([p.statistics for p in pictures]),
        figures={"accuracy": float((logits.argmax(axis=1) == targets).mean())},
        training_data="Clouds drawn in three colours.",
        licence="Apache-2.0",
        knows="This model knows drawn sunsets, forests and seas.",
    )
    files = {
        "weights.safetensors": save({**kernels, "classifier.weight": _half(head), "classifier.bias": _half(bias)}),
        "model.onnx": graph,
        "novelty.safetensors": save(known.to_arrays()),
        "reference.safetensors": save(Reference(drawn, _run(graph, drawn)[0], 0.01).to_arrays()),
        "card.md": b"# Tiny\n\nA model for tests.\n",
    }
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny", manifest, files)


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecodePool]:
    """Two decoder processes that all tests of a run share; nobody closes them."""
    with DecodePool(2, Limits()) as pool:
        yield pool


def _wide_ranges(measured: list[tuple[float, ...]]) -> dict[str, list[float | None]]:
    """Twice as far from the median as the drawn scenes lie, so that only what is no scene at all lies beyond."""
    ranges = statistics.fit(np.asarray(measured)).to_json()
    for name, (low, centre, high) in ranges.items():
        assert centre is not None
        if name not in statistics.FIXED:
            ranges[name] = [low and 2 * low - centre, centre, None if high is None else 2 * high - centre + 0.01]
    return ranges


def _half(values: NDArray[np.generic]) -> NDArray[np.float16]:
    return np.ascontiguousarray(values, dtype=np.float16)


def _random_kernels() -> dict[str, NDArray[np.float16]]:
    """Weights of the small CNN's body under their torch names: convolutions at 0, 4, 8 and 12, then normalisation.

    The residual blocks after the first three are all zero: they pass on what comes in, and the graph leaves them out.
    """
    random = np.random.default_rng(7)
    kernels, before = {}, 3
    for block, width in enumerate((32, 64, 128, 192)):
        shape = (width, before, 3, 3)
        kernels[f"body.{4 * block}.weight"] = _half(random.normal(size=shape) * (2 / (9 * before)) ** 0.5)
        for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            kernels[f"body.{4 * block + 1}.{name}"] = np.full(width, value, np.float16)
        kernels[f"body.{4 * block + 1}.num_batches_tracked"] = np.zeros((), np.float16)
        if block < 3:
            kernels |= {f"residuals.{block}.{name}": value for name, value in _idle_residual(width).items()}
        before = width
    return kernels


def _idle_residual(width: int) -> dict[str, NDArray[np.float16]]:
    """Weights of a residual block that adds nothing: convolutions at 0 and 3, each with its normalisation."""
    weights = {}
    for place in (0, 3):
        weights[f"body.{place}.weight"] = np.zeros((width, width, 3, 3), np.float16)
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"body.{place + 1}.{name}"] = np.full(width, name == "running_var", np.float16)
        weights[f"body.{place + 1}.num_batches_tracked"] = np.zeros((), np.float16)
    return weights


def _graph(kernels: dict[str, NDArray[np.float16]], head: NDArray[np.generic], bias: NDArray[np.generic]) -> bytes:
    """The small CNN as ONNX: pixels uint8 [N, 64, 64, 3] to logits [N, 3] and features [N, 192]."""
    values = {name: value.astype(np.float32) for name, value in kernels.items()}
    values |= {"head": _half(head).astype(np.float32), "bias": _half(bias).astype(np.float32)}
    values |= {"mean": np.float32(MEAN) * 255, "std": np.float32(STD) * 255}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["float", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    for block in range(4):
        kernel, norm, x = f"body.{4 * block}.weight", f"body.{4 * block + 1}.", f"x{block}"
        parts = [norm + part for part in ("weight", "bias", "running_mean", "running_var")]
        nodes += [
            helper.make_node("Conv", [x, kernel], [x + "c"], pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", [x + "c", *parts], [x + "n"]),
            helper.make_node("Relu", [x + "n"], [x + "r"]),
            helper.make_node("MaxPool", [x + "r"], [f"x{block + 1}"], kernel_shape=[2, 2], strides=[2, 2]),
        ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["x4"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "head", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["photos", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["photos", 3]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["photos", 192]),
        ],
        [
            numpy_helper.from_array(value, name)
            for name, value in values.items()
            if "tracked" not in name and "residuals" not in name
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _run(graph: bytes, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    logits, features = session.run(["logits", "features"], {"pixels": pixels})
    return logits, features
