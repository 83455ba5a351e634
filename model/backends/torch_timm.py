"""The bundle's own weights in torch: on a GPU in bfloat16, else in float32."""

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from model.backends.base import BackendMissing, DeviceOutOfMemory, Outputs, Precision
from model.bundle import WEIGHTS, Bundle, BundleInvalid
from model.train.network import create, judge


def has_cuda() -> bool:
    """Whether torch can use a GPU here."""
    return torch.cuda.is_available()


class TorchBackend:
    """Builds the architecture with timm and loads weights.safetensors; pictures are normalised on the device.

    ``device`` auto means the first GPU, else the processor. ``threads`` is set for the whole process, which is
    how torch counts.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int | None = None) -> None:
        self._device = torch.device(("cuda" if has_cuda() else "cpu") if device == "auto" else device)
        gpu = self._device.type == "cuda"
        if gpu and not has_cuda():
            raise BackendMissing(f"torch finds no GPU here, so it cannot use {device}; choose cpu or auto")
        if threads is not None and not gpu:
            torch.set_num_threads(threads)
        self.precision = Precision.BFLOAT16 if gpu else Precision.FLOAT32
        network = create(bundle.architecture, len(bundle.labels))
        try:
            network.load_state_dict(load_file(bundle.path / WEIGHTS))
        except RuntimeError as error:
            raise BundleInvalid(f"{WEIGHTS} in {bundle.path} is not a {bundle.architecture}: {error}") from error
        self._network: torch.nn.Module | None = network.eval().to(self._device)
        self._network.to(memory_format=torch.channels_last)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(bundle.mean, device=self._device).view(shape) * 255
        self._std = torch.tensor(bundle.std, device=self._device).view(shape) * 255

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Judges RGB pictures uint8 [N, S, S, 3]. Raises `DeviceOutOfMemory`."""
        if self._network is None:
            raise ValueError("this backend is closed")
        try:
            with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=self._device.type == "cuda"):
                # A permuted view of NHWC is channels_last in memory already: no copy before the arithmetic.
                pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2)
                logits, features = judge(self._network, (pixels - self._mean) / self._std)
                return Outputs(logits.float().cpu().numpy(), features.float().cpu().numpy())
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise DeviceOutOfMemory(f"no room on {self._device} for {len(batch)} pictures") from error

    def close(self) -> None:
        """Lets the network and the device's memory go."""
        self._network = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
