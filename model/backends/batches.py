"""Parts of a batch: on a GPU of a few sizes, which were recorded; on a processor of what its caches hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Outputs

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Pictures in a recorded batch. Each twice the one before: less than half of a batch is ever filling."""

CPU_BATCH = 16
"""Pictures in one batch where nothing else is asked for."""

CPU_PART = 4
"""Pictures that a processor takes through the network at once, at most: what one layer writes, the next one finds in
the cache (docs/decisions/0019-small-parts-on-a-processor.md)."""

GPU_BATCH = 64
"""The same on a GPU (docs/decisions/0015-recorded-batches-on-a-gpu.md)."""


@dataclass(frozen=True, slots=True)
class Part:
    """The pictures ``start`` to ``stop`` of a batch, to be run as one of ``size`` pictures."""

    start: int
    stop: int
    size: int


def parts(count: int, sizes: Sequence[int]) -> Iterator[Part]:
    """``count`` pictures in order: as many of the largest size as they fill, the rest in the smallest that holds it.

    ``sizes`` ascend.
    """
    for start in range(0, count, sizes[-1]):
        stop = min(count, start + sizes[-1])
        yield Part(start, stop, next(size for size in sizes if size >= stop - start))


def processor_parts(batch: NDArray[np.uint8], at_once: int) -> list[NDArray[np.uint8]]:
    """A batch [N, …] in order, in views of at most `CPU_PART`, alike and as many as ``at_once`` of them come out even.

    Each holds one picture at least.
    """
    rounds = -(-len(batch) // (CPU_PART * at_once))
    return np.array_split(batch, min(len(batch), rounds * at_once))


def joined(found: Sequence[Outputs]) -> Outputs:
    """What the network says of all parts, in their order; at least one."""
    features = [part.features for part in found if part.features is not None]
    return Outputs(np.concatenate([part.logits for part in found]), np.concatenate(features) if features else None)


def rehearsed(most: int, device: str) -> tuple[int, ...]:
    """The sizes between 1 and ``most`` to run before the first photo: those that are recorded in their first run.

    On an NVIDIA H200 that takes 2 s, which the first job's photos waited for before.
    """
    return tuple(size for size in SIZES if 1 < size < most) if device.startswith("cuda") else ()


def usual_batch(device: str) -> int:
    """Pictures in one batch on ``device`` (cpu, cuda, cuda:1 …) where nothing else is asked for."""
    return GPU_BATCH if device.startswith("cuda") else CPU_BATCH
