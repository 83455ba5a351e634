"""Picks the backend once; afterwards nobody asks which it is."""

from importlib.util import find_spec
from pathlib import Path

from model.backends.base import INT8_GRAPH, Backend, BackendMissing, Precision
from model.bundle import GRAPH, WEIGHTS, Bundle

NAMES = (
    "torch",
    "torchscript",
    "torch-bf16",
    "openvino",
    "openvino-bf16",
    "openvino-fp32",
    "openvino-int8",
    "onnxruntime",
    "onnxruntime-int8",
    "onnxruntime-dynamic",
    "fake",
)
"""Every backend; docs/backends.md describes them. ``openvino`` is bfloat16 where the processor has it, else float32."""

SETTLED = tuple(name for name in NAMES if name not in ("openvino", "fake"))
"""Those that run the bundle's network, each in one way: what is measured and compared."""

_TORCH = (("torch", "timm"), "pip install 'shoebox[torch]'")
_OPENVINO = (("openvino",), "pip install openvino")
_ONNX = (("onnxruntime",), "pip install 'shoebox[onnx]'")
_NEEDS = {
    "torch": _TORCH,
    "torchscript": _TORCH,
    "torch-bf16": _TORCH,
    "openvino": _OPENVINO,
    "openvino-bf16": _OPENVINO,
    "openvino-fp32": _OPENVINO,
    "openvino-int8": _OPENVINO,
    "onnxruntime": _ONNX,
    "onnxruntime-int8": _ONNX,
    "onnxruntime-dynamic": (("onnxruntime", "onnx"), "pip install 'shoebox[onnx]' onnx"),
    "fake": ((), ""),
}
_PRECISIONS = {
    "openvino-bf16": Precision.BFLOAT16,
    "openvino-fp32": Precision.FLOAT32,
    "openvino-int8": Precision.INT8,
}
_GPUS = ("nvidia[0-9]*", "dxg")


def available() -> tuple[str, ...]:
    """The backends whose packages are installed, found without importing them."""
    return tuple(name for name in NAMES if all(find_spec(package) for package in _NEEDS[name][0]))


def usable(bundle: Bundle) -> tuple[str, ...]:
    """The backends that are installed and for which ``bundle`` has what they run."""
    return tuple(name for name in NAMES if missing(name, bundle) is None)


def loads(name: str, bundle: Bundle) -> Path:
    """The file of ``bundle`` that the backend reads the network from."""
    if name.endswith("-int8"):
        return bundle.path / INT8_GRAPH
    return bundle.path / (WEIGHTS if name.startswith("torch") else GRAPH)


def missing(name: str, bundle: Bundle) -> str | None:
    """Why the backend ``name`` of `NAMES` cannot run ``bundle`` here, and what to do; ``None`` where nothing lacks.

    Imports no engine, so it cannot know what only the engine knows: whether there is a GPU, or bfloat16.
    """
    if name not in available():
        return f"the backend {name!r} is not installed here; to add it: {_NEEDS[name][1]}"
    if name.endswith("-int8") and bundle.file(INT8_GRAPH) is None:
        return (
            f"the model {bundle.name!r} has no int8 graph; to make one from photos like yours: "
            f"shoebox model export {bundle.name} --to int8 --photos PHOTOS"
        )
    return None


def open_backend(name: str, bundle: Bundle, device: str = "auto", threads: int | None = None) -> Backend:
    """Opens the backend ``name`` of `NAMES`, or with ``auto`` the one that is usually quickest.

    ``device`` is auto, cpu or cuda (or cuda:1 …); ``threads`` limits the processor's (``None``: every core).
    Raises `BackendMissing` for one that is unknown, not installed, or cannot use the device or run the bundle.
    """
    name = automatic(device) if name == "auto" else name
    if name not in NAMES:
        raise BackendMissing(f"there is no backend called {name!r}; choose one of: auto, {', '.join(NAMES)}")
    lacking = missing(name, bundle)
    if lacking is not None:
        raise BackendMissing(lacking)
    if device.startswith("cuda") and name != "torch":
        raise BackendMissing(f"the backend {name!r} runs on the processor only; for {device} choose torch")
    # Each engine is imported only once it is chosen: torch alone takes seconds and 200 MB.
    if name.startswith("torch"):
        from model.backends import torch_timm

        if name == "torch":
            return torch_timm.TorchBackend(bundle, device, threads)
        return torch_timm.TracedBackend(bundle, name, threads)
    if name.startswith("openvino"):
        from model.backends.openvino_cpu import OpenVinoBackend

        return OpenVinoBackend(bundle, threads, _PRECISIONS.get(name), name)
    if name.startswith("onnxruntime"):
        from model.backends.onnx_cpu import OnnxBackend

        return OnnxBackend(bundle, threads, name)
    from model.backends.fake import FakeBackend

    return FakeBackend(bundle)


def automatic(device: str) -> str:
    """The backend that is usually quickest here: torch on a GPU, else OpenVINO. Raises `BackendMissing`."""
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
