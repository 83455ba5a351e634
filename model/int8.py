"""A bundle with an int8 graph beside its own: calibrated on photos, and kept only if it judges as float32 does."""

import tempfile
from collections.abc import Callable, Iterable
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.backends.base import INT8_GRAPH
from model.bundle import GRAPH, Bundle
from model.bundle_write import write_bundle
from model.parity import NEEDED, Parity, in_batches, parity

CALIBRATION = 200
"""Photos whose activations set the ranges."""
CHECKED = (200, 2000)
"""Fewest and most of the other photos, on which the result is compared with float32."""
BACKENDS = ("onnxruntime-int8", "openvino-int8")


class Int8Refused(Exception):
    """There is no int8 graph to keep; the text says why."""


def add_int8(
    bundle: Bundle,
    photos: Iterable[NDArray[np.uint8]],
    folder: Path,
    version: str,
    report: Callable[[str], None],
    threads: int | None = None,
) -> tuple[Bundle, list[Parity]]:
    """Writes a copy of ``bundle`` under ``version`` to ``folder``, with an int8 graph and its parity in ``figures``.

    ``photos`` are pictures uint8 [S, S, 3] in a mixed order: the first `CALIBRATION` calibrate, on the others int8 is
    compared with float32. Raises `Int8Refused` when they are too few, or when no backend agrees on `NEEDED` of the
    labels and of the decisions; then nothing is written. Needs onnx and onnxruntime (`ImportError`).
    """
    from model.backends.quantize import static

    source = iter(photos)
    calibration = list(islice(source, CALIBRATION))
    checked = list(islice(source, CHECKED[0]))
    if len(checked) < CHECKED[0]:
        raise Int8Refused(
            f"int8 needs at least {CALIBRATION + CHECKED[0]} readable photos like those it will judge, "
            f"{CALIBRATION} to calibrate on and {CHECKED[0]} to check; here are {len(calibration) + len(checked)}"
        )
    report(f"calibrating on {len(calibration):,} photos")
    graph = static(bundle.path / GRAPH, np.stack(calibration))
    files: dict[str, bytes | Path] = {name: bundle.path / name for name in bundle.files} | {INT8_GRAPH: graph}
    report("comparing with float32 on the others")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".int8-") as place:
        trial = write_bundle(Path(place) / "trial", bundle.manifest(version=version), files)
        rest = islice(source, CHECKED[1] - CHECKED[0])
        found = parity(trial, in_batches(chain(checked, rest)), BACKENDS, threads)
    if not any(one.passed for one in found):
        raise Int8Refused(
            f"int8 does not judge as float32 does: {'; '.join(one.words for one in found)}. At least {NEEDED:.1%} of "
            "both are needed, so nothing was written. More varied photos may help; some networks bear no int8"
        )
    proven = bundle.figures.get("parity", {}) | {one.backend: one.figures() for one in found}
    figures = {**bundle.figures, "parity": proven}
    return write_bundle(folder, bundle.manifest(version=version, figures=figures), files), found
