"""From a folder of photos to a bundle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import nn

from model import confidence, novelty, selfcheck
from model.backends.base import Precision
from model.backends.openvino_cpu import OpenVinoBackend
from model.bundle import CARD, GRAPH, NOVELTY, REFERENCE, WEIGHTS, Bundle, Manifest
from model.bundle_write import write_bundle
from model.figures import classification, selective
from model.parity import in_batches, parity
from model.report.make import PAGE, make_report
from model.train import calibrate, export
from model.train.calibrate import Calibration
from model.train.card import card
from model.train.check import check
from model.train.config import TrainConfig
from model.train.data import PhotoSet
from model.train.loop import Loop, Photos, device, predict
from model.train.network import create, head_of, normalisation, start_from
from model.train.outliers import read_outliers
from model.train.progress import Progress, quiet
from model.train.teacher import Teacher

__all__ = ["ExportError", "TrainConfig", "train"]

VARIED_TRAINING = 3000  # training photos whose varied copies join the statistics; enough for their 99 % ranges
TOLERANCE = 0.02  # of a logit, between engines that compute in float32; 0.002 was measured


class ExportError(Exception):
    """The exported graph does not answer as the trained network does."""


def train(config: TrainConfig, report: Callable[[str], None], progress: Progress = quiet) -> Path:
    """Trains, calibrates and writes the bundle ``config.out``; returns its path. ``report`` hears each step in words,
    ``progress`` how far it has come.

    A report on the validation photos, with small copies of some, goes into the workspace and not into the bundle.
    A killed run continues from its last epoch. Raises ``DataError`` for data that cannot be trained on, before any
    training, and ``ExportError`` when the bundle's graph strays from the trained network.
    """
    torch.manual_seed(config.seed)
    known, held = check(config, report, progress)
    labels = known.photos.labels
    network = create(config.architecture, len(labels), config.drop, config.drop_path)
    if config.init is not None:
        start_from(network, config.init)
    train_set, held_set = (Photos(part.pixels, part.photos.targets, part.key) for part in (known, held))
    teacher = None
    if config.teacher is not None:
        width = cast(nn.Linear, head_of(network)).in_features if config.teacher_features else None
        teacher = Teacher.open(config.teacher, labels, width)
    outliers = None
    if config.outliers:
        outliers = read_outliers(config.outliers, config.size, config.workspace, report, progress)
    loop = Loop(config, network, train_set, held_set, report, teacher, outliers, progress)
    best = loop.run()
    export.round_weights(best)
    report("calibrating")
    found = calibration(best, train_set, held_set, labels, device(config.device), config.seed)
    found.figures["training"] = {"photos": known.photos.counts(), "history": loop.progress.history}
    report("exporting")
    bundle = _write(config, best, known.photos, found)
    apart = exactness(bundle, best, np.array(held_set.pixels[:: max(1, len(held_set.targets) // 64)]))
    if apart > TOLERANCE:
        raise ExportError(f"the exported graph's logits differ by {apart:.4f} from the trained network's")
    bundle = _proven(bundle, held_set.pixels, report)
    report(f"wrote {bundle.path}: the exported graph agrees to {apart:.4f} of a logit")
    make_report(bundle, "validation photos", held.photos, (), config.workspace, backend="openvino", progress=progress)
    report(f"how good it is on the validation photos: {config.workspace / PAGE}")
    return bundle.path


def calibration(
    network: nn.Module, known: Photos, held: Photos, labels: tuple[str, ...], where: torch.device, seed: int
) -> Calibration:
    """Temperature, statistics, novelty and thresholds of a trained network, with the figures on the held-out photos.

    Everything is computed in float32. Half of what the thresholds are drawn from are varied copies.
    """
    network = network.to(where)

    def answers(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, features = predict(network, pixels, where, exact=True)
        return logits.numpy(), features.numpy()

    random = np.random.default_rng(seed)
    some = np.sort(random.permutation(len(known.targets))[:VARIED_TRAINING])
    known_copies = calibrate.varied(known.pixels[some], seed)
    held_copies = calibrate.varied(held.pixels, seed + 1)
    far = novelty.fit(
        np.concatenate([answers(known.pixels)[1], answers(known_copies)[1]]),
        np.concatenate([known.targets, known.targets[some]]),
    )
    ranges = calibrate.fit_ranges([known.pixels, known_copies])
    logits, features = answers(held.pixels)
    temperature = confidence.fit_temperature(logits, held.targets)
    far = far.doubting(features, confidence.softmax(logits, temperature))
    plain = calibrate.score(held.pixels, logits, features, temperature, ranges, far)
    copy_logits, copy_features = answers(held_copies)
    copies = calibrate.score(held_copies, copy_logits, copy_features, temperature, ranges, far)
    lines = calibrate.thresholds(calibrate.together(plain, copies))
    figures: dict[str, Any] = {}
    for name, each, scored in (("validation", logits, plain), ("varied", copy_logits, copies)):
        probabilities = confidence.softmax(each, temperature)
        kept = calibrate.accepted(scored, lines)
        figures[name] = {
            **classification(probabilities, held.targets, labels),
            **selective(probabilities.argmax(axis=1) == held.targets, kept),
            "uncalibrated_error": round(confidence.ece(confidence.softmax(each), held.targets), 4),
            "rejected_by": calibrate.rejected_by(scored, lines),
        }
    network.cpu()
    return Calibration(temperature, ranges, far, lines, figures)


def _write(config: TrainConfig, network: nn.Module, known: PhotoSet, found: Calibration) -> Bundle:
    words = ", ".join(known.labels)
    manifest = Manifest(
        name=config.title,
        version=config.version,
        architecture=config.architecture,
        labels=known.labels,
        input_size=config.size,
        mean=normalisation(network)[0],
        std=normalisation(network)[1],
        interpolation="bicubic",
        temperature=found.temperature,
        thresholds=found.thresholds,
        statistics=found.ranges.to_json(),
        figures=found.figures,
        training_data=config.training_data or f"{len(known):,} photos given by the person who trained this model.",
        licence=config.licence,
        knows=config.knows or f"It knows photos of: {words}.",
    )
    drawn = selfcheck.draw(config.size)
    logits, _ = predict(network, drawn, torch.device("cpu"), exact=True)
    reference = selfcheck.Reference(drawn, logits.numpy(), TOLERANCE)
    files: dict[str, bytes | Path] = {
        WEIGHTS: export.weights(network, {"architecture": config.architecture, "labels": words}),
        GRAPH: export.graph(network, config.size),
        NOVELTY: save(found.novelty.to_arrays()),
        REFERENCE: save(reference.to_arrays()),
        CARD: card(manifest, known.counts()).encode(),
    }
    return write_bundle(config.out, manifest, files)


def _proven(bundle: Bundle, pixels: NDArray[np.uint8], report: Callable[[str], None]) -> Bundle:
    """The bundle with the parity of what may be inexact in its figures, measured on photos uint8 [N, S, S, 3].

    A processor without bfloat16 cannot measure it; then nothing is said of it.
    """
    found = [one for one in parity(bundle, in_batches(pixels), ("openvino-bf16",)) if one.problem is None]
    if not found:
        return bundle
    for one in found:
        report(one.words)
    figures = {**bundle.figures, "parity": {one.backend: one.figures() for one in found}}
    return write_bundle(
        bundle.path, bundle.manifest(figures=figures), {name: bundle.path / name for name in bundle.files}
    )


def exactness(bundle: Bundle, network: nn.Module, pixels: NDArray[np.uint8]) -> float:
    """The largest difference in a logit between the bundle's graph and the network, both in float32."""
    backend = OpenVinoBackend(bundle, precision=Precision.FLOAT32)
    wanted, _ = predict(network, pixels, torch.device("cpu"), exact=True)
    apart = float(np.abs(backend.run(pixels).logits - wanted.numpy()).max())
    backend.close()
    return apart
