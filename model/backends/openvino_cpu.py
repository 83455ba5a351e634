"""The default on a processor: OpenVINO, in bfloat16 where the processor computes in it."""

from types import MappingProxyType
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from model.backends.base import Outputs, Precision
from model.bundle import GRAPH, Bundle


class OpenVinoBackend:
    """Runs the bundle's ONNX graph, one batch at a time over all ``threads`` (``None``: every core)."""

    name = "openvino"

    def __init__(self, bundle: Bundle, threads: int | None = None, precision: Precision | None = None) -> None:
        core = openvino.Core()
        capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = precision or (Precision.BFLOAT16 if capable else Precision.FLOAT32)
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision is Precision.BFLOAT16 else "f32",
        }
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        self._request: Any = core.compile_model(
            bundle.path / GRAPH, "CPU", MappingProxyType(options)
        ).create_infer_request()

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]."""
        found = self._request.infer([batch])
        return Outputs(np.array(found["logits"], np.float32), np.array(found["features"], np.float32))

    def close(self) -> None:
        """Lets the compiled network go."""
        self._request = None
