"""The default on a processor: OpenVINO, in bfloat16 where the processor computes in it."""

from types import MappingProxyType
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from model.backends.base import INT8_GRAPH, BackendMissing, Outputs, Precision
from model.backends.shortage import memory_watched
from model.bundle import GRAPH, Bundle


class OpenVinoBackend:
    """Runs the bundle's ONNX graph, one batch at a time over all ``threads`` (``None``: every core).

    Without a ``precision`` it is bfloat16 where the processor has it, else float32. Int8 runs the bundle's calibrated
    graph, what is not quantized in float32. Raises `BackendMissing` for bfloat16 on a processor without it.
    """

    device = "cpu"

    def __init__(
        self,
        bundle: Bundle,
        threads: int | None = None,
        precision: Precision | None = None,
        name: str = "openvino",
    ) -> None:
        core = openvino.Core()
        capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision is Precision.BFLOAT16 and not capable:
            # It would run, at a fraction of the speed.
            raise BackendMissing("this processor does not compute in bfloat16; choose openvino or openvino-fp32")
        self.name = name
        self.precision = precision or (Precision.BFLOAT16 if capable else Precision.FLOAT32)
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision is Precision.BFLOAT16 else "f32",
        }
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        graph = INT8_GRAPH if self.precision is Precision.INT8 else GRAPH
        self._request: Any = core.compile_model(
            bundle.path / graph, "CPU", MappingProxyType(options)
        ).create_infer_request()

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        with memory_watched(len(batch)):
            found = self._request.infer([batch])
            return Outputs(np.array(found["logits"], np.float32), np.array(found["features"], np.float32))

    def close(self) -> None:
        """Lets the compiled network go."""
        self._request = None


def convert(bundle: Bundle, path: str) -> None:
    """Writes the bundle's graph as OpenVINO's own format: ``path`` (.xml), and the weights in a .bin beside it."""
    # Not convert_model, which would tell its makers that it was used.
    openvino.save_model(openvino.Core().read_model(bundle.path / GRAPH), path)
