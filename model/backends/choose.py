"""Picks the backend once; afterwards nobody asks which it is."""

from importlib.util import find_spec
from pathlib import Path

from model.backends.base import Backend, BackendMissing
from model.bundle import Bundle

NAMES = ("torch", "openvino", "onnxruntime", "fake")
"""Every backend, the quickest first where a GPU is there."""

_NEEDS = {
    "torch": (("torch", "timm"), "pip install 'shoebox[torch]'"),
    "openvino": (("openvino",), "pip install openvino"),
    "onnxruntime": (("onnxruntime",), "pip install 'shoebox[onnx]'"),
    "fake": ((), ""),
}
_GPUS = ("nvidia[0-9]*", "dxg")


def available() -> tuple[str, ...]:
    """The backends whose packages are installed, found without importing them."""
    return tuple(name for name in NAMES if all(find_spec(package) for package in _NEEDS[name][0]))


def open_backend(name: str, bundle: Bundle, device: str = "auto", threads: int | None = None) -> Backend:
    """Opens the backend ``name`` of `NAMES`, or with ``auto`` the quickest that runs here.

    ``device`` is auto, cpu or cuda (or cuda:1 …); ``threads`` limits the processor's (``None``: every core).
    Raises `BackendMissing` for one that is unknown, not installed, or cannot use the device.
    """
    name = _automatic(device) if name == "auto" else name
    if name not in NAMES:
        raise BackendMissing(f"there is no backend called {name!r}; choose one of: auto, {', '.join(NAMES)}")
    if name not in available():
        raise BackendMissing(f"the backend {name!r} is not installed here; to add it: {_NEEDS[name][1]}")
    if device.startswith("cuda") and name != "torch":
        raise BackendMissing(f"the backend {name!r} runs on the processor only; for {device} choose torch")
    # Each engine is imported only once it is chosen: torch alone takes seconds and 200 MB.
    if name == "torch":
        from model.backends.torch_timm import TorchBackend

        return TorchBackend(bundle, device, threads)
    if name == "openvino":
        from model.backends.openvino_cpu import OpenVinoBackend

        return OpenVinoBackend(bundle, threads)
    if name == "onnxruntime":
        from model.backends.onnx_cpu import OnnxBackend

        return OnnxBackend(bundle, threads)
    from model.backends.fake import FakeBackend

    return FakeBackend(bundle)


def _automatic(device: str) -> str:
    installed = available()
    if device.startswith("cuda"):
        return "torch"
    if "torch" in installed and device != "cpu" and _has_gpu():
        return "torch"
    found = next((name for name in ("openvino", "onnxruntime", "torch") if name in installed), None)
    if found is None:
        raise BackendMissing(f"no backend is installed here; to add one: {_NEEDS['openvino'][1]}")
    return found


def _has_gpu() -> bool:
    # The driver's device files first: without one, torch need not be imported to learn that there is no GPU.
    if not any(any(Path("/dev").glob(pattern)) for pattern in _GPUS):
        return False
    from model.backends.torch_timm import has_cuda

    return has_cuda()
