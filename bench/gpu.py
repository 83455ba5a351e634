"""How near the engine comes to what its halves do alone: the network on a GPU, and the decoders beside it.

    python -m bench.gpu PHOTOS.zip [--device cuda:1] [--sets camera megapixel] [--count 2000] [--decoders 16]

The network alone gets full batches from memory and gives answers back to it; decoding alone is the engine's own, in
its processes; the engine then judges the same archive, guards and all. Its rate over the smaller of the two is the
share that counts: 0.9 and more is good. The halves are not the engine's limit on a processor, where both want the same
cores. Decoding on the device is torchvision's (nvJPEG on a GPU), whole pictures, made small there: Shoebox does not
use it, for it is neither confined nor reads anything but JPEG. Rounds alternate; medians count.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.limit import ahead, network_alone
from bench.photosets import SETS, photo_set
from model.backends.base import BackendMissing
from model.bundle import BUILT_IN
from model.engine import Engine
from model.limits import Limits
from model.opening import open_engine
from model.photo import Photo
from model.sandbox import DecodePool

CORES = len(os.sched_getaffinity(0))
NETWORK, DECODING, ENGINE, ON_DEVICE = "network alone", "decoding alone", "engine", "decoding on the device"


def main(words: Sequence[str] | None = None) -> int:
    """Runs the rounds and prints a table for each set of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--device", default="auto", help="auto, cpu, or cuda with an index")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=("camera", "megapixel"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--decoders", type=int, default=CORES)
    parser.add_argument("--batch", type=int, help="photos in a batch; default: as a worker has it")
    arguments = parser.parse_args(words)
    with (
        tempfile.TemporaryDirectory(prefix="sb-") as folder,
        DecodePool(arguments.decoders, Limits()) as pool,
        open_engine(BUILT_IN / "scenes", "torch", arguments.device, batch_size=arguments.batch, pool=pool) as engine,
    ):
        print(f"{described(engine)}; batches of {engine.batch_size}, {arguments.decoders} decoders, {CORES} cores")
        for kind in arguments.sets:
            archive = photo_set(arguments.photos, kind, arguments.count, Path(folder) / f"{kind}.zip")
            found: dict[str, list[float]] = {}
            for _ in range(arguments.rounds):
                for name, measure in measures(archive, engine, pool).items():
                    found.setdefault(name, []).append(measure())
            print(f"{kind}: {arguments.count} photos")
            for name, rates in found.items():
                print(f"  {name:<24}{statistics.median(rates):9.1f} photos/s  ({', '.join(f'{r:.1f}' for r in rates)})")
            middle = {name: statistics.median(rates) for name, rates in found.items()}
            print(f"  the engine's share: {middle[ENGINE] / min(middle[NETWORK], middle[DECODING]):.2f}{held(engine)}")
    return 0


def measures(archive: Path, engine: Engine, pool: DecodePool) -> dict[str, Callable[[], float]]:
    """What is measured, by name: each gives photos per second."""
    side = engine.bundle.input_size
    return {
        NETWORK: partial(network_alone, engine.backend, side, engine.batch_size),
        DECODING: partial(decoding, archive, pool, side, max(2 * engine.batch_size, 4 * len(pool.pids()))),
        ENGINE: partial(judging, archive, engine),
        ON_DEVICE: partial(decoding_on, engine.backend.device, archive, side, engine.batch_size),
    }


def decoding(archive: Path, pool: DecodePool, side: int, under_way: int) -> float:
    """Photos per second through the decoders, so many ``under_way``."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        began = time.perf_counter()
        for _ in ahead(names, lambda name: pool.submit(lambda: opened.read(name), side), under_way):
            pass
        return len(names) / (time.perf_counter() - began)


def judging(archive: Path, engine: Engine) -> float:
    """Photos per second from bytes to verdicts."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        began = time.perf_counter()
        verdicts = list(engine.judge(Photo(name, partial(opened.read, name)) for name in names))
        assert len(verdicts) == len(names)
        return len(names) / (time.perf_counter() - began)


def decoding_on(device: str, archive: Path, side: int, batch_size: int) -> float:
    """Photos per second through torchvision's decoder on ``device``, a batch at a time, to squares of ``side``."""
    import torch
    from torchvision.io import decode_jpeg
    from torchvision.transforms.v2.functional import center_crop, resize

    with zipfile.ZipFile(archive) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchCodec is to take its place
        names = opened.namelist()
        began = time.perf_counter()
        for start in range(0, len(names), batch_size):
            files = [
                torch.frombuffer(bytearray(opened.read(name)), dtype=torch.uint8)
                for name in names[start : start + batch_size]
            ]
            squares = [
                resize(center_crop(picture, [min(picture.shape[1:])] * 2), [side, side], antialias=True)
                for picture in decode_jpeg(files, mode="RGB", device=device)
            ]
            torch.stack(squares).cpu()
        return len(names) / (time.perf_counter() - began)


def described(engine: Engine) -> str:
    """The device by name and size, and the arithmetic on it."""
    import torch

    device = torch.device(engine.backend.device)
    if device.type == "cpu":
        return f"the processor, in {engine.backend.precision}"
    facts = torch.cuda.get_device_properties(device)
    return f"{facts.name} ({device}), {facts.total_memory / 1e9:.0f} GB, in {engine.backend.precision}"


def held(engine: Engine) -> str:
    """The most memory of a GPU that this process had, in words."""
    import torch

    device = torch.device(engine.backend.device)
    return "" if device.type == "cpu" else f"; {torch.cuda.max_memory_reserved(device) / 1e9:.1f} GB of it held at most"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BackendMissing as error:
        sys.exit(str(error))
