"""A network behind buffers of a few fixed sizes. On a GPU each size is recorded once as a CUDA graph and repeated."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from model.backends.batches import SIZES, parts

WARM_UPS = 3
"""Runs before a recording: libraries set themselves up in the first, which must not become part of it."""

_ROUNDED = (nn.Linear, nn.Conv2d, Conv2dSame)

log = logging.getLogger(__name__)

Answers = tuple[torch.Tensor, torch.Tensor]


@dataclass(slots=True)
class _Slot:
    """The buffers of one size, uint8 [size, S, S, 3], and what was recorded on them with where its answers appear."""

    host: torch.Tensor
    pixels: torch.Tensor
    graph: torch.cuda.CUDAGraph | None = None
    answers: Answers | None = None


class Staged:
    """Runs ``network`` (pixels to logits and features, as `FromPixels`) on pictures of ``side`` pixels.

    A batch is filled up to the next of ``sizes`` with whatever the buffer holds; in evaluation no picture's answer
    depends on its neighbours. Pixels travel as uint8, from pinned memory on a GPU, and become numbers on the device.
    With ``half`` convolutions and matrices compute in bfloat16; the network's own weights are rounded for it.
    A size is set up when it is first used, and raises what torch raises where the device has no room for it; sizes
    that are set up take no more memory. Used by one thread.
    """

    def __init__(
        self, network: nn.Module, side: int, device: torch.device, sizes: Sequence[int] = SIZES, half: bool = False
    ) -> None:
        self._network = rounded(network) if half else network
        self._side = side
        self._device = device
        self._sizes = tuple(sorted(sizes))
        self._half = half
        self._slots: dict[int, _Slot] = {}
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # One for copies, warm-ups, recordings and replays. On the shared one of `torch.cuda.graph` the workspace of
            # cuBLAS may lie in the memory of whichever network recorded first, and go with it.
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream(device))
            self._memory = torch.cuda.graph_pool_handle()

    @property
    def recorded(self) -> tuple[int, ...]:
        """The sizes that are repeated from a recording, ascending; those that could not be recorded are left out."""
        return tuple(sorted(size for size, slot in self._slots.items() if slot.graph is not None))

    def run(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pixels uint8 [N, S, S, 3], N >= 1 -> logits float32 [N, C] and features float32 [N, F], in the same order."""
        answers = [self._part(batch[part.start : part.stop], part.size) for part in parts(len(batch), self._sizes)]
        return np.concatenate([logits for logits, _ in answers]), np.concatenate([features for _, features in answers])

    def close(self) -> None:
        """Lets recordings and buffers go; a second call does nothing."""
        if self._stream is not None:
            self._stream.synchronize()
        for slot in self._slots.values():
            if slot.graph is not None:
                slot.graph.reset()
        self._slots.clear()

    def _part(self, pictures: NDArray[np.uint8], size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        count = len(pictures)
        with self._on_stream(), torch.inference_mode(), self._arithmetic():
            if size not in self._slots:
                self._slots[size] = self._opened(size)
            slot = self._slots[size]
            slot.host.numpy()[:count] = pictures
            slot.pixels[:count].copy_(slot.host[:count], non_blocking=True)
            if slot.graph is not None and slot.answers is not None:
                slot.graph.replay()
                logits, features = slot.answers
            else:
                logits, features = self._forward(slot.pixels)
            # These wait for the device, so that the buffers are free again afterwards.
            return logits[:count].cpu().numpy(), features[:count].cpu().numpy()

    def _opened(self, size: int) -> _Slot:
        shape, gpu = (size, self._side, self._side, 3), self._stream is not None
        slot = _Slot(
            torch.zeros(shape, dtype=torch.uint8, pin_memory=gpu),
            torch.zeros(shape, dtype=torch.uint8, device=self._device),
        )
        if self._stream is not None:
            self._record(slot, self._stream)
        return slot

    def _record(self, slot: _Slot, stream: torch.cuda.Stream) -> None:
        """Whatever cannot be recorded (an operation that asks the device, memory that lacks) is run each time anew."""
        for _ in range(WARM_UPS):
            self._forward(slot.pixels)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            # All sizes share memory: only one runs at a time, and its answers are read before the next. Other threads
            # may meanwhile ask the device for its figures.
            with torch.cuda.graph(graph, pool=self._memory, stream=stream, capture_error_mode="thread_local"):
                answers = self._forward(slot.pixels)
        except RuntimeError as error:
            log.warning("batches of %d are not recorded, which is slower: %s", len(slot.pixels), error)
            return
        slot.graph, slot.answers = graph, answers

    def _forward(self, pixels: torch.Tensor) -> Answers:
        logits, features = self._network(pixels)
        return logits.float(), features.float()

    def _arithmetic(self) -> AbstractContextManager[object]:
        # A cache of casts that was filled during a recording would be reused outside of it.
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._half, cache_enabled=False)

    def _on_stream(self) -> AbstractContextManager[object]:
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)


def rounded(network: nn.Module) -> nn.Module:
    """``network`` with the weights of its convolutions and linear layers in bfloat16, for use under autocast.

    Autocast rounds the same weights to the same values, in every run. Norms stay in float32, as autocast has them; so
    do layers that compute with their weights before they use them.
    """
    for module in network.modules():
        if type(module) in _ROUNDED:
            module.to(torch.bfloat16)
    return network
