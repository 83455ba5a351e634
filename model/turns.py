"""Several backends side by side: the same pictures through each in turns, so that noise hits all alike."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Backend, BackendMissing, Outputs
from model.backends.choose import missing, open_backend
from model.bundle import Bundle

WARM_UPS = 3
"""Runs of a batch size before it is timed. TorchScript fuses in its second, OpenVINO and ONNX Runtime need one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one backend answered to each batch, and how long it took: milliseconds for one picture."""

    outputs: list[Outputs] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def whole(self) -> Outputs:
        """All batches as one."""
        features = [batch.features for batch in self.outputs if batch.features is not None]
        return Outputs(
            np.concatenate([batch.logits for batch in self.outputs]), np.concatenate(features) if features else None
        )


def open_all(
    names: Sequence[str], bundle: Bundle, device: str = "auto", threads: int | None = None
) -> tuple[dict[str, Backend], dict[str, str]]:
    """Those of ``names`` that run here, opened, and for the others why they do not. Whoever calls closes them.

    ``device`` is for torch alone, the others run on the processor.
    """
    opened: dict[str, Backend] = {}
    problems: dict[str, str] = {}
    for name in names:
        lacking = missing(name, bundle)
        if lacking is not None:
            problems[name] = lacking
            continue
        try:
            opened[name] = open_backend(name, bundle, device if name == "torch" else "cpu", threads)
        except BackendMissing as error:
            problems[name] = str(error)
        except Exception as error:  # an engine that does not bear this machine or graph says so in its own way
            problems[name] = f"it cannot be opened here: {type(error).__name__}: {error}"
    return opened, problems


def take_turns(
    backends: Mapping[str, Backend], batches: Iterable[NDArray[np.uint8]], seconds: float = float("inf")
) -> dict[str, Run]:
    """Each of ``batches`` uint8 [N, S, S, 3] through every backend; who begins changes from batch to batch.

    Ends before the batch that would begin after ``seconds``, but not before the second.
    """
    runs = {name: Run() for name in backends}
    order = list(backends)
    began = time.perf_counter()
    for number, batch in enumerate(batches):
        if number > 1 and time.perf_counter() - began > seconds:
            break
        for name in order:
            started = time.perf_counter()
            outputs = backends[name].run(batch)
            runs[name].milliseconds.append((time.perf_counter() - started) * 1000 / len(batch))
            runs[name].outputs.append(outputs)
        order.append(order.pop(0))
    return runs


def warm_up(backends: Mapping[str, Backend], batch: NDArray[np.uint8]) -> None:
    """Runs ``batch`` through each as often as it takes to be at full speed."""
    for backend in backends.values():
        for _ in range(WARM_UPS):
            backend.run(batch)
