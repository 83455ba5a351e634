"""Memory that a network's library did not get: each tells of it in its own way."""

from collections.abc import Iterator
from contextlib import contextmanager

from model.backends.base import DeviceOutOfMemory

# OpenVINO, ONNX Runtime, and torch on the processor (whose oneDNN names no reason): none has a class for it. torch on a
# GPU has one for its own pool alone: pinned memory, cuBLAS and cuDNN tell of theirs in words. A promise is broken to
# OpenVINO's stream that waits for what another one builds, and has no memory for.
_SIGNS = (
    "bad_alloc",
    "bad allocation",
    "failed to allocate",
    "allocate memory",
    "can't alloc",
    "could not create a primitive",
    "out of memory",
    "_status_alloc_failed",
    "broken promise",
    "can't start new thread",
)


@contextmanager
def memory_watched(pictures: int) -> Iterator[None]:
    """What fails inside for want of memory becomes `DeviceOutOfMemory`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _SIGNS):
            raise DeviceOutOfMemory(f"no memory for {pictures} pictures") from error
        raise
