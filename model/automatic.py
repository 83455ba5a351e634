"""The backend that is quickest on this machine among those that judge as they should: measured once, and remembered."""

import fcntl
import hashlib
import json
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from model import selfcheck
from model.backends.base import Backend, Precision
from model.backends.choose import automatic, usable
from model.bundle import Bundle
from model.cores import cores
from model.guard import Guard
from model.parity import Parity, compare, drawn
from model.turns import open_all, take_turns

CANDIDATES = ("openvino-bf16", "openvino-fp32", "onnxruntime", "openvino-int8", "onnxruntime-int8")
"""What is measured, those that compute in float32 or nearest to it first. Not torch: on a processor it was never the
quickest, and importing it took 12 s and 700 MB (2 cores)."""
PICTURES = 64
SECONDS = 2.0
"""Longest that the pictures may take, beside the opening; two batches of each are run in any case. The shipped model
takes 2.3 s with three candidates on 2 cores, most of it to open them; what is remembered takes 0.03 s."""
BATCH = 16
"""Largest batch that is measured, so that large ones do not make the first start slow."""
UNPROVEN = ("openvino-int8", "onnxruntime-int8")
"""What is measured only where the bundle's own figures say that it judged photos as float32 does (``parity``). Others
are left out where the figures say that they did not: photos near a threshold show more than drawn pictures can."""
INT8_AGREES = 0.9
"""The share of drawn pictures that int8 must judge alike. It was calibrated on photos, which drawn pictures are not:
here it is only seen that this processor computes likewise."""
_PACKAGES = ("openvino", "onnxruntime", "numpy")
_LAYOUT = 2


def quickest(
    bundle: Bundle, device: str = "auto", threads: int | None = None, batch_size: int = 16, memory: Path | None = None
) -> str:
    """The name of the backend that ``auto`` means here. Raises `BackendMissing` where none is installed.

    With a GPU that is torch, unmeasured. Else the candidates that are installed judge drawn pictures in turns, and the
    one with the least time for a batch wins among those that pass the self-check and agree with float32. ``memory`` is
    a JSON file that keeps what was found for this machine, bundle and these packages; what cannot be read or written
    there is measured anew.
    """
    usual = automatic(device)
    names = _candidates(bundle)
    if usual == "torch" or not names:
        return usual
    with _turn(memory):
        known = None if memory is None else remembered(bundle, memory, device, threads, batch_size)
        if known is not None:
            return known
        key, circumstances = _key(bundle, threads, batch_size)
        found = _measure(bundle, names, threads, min(batch_size, BATCH))
        # Where none agrees, the self-check of the usual one tells what is wrong.
        best = min(found["milliseconds"], key=found["milliseconds"].__getitem__, default=usual)
        if memory is not None and found["milliseconds"]:
            _remember(memory, key, {"backend": best, **found, **circumstances})
        return best


def remembered(
    bundle: Bundle, memory: Path, device: str = "auto", threads: int | None = None, batch_size: int = 16
) -> str | None:
    """What `quickest` would say without measuring; ``None`` where it would measure. Raises `BackendMissing`."""
    usual, names = automatic(device), _candidates(bundle)
    if usual == "torch" or not names:
        return usual
    known = _read(memory).get(_key(bundle, threads, batch_size)[0])
    return str(known["backend"]) if isinstance(known, dict) and known.get("backend") in names else None


@contextmanager
def _turn(memory: Path | None) -> Iterator[None]:
    """One process at a time: of two that measured beside each other each would see the other's load.

    The second finds what the first remembered. Where nothing can be written nobody waits.
    """
    with ExitStack() as held:
        if memory is not None:
            with suppress(OSError):
                memory.parent.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(memory.with_suffix(".lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _candidates(bundle: Bundle) -> list[str]:
    installed, proven = usable(bundle), bundle.figures.get("parity", {})
    failed = {name for name in CANDIDATES if not proven.get(name, {"passed": name not in UNPROVEN})["passed"]}
    return [name for name in CANDIDATES if name in installed and name not in failed]


def _measure(bundle: Bundle, names: list[str], threads: int | None, batch_size: int) -> dict[str, Any]:
    """Milliseconds for a picture of each backend that may be used, and why the others may not."""
    guard = Guard.of(bundle)
    opened, refused = open_all(names, bundle, "cpu", threads)
    try:
        for name in list(opened):
            try:
                selfcheck.check(opened[name], bundle)
            except Exception as error:  # whatever is wrong with one must not keep the others from being measured
                refused[name] = str(error)
                opened.pop(name).close()
        pixels = drawn(bundle, PICTURES)
        for backend in opened.values():
            backend.run(pixels[:batch_size])
        runs = take_turns(opened, np.array_split(pixels, max(1, len(pixels) // batch_size)), SECONDS)
        exact = next((name for name, one in opened.items() if one.precision is Precision.FLOAT32), None)
        for name, backend in opened.items():
            if exact is None:
                refused[name] = "no backend that computes in float32 is installed to compare it with"
                continue
            beside = compare(guard, name, runs[name].whole(), exact, runs[exact].whole())
            if not _agrees(beside, backend, bundle):
                refused[name] = (
                    f"of {beside.pictures} drawn pictures it gives {beside.labels} another label and decides "
                    f"{beside.decisions} otherwise than {exact}"
                )
        times = {
            name: round(float(np.median(run.milliseconds)), 3) for name, run in runs.items() if name not in refused
        }
    finally:
        for backend in opened.values():
            backend.close()
    return {"milliseconds": times, "refused": refused}


def _agrees(beside: Parity, backend: Backend, bundle: Bundle) -> bool:
    if backend.precision is Precision.INT8:
        return min(beside.same_labels, beside.same_decisions) >= INT8_AGREES
    return beside.passed


def _key(bundle: Bundle, threads: int | None, batch_size: int) -> tuple[str, dict[str, Any]]:
    """What a choice holds for: processor, bundle, packages and how the engine is used."""
    circumstances = {
        "layout": _LAYOUT,
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": cores(),
        "model": f"{bundle.name} {bundle.version}",
        "seal": bundle.digest,
        "packages": {name: _version(name) for name in _PACKAGES},
        "threads": threads,
        "batch_size": batch_size,
    }
    text = json.dumps(circumstances, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32], circumstances


def _processor() -> str:
    """The processor's name and a digest of what it can do: the same name may hide bfloat16 in a virtual machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    able = hashlib.sha256(facts.get("flags", facts.get("Features", "")).encode()).hexdigest()[:8]
    return f"{facts.get('model name', platform.processor())} {able}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(memory: Path) -> Mapping[str, Any]:
    """Everything remembered; nothing where the file is missing or makes no sense."""
    try:
        document = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _remember(memory: Path, key: str, choice: Mapping[str, Any]) -> None:
    """Adds a choice and takes the file's place at once. Of processes that race the last one's file stays."""
    with suppress(OSError):  # a full or read-only disk costs a second at the next start
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, prefix=f".{memory.name}-", delete=False) as file:
            fresh = Path(file.name)
            try:
                json.dump({**_read(memory), key: choice}, file, indent=2)
                file.close()
                fresh.replace(memory)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise
