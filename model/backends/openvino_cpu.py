"""The default on a processor: OpenVINO, in bfloat16 where the processor computes in it."""

from collections import deque
from contextlib import suppress
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from model.backends.base import INT8_GRAPH, BackendMissing, Outputs, Precision
from model.backends.batches import joined, processor_parts
from model.backends.shortage import memory_watched
from model.bundle import GRAPH, Bundle


class OpenVinoBackend:
    """Runs the bundle's ONNX graph, one batch at a time over all ``threads`` (``None``: every core).

    A batch goes in parts, each through one thread, as many at once as there are threads: none waits for another after
    each layer, which beside decoders that want the same cores is a wait for them. What is less than one picture for
    each thread goes through all of them together (docs/decisions/0019-small-parts-on-a-processor.md).
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
        network = core.read_model(bundle.path / (INT8_GRAPH if self.precision is Precision.INT8 else GRAPH))
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision is Precision.BFLOAT16 else "f32",
            # Else each process binds its threads to the same first cores, also where several workers share a machine.
            "ENABLE_CPU_PINNING": False,
        }
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        together = core.compile_model(network, "CPU", MappingProxyType({"PERFORMANCE_HINT": "LATENCY"} | options))
        streams = together.get_property("INFERENCE_NUM_THREADS")
        options |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}
        # One thread alone is both: a second copy of the weights would be for nothing.
        apart = core.compile_model(network, "CPU", MappingProxyType(options)) if streams > 1 else together
        self._together: Any = together.create_infer_request()
        self._apart: list[Any] = [apart.create_infer_request() for _ in range(streams)]

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        with memory_watched(len(batch)):
            if len(batch) < len(self._apart):
                return _run([batch], [self._together])
            requests = self._apart or [self._together]
            try:
                return _run(processor_parts(batch, len(requests)), requests)
            except Exception:
                # Threads that run apart share what they build. What one of them had no memory for, stays half built for
                # all ("broken promise"), also when there is memory again.
                self.go_together()
                raise

    def go_together(self) -> None:
        """From here on every part goes through all threads."""
        self._apart = []

    def close(self) -> None:
        """Lets the compiled network go."""
        self._together = None
        self._apart = []


def _run(parts: list[NDArray[np.uint8]], requests: list[Any]) -> Outputs:
    """Each part by the next one of ``requests``, which are at rest before and afterwards."""
    found: list[Outputs] = []
    under_way: deque[Any] = deque()
    try:
        for part, request in zip(parts, cycle(requests), strict=False):
            if len(under_way) == len(requests):
                found.append(_finished(under_way))
            request.start_async([part])
            under_way.append(request)
        while under_way:
            found.append(_finished(under_way))
    finally:
        for request in under_way:
            with suppress(Exception):  # the first one is raised
                request.wait()
    return joined(found)


def _finished(under_way: deque[Any]) -> Outputs:
    request = under_way.popleft()
    request.wait()
    logits, features = (request.get_tensor(name).data for name in ("logits", "features"))
    return Outputs(np.array(logits, np.float32), np.array(features, np.float32))


def convert(bundle: Bundle, path: str) -> None:
    """Writes the bundle's graph as OpenVINO's own format: ``path`` (.xml), and the weights in a .bin beside it."""
    # Not convert_model, which would tell its makers that it was used.
    openvino.save_model(openvino.Core().read_model(bundle.path / GRAPH), path)
