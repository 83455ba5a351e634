"""ONNX Runtime on the processor: for machines that OpenVINO does not run on, and for int8 arithmetic."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from model.backends.base import INT8_GRAPH, DeviceOutOfMemory, Outputs, Precision
from model.backends.batches import joined, processor_parts
from model.backends.shortage import memory_watched
from model.bundle import GRAPH, Bundle
from model.cores import cores


class OnnxBackend:
    """Runs the bundle's ONNX graph over ``threads`` (``None``: every core), in parts as `OpenVinoBackend` does.

    As ``onnxruntime`` in float32; as ``onnxruntime-int8`` the bundle's calibrated graph; as ``onnxruntime-dynamic``
    with the matrices of its linear layers in int8 and their inputs quantized on the fly.
    """

    device = "cpu"

    def __init__(self, bundle: Bundle, threads: int | None = None, name: str = "onnxruntime") -> None:
        self.name = name
        self.precision = Precision.FLOAT32 if name == "onnxruntime" else Precision.INT8
        graph = _graph(bundle, name)
        self._threads = threads or cores()
        self._together: onnxruntime.InferenceSession | None = _session(graph, self._threads)
        self._apart = self._together if self._threads == 1 else _session(graph, 1)
        self._hands = ThreadPoolExecutor(self._threads, "network")
        self._how = onnxruntime.RunOptions()
        self._input = self._together.get_inputs()[0].name

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        if self._together is None:
            raise ValueError("this backend is closed")
        try:
            with memory_watched(len(batch)):
                if len(batch) < self._threads:
                    return self._run(self._together, batch)
                parts = processor_parts(batch, self._threads)
                return joined(list(self._hands.map(partial(self._run, self._apart), parts)))
        except DeviceOutOfMemory:
            # What the session holds back for the next batch is what others here lack: it gives that up after each run.
            self._how.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
            raise

    def _run(self, session: onnxruntime.InferenceSession, part: NDArray[np.uint8]) -> Outputs:
        logits, features = session.run(["logits", "features"], {self._input: part}, self._how)
        return Outputs(np.asarray(logits, np.float32), np.asarray(features, np.float32))

    def close(self) -> None:
        """Lets the sessions go."""
        self._hands.shutdown()
        self._together = self._apart = None


def _session(graph: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Waiting threads would spin on the cores that the decoders need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _graph(bundle: Bundle, name: str) -> Path | bytes:
    if name == "onnxruntime-dynamic":
        # Imports onnx, which no other backend needs.
        from model.backends.quantize import dynamic

        return dynamic(bundle.path / GRAPH)
    return bundle.path / (INT8_GRAPH if name == "onnxruntime-int8" else GRAPH)
