"""Batches of fixed sizes through torch: on the processor all but pinning and recording, with a GPU the rest as well."""

import numpy as np
import pytest
import torch
from torch import nn

from model import selfcheck
from model.backends.base import BackendMissing, DeviceOutOfMemory, Precision
from model.backends.batches import GPU_BATCH
from model.backends.shortage import memory_watched
from model.backends.torch_staged import Staged, rounded
from model.backends.torch_timm import FromPixels, TorchBackend, place
from model.engine import Engine, Photo
from model.opening import open_engine

SIDE = 64
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


class Sizes(nn.Module):
    """Passes on to a network, and notes what batches it got."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seen: list[tuple[int, torch.dtype]] = []

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen.append((len(pixels), pixels.dtype))
        return self.network(pixels)


def pictures(count: int, seed: int = 0):
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("count", [1, 3, 8, 21])
def test_answers_are_those_of_the_network_alone_in_the_same_order(tiny_bundle, count):
    direct, staged = TorchBackend(tiny_bundle, "cpu"), TorchBackend(tiny_bundle, "cpu", sizes=(1, 2, 4, 8))
    staged.run(pictures(8, seed=9))  # what lies in the buffers afterwards fills the next batches

    found, wanted = staged.run(pictures(count)), direct.run(pictures(count))

    assert found.logits.dtype == found.features.dtype == np.float32
    np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-4)
    np.testing.assert_allclose(found.features, wanted.features, atol=1e-4)
    assert len({row.tobytes() for row in found.logits}) == count
    direct.close()
    staged.close()


def test_the_network_gets_bytes_in_batches_of_the_sizes_alone(tiny_bundle):
    noting = Sizes(FromPixels(tiny_bundle))
    staged = Staged(noting, SIDE, torch.device("cpu"), (4, 1))

    staged.run(pictures(11))
    staged.run(pictures(1))

    assert noting.seen == [(4, torch.uint8), (4, torch.uint8), (4, torch.uint8), (1, torch.uint8)]
    assert staged.recorded == ()


def test_earlier_answers_stay_as_they_were(tiny_bundle):
    staged = TorchBackend(tiny_bundle, "cpu", sizes=(4,))
    first = staged.run(pictures(3))
    logits, features = first.logits.copy(), first.features.copy()

    staged.run(pictures(4, seed=1))

    np.testing.assert_array_equal(first.logits, logits)
    np.testing.assert_array_equal(first.features, features)


def test_weights_rounded_beforehand_are_what_autocast_makes_of_them(tiny_bundle):
    exact, half = FromPixels(tiny_bundle), Staged(FromPixels(tiny_bundle), SIDE, torch.device("cpu"), (4,), half=True)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        wanted = [answer.float().numpy() for answer in exact(torch.from_numpy(pictures(4)))]
    with torch.inference_mode():
        full = exact(torch.from_numpy(pictures(4)))[0].numpy()

    logits, features = half.run(pictures(4))

    np.testing.assert_array_equal(logits, wanted[0])
    np.testing.assert_array_equal(features, wanted[1])
    assert 0 < np.abs(logits - full).max() < 0.05 * np.abs(full).max()


def test_norms_and_layers_that_compute_with_their_weights_are_not_rounded():
    from timm.layers import StdConv2d

    network = rounded(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), StdConv2d(4, 4, 1), nn.Linear(4, 2)))

    assert [next(layer.parameters()).dtype for layer in network] == [
        torch.bfloat16,
        torch.float32,
        torch.float32,
        torch.bfloat16,
    ]


def test_an_engine_judges_through_it_as_it_does_without(tiny_bundle, scene, decoders):
    photos = [(f"{kind}{seed}", scene(kind, seed)) for seed in range(7) for kind in ("sunset", "sea", "orchid")]
    decided = []
    for sizes in (None, (1, 2, 4, 8)):
        backend = TorchBackend(tiny_bundle, "cpu", sizes=sizes)
        with Engine(tiny_bundle, backend, decoders, batch_size=8, shares_pool=True) as engine:
            engine.warm_up()
            engine.self_check()
            verdicts = dict(engine.judge(Photo(name, lambda data=data: data) for name, data in photos))
        decided.append({name: (one.decision, one.tags and one.tags[0].label) for name, one in verdicts.items()})

    assert len(decided[0]) == len(photos)
    assert decided[0] == decided[1]


def test_a_worker_on_the_processor_keeps_batches_of_sixteen(tiny_bundle, decoders):
    with open_engine(tiny_bundle.path, "torch", "cpu", threads=1, pool=decoders) as engine:
        assert (engine.batch_size, engine.backend.device) == (16, "cpu")
    with open_engine(tiny_bundle.path, "fake", "cpu", batch_size=5, pool=decoders) as engine:
        assert (engine.batch_size, engine.backend.device) == (5, "cpu")


def test_a_device_is_found_or_told_to_be_missing():
    assert [str(place("auto", gpus)) for gpus in (0, 2)] == ["cpu", "cuda:0"]
    assert [str(place(device, 2)) for device in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda:0", "cuda:1"]
    with pytest.raises(BackendMissing, match="finds no GPU"):
        place("cuda", 0)
    with pytest.raises(BackendMissing, match=r"no cuda:2 here.* cuda:0 to cuda:1"):
        place("cuda:2", 2)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_what_a_gpu_says_of_its_memory_is_understood(error):
    with pytest.raises(DeviceOutOfMemory, match="64 pictures"), memory_watched(64):
        raise error


@needs_gpu
def test_a_gpu_repeats_recordings_and_judges_as_the_processor_does(tiny_bundle):
    here, gpu = TorchBackend(tiny_bundle, "cpu"), TorchBackend(tiny_bundle, "cuda")
    assert gpu.precision is Precision.BFLOAT16
    selfcheck.check(gpu, tiny_bundle)
    for turn in range(2):  # recorded in the first, repeated in the second
        for count in (GPU_BATCH, 1, 5, 130):
            found, wanted = gpu.run(pictures(count, turn)), here.run(pictures(count, turn))
            np.testing.assert_allclose(found.logits, wanted.logits, atol=0.05 * np.abs(wanted.logits).max())
    assert gpu.recorded == (1, 2, 4, 8, 64, 128)
    gpu.close()


@needs_gpu
def test_a_network_that_goes_leaves_the_other_as_it_was(tiny_bundle):
    one, other = TorchBackend(tiny_bundle, "cuda"), TorchBackend(tiny_bundle, "cuda")
    one.run(pictures(8))
    wanted = other.run(pictures(8))
    one.close()
    third = TorchBackend(tiny_bundle, "cuda")
    third.run(pictures(64))

    np.testing.assert_array_equal(other.run(pictures(8)).logits, wanted.logits)
    third.close()
    other.close()


@needs_gpu
def test_a_gpu_without_room_says_so_and_goes_on_with_less(tiny_bundle):
    _, total = torch.cuda.mem_get_info()
    gpu = TorchBackend(tiny_bundle, "cuda", sizes=(1, 4096))
    gpu.run(pictures(1))
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 64 * 2**20) / total)
    try:
        with pytest.raises(DeviceOutOfMemory):
            gpu.run(pictures(4096))
        assert gpu.run(pictures(1)).logits.shape == (1, 3)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        gpu.close()
