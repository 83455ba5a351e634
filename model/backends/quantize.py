"""Int8 graphs: calibrated on photos (static), or with linear layers quantized as they run (dynamic)."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import quantization

_BATCH = 16


class _Photos(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Hands out pictures in batches."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches = iter([{"pixels": pixels[i : i + _BATCH]} for i in range(0, len(pixels), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._batches, None)


def static(graph: Path, pixels: NDArray[np.uint8]) -> bytes:
    """The ONNX file ``graph`` with int8 weights, one scale for each channel, and uint8 activations.

    Quantize and dequantize nodes (QDQ) tell engines where; the activations' ranges are what ``pixels`` uint8
    [N, S, S, 3] made them.
    """
    with _folded(graph) as (plain, made):
        quantization.quantize_static(
            plain,
            made,
            _Photos(pixels),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return made.read_bytes()


def dynamic(graph: Path) -> bytes:
    """The ONNX file ``graph`` with the matrices of its linear layers in int8; nothing needs calibration.

    Convolutions stay in float32: ONNX Runtime has no quick dynamic ones. So a convolutional network hardly changes.
    """
    with _folded(graph) as (plain, made):
        quantization.quantize_dynamic(
            plain, made, op_types_to_quantize=["MatMul", "Gemm"], weight_type=quantization.QuantType.QInt8
        )
        return made.read_bytes()


@contextmanager
def _folded(graph: Path) -> Iterator[tuple[Path, Path]]:
    """The graph with constants computed (weights are kept as float16 behind casts), and where to write the result."""
    logger = logging.getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory() as place:
        plain, made = Path(place) / "plain.onnx", Path(place) / "made.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(plain)
        onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        logger.setLevel(logging.ERROR)  # it advises to do what was just done
        try:
            yield plain, made
        finally:
            logger.setLevel(level)
