"""The bundle's own weights in torch: eager on a GPU or the processor, traced, and in bfloat16."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from model.backends.base import BackendMissing, DeviceOutOfMemory, Outputs, Precision
from model.backends.batches import SIZES
from model.backends.shortage import memory_watched
from model.backends.torch_staged import Staged
from model.bundle import WEIGHTS, Bundle, BundleInvalid
from model.train.network import create, judge


def has_cuda() -> bool:
    """Whether torch can use a GPU here."""
    return torch.cuda.is_available()


class FromPixels(nn.Module):
    """A bundle's network with its normalisation: pixels uint8 [N, S, S, 3] to logits [N, C] and features [N, F].

    Raises `BundleInvalid` for weights of another architecture.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        network = create(bundle.architecture, len(bundle.labels))
        try:
            network.load_state_dict(load_file(bundle.path / WEIGHTS))
        except RuntimeError as error:
            raise BundleInvalid(f"{WEIGHTS} in {bundle.path} is not a {bundle.architecture}: {error}") from error
        self.network = network.to(memory_format=torch.channels_last)
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(bundle.mean).view(shape) * 255)
        self.register_buffer("std", torch.tensor(bundle.std).view(shape) * 255)
        self.eval()

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # A permuted view of NHWC is channels_last in memory already: no copy before the arithmetic.
        return judge(self.network, (pixels.permute(0, 3, 1, 2) - self.mean) / self.std)


class TorchBackend:
    """Builds the architecture with timm and loads weights.safetensors: in bfloat16 on a GPU, else in float32.

    ``device`` auto means the first GPU, else the processor. ``threads`` is set for the whole process, which is
    how torch counts. ``sizes`` are the batch sizes that pictures are staged in (`Staged`); without them a processor
    takes batches as they come. Raises `BackendMissing` for a GPU that is not there.
    """

    name = "torch"

    def __init__(
        self, bundle: Bundle, device: str = "auto", threads: int | None = None, sizes: Sequence[int] | None = None
    ) -> None:
        self._device = place(device, torch.cuda.device_count() if has_cuda() else 0)
        self.device = str(self._device)
        gpu = self._device.type == "cuda"
        if threads is not None and not gpu:
            torch.set_num_threads(threads)
        self.precision = Precision.BFLOAT16 if gpu else Precision.FLOAT32
        self._network: nn.Module | None = FromPixels(bundle).to(self._device)
        self._staged: Staged | None = None
        if gpu or sizes is not None:
            self._staged = Staged(self._network, bundle.input_size, self._device, sizes or SIZES, half=gpu)

    @property
    def recorded(self) -> tuple[int, ...]:
        """The batch sizes that are repeated from a CUDA graph so far."""
        return self._staged.recorded if self._staged is not None else ()

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        if self._network is None:
            raise ValueError("this backend is closed")
        try:
            with memory_watched(len(batch)):
                if self._staged is not None:
                    return Outputs(*self._staged.run(batch))
                with torch.inference_mode():
                    logits, features = self._network(torch.from_numpy(batch))
                    return Outputs(logits.numpy(), features.numpy())
        except DeviceOutOfMemory:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            raise

    def close(self) -> None:
        """Lets the network and the device's memory go."""
        if self._staged is not None:
            self._staged.close()
        self._network = self._staged = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def place(device: str, gpus: int) -> torch.device:
    """What ``device`` (auto, cpu, cuda, cuda:1 …) means where there are so many ``gpus``. Raises `BackendMissing`."""
    if device == "auto":
        return torch.device("cuda:0" if gpus else "cpu")
    found = torch.device(device)
    if found.type != "cuda":
        return found
    if not gpus:
        raise BackendMissing(f"torch finds no GPU here, so it cannot use {device}; choose cpu or auto")
    index = found.index or 0
    if index >= gpus:
        raise BackendMissing(f"torch finds no {device} here; they are numbered from cuda:0 to cuda:{gpus - 1}")
    return torch.device("cuda", index)


class TracedBackend:
    """The same weights, traced and frozen by TorchScript when they are opened, on the processor.

    As ``torchscript`` in float32; as ``torch-bf16`` kernels and matrices compute in bfloat16. The first runs of each
    batch size are slow: TorchScript measures before it fuses.
    """

    def __init__(self, bundle: Bundle, name: str = "torchscript", threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.name = name
        self.device = "cpu"
        half = name == "torch-bf16"
        self.precision = Precision.BFLOAT16 if half else Precision.FLOAT32
        self._network: torch.jit.ScriptModule | None = _traced(bundle, half)

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        if self._network is None:
            raise ValueError("this backend is closed")
        with memory_watched(len(batch)), torch.inference_mode():
            logits, features = self._network(torch.from_numpy(batch))
            return Outputs(logits.float().numpy(), features.float().numpy())

    def close(self) -> None:
        """Lets the network go."""
        self._network = None


def save_torchscript(bundle: Bundle, path: Path) -> None:
    """Writes the traced network in float32, for programs with torch. It holds pickles, so no bundle may have it."""
    with _deprecated():
        torch.jit.save(_traced(bundle, False), str(path))


def _traced(bundle: Bundle, half: bool) -> torch.jit.ScriptModule:
    example = torch.zeros((2, bundle.input_size, bundle.input_size, 3), dtype=torch.uint8)
    # Without its cache autocast casts inside the graph, where freezing folds the casts of constant weights.
    with _deprecated(), torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half, cache_enabled=False):
        traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            FromPixels(bundle), example, check_trace=False
        )
        frozen: torch.jit.ScriptModule = torch.jit.freeze(traced)
        return frozen


@contextmanager
def _deprecated() -> Iterator[None]:
    """TorchScript is no longer developed, and says so at each step."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*torch\.jit.* is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        yield
