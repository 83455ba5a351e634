"""How near the engine comes to what its halves do alone: the network on a GPU, and the decoders beside it.

    python -m bench.gpu PHOTOS.zip [--device cuda:1] [--sets camera megapixel] [--count 2000] [--workers 1 2 4]

The network alone gets full batches from memory and gives answers back to it; decoding alone is the engine's own, in
its processes; the engine then judges the same archive, guards and all. Its rate over the smaller of the two is the
share that counts: 0.9 and more is good. With several workers each is a process with an engine and its part of the
decoders, photos and cores, as `SHOEBOX_CLASSIFY_WORKERS` has them, all on one GPU. The halves are not the engine's
limit on a processor, where both want the same cores. Decoding on the device is torchvision's (nvJPEG on a GPU), whole
pictures, made small there: Shoebox does not use it, for it is neither confined nor reads anything but JPEG. Rounds
alternate; medians count.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

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
MEMORY = "memory"


def main(words: Sequence[str] | None = None) -> int:
    """Runs the rounds and prints a table for each set of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--device", default="auto", help="auto, cpu, or cuda with an index")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=("camera", "megapixel"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", nargs="+", type=int, default=[1], help="engines that share the GPU")
    parser.add_argument("--decoders", type=int, default=CORES, help="of all workers together")
    parser.add_argument("--batch", type=int, help="photos in a batch; default: as a worker has it")
    arguments = parser.parse_args(words)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sb-")))
        teams = {
            count: opened.enter_context(Team(count, arguments.decoders, arguments.device, arguments.batch))
            for count in arguments.workers
        }
        first = next(iter(teams.values()))
        print(f"{first.told}, {arguments.decoders} decoders, {CORES} cores", flush=True)
        for kind in arguments.sets:
            archive = photo_set(arguments.photos, kind, arguments.count, folder / f"{kind}.zip")
            found: dict[str, list[float]] = {}
            for _ in range(arguments.rounds):
                for name in (NETWORK, ON_DEVICE):
                    found.setdefault(name, []).append(first.alone(name, archive))
                for count, team in teams.items():
                    for name in (DECODING, ENGINE):
                        found.setdefault(_called(name, count), []).append(team.rate(name, archive, arguments.count))
            print(f"{kind}: {arguments.count} photos")
            for name, rates in found.items():
                print(f"  {name:<28}{statistics.median(rates):9.1f} photos/s  ({', '.join(f'{r:.1f}' for r in rates)})")
            middle = {name: statistics.median(rates) for name, rates in found.items()}
            for count in teams:
                smaller = min(middle[NETWORK], middle[_called(DECODING, count)])
                print(f"  {_called('share of the engine', count):<28}{middle[_called(ENGINE, count)] / smaller:9.2f}")
            print(f"  most memory of each process on the device: {first.alone(MEMORY, archive):.1f} GB", flush=True)
    return 0


def _called(name: str, workers: int) -> str:
    return name if workers == 1 else f"{name}, {workers} workers"


class Team:
    """Processes with an engine each, which begin a measurement together. Use it as a context manager.

    Raises `BackendMissing` where there is no such device.
    """

    def __init__(self, workers: int, decoders: int, device: str, batch_size: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection[Any, Any]] = []
        self._processes = []
        for number in range(workers):
            mine, theirs = context.Pipe()
            each = -(-decoders // workers)
            process = context.Process(target=_work, args=(theirs, number, workers, each, device, batch_size))
            process.start()
            theirs.close()
            self._ends.append(mine)
            self._processes.append(process)

    @property
    def told(self) -> str:
        """What the first engine runs on."""
        return self._told

    def alone(self, name: str, archive: Path) -> float:
        """What the first process measures while the others do nothing: photos per second, or GB of memory."""
        self._ends[0].send((name, archive))
        assert self._ends[0].recv() == name
        self._ends[0].send("go")
        rate: float = self._ends[0].recv()
        return rate

    def rate(self, name: str, archive: Path, count: int) -> float:
        """Photos per second of all together, from when they begin until the last has ended."""
        for end in self._ends:
            end.send((name, archive))
        for end in self._ends:
            assert end.recv() == name
        began = time.perf_counter()
        for end in self._ends:
            end.send("go")
        for end in self._ends:
            end.recv()
        return count / (time.perf_counter() - began)

    def __enter__(self) -> Self:
        try:
            ready = [end.recv() for end in self._ends]
        except EOFError:
            self.__exit__()
            raise RuntimeError("an engine could not be opened") from None
        for one in ready:
            if isinstance(one, BackendMissing):
                self.__exit__()
                raise one
        self._told = ready[0]
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join()


def _work(
    end: "Connection[Any, Any]", number: int, workers: int, decoders: int, device: str, batch: int | None
) -> None:
    """The life of one process of a team: every ``workers``-th photo is its own."""
    threads = None if workers == 1 else -(-CORES // workers)
    try:
        with (
            DecodePool(decoders, Limits()) as pool,
            open_engine(BUILT_IN / "scenes", "torch", device, threads=threads, batch_size=batch, pool=pool) as engine,
        ):
            end.send(described(engine))
            while True:
                name, archive = end.recv()
                with zipfile.ZipFile(archive) as opened:
                    names = opened.namelist()[number::workers]
                    measure = {
                        NETWORK: partial(network_alone, engine.backend, engine.bundle.input_size, engine.batch_size),
                        DECODING: partial(decoding, opened, names, pool, engine),
                        ENGINE: partial(judging, opened, names, engine),
                        ON_DEVICE: partial(decoding_on, opened, names, engine),
                        MEMORY: partial(held, engine),
                    }[name]
                    end.send(name)
                    end.recv()
                    end.send(measure())
    except BackendMissing as error:
        end.send(error)
    except EOFError:
        return


def decoding(archive: zipfile.ZipFile, names: list[str], pool: DecodePool, engine: Engine) -> float:
    """Photos per second through the decoders, as many under way as in the engine."""
    side, under_way = engine.bundle.input_size, max(2 * engine.batch_size, 4 * len(pool.pids()))
    began = time.perf_counter()
    for _ in ahead(names, lambda name: pool.submit(lambda: archive.read(name), side), under_way):
        pass
    return len(names) / (time.perf_counter() - began)


def judging(archive: zipfile.ZipFile, names: list[str], engine: Engine) -> float:
    """Photos per second from bytes to verdicts."""
    began = time.perf_counter()
    verdicts = list(engine.judge(Photo(name, partial(archive.read, name)) for name in names))
    assert len(verdicts) == len(names)
    return len(names) / (time.perf_counter() - began)


def decoding_on(archive: zipfile.ZipFile, names: list[str], engine: Engine) -> float:
    """Photos per second through torchvision's decoder on the engine's device, a batch at a time, to its squares."""
    import torch
    from torchvision.io import decode_jpeg
    from torchvision.transforms.v2.functional import center_crop, resize

    side, batch_size = engine.bundle.input_size, engine.batch_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchCodec is to take its place
        began = time.perf_counter()
        for start in range(0, len(names), batch_size):
            files = [
                torch.frombuffer(bytearray(archive.read(name)), dtype=torch.uint8)
                for name in names[start : start + batch_size]
            ]
            squares = [
                resize(center_crop(picture, [min(picture.shape[1:])] * 2), [side, side], antialias=True)
                for picture in decode_jpeg(files, mode="RGB", device=engine.backend.device)
            ]
            torch.stack(squares).cpu()
        return len(names) / (time.perf_counter() - began)


def described(engine: Engine) -> str:
    """The device by name and size, the arithmetic on it and the batches."""
    import torch

    device = torch.device(engine.backend.device)
    suffix = f"in {engine.backend.precision}; batches of {engine.batch_size}"
    if device.type == "cpu":
        return f"the processor, {suffix}"
    facts = torch.cuda.get_device_properties(device)
    return f"{facts.name} ({device}), {facts.total_memory / 1e9:.0f} GB, {suffix}"


def held(engine: Engine) -> float:
    """The most memory of a GPU that this process's tensors took, in GB; 0 on a processor."""
    import torch

    device = torch.device(engine.backend.device)
    return 0.0 if device.type == "cpu" else torch.cuda.max_memory_reserved(device) / 1e9


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BackendMissing as error:
        sys.exit(str(error))
