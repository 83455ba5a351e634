"""Photos that somebody waits for go before the others, and do not keep them for good."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from model import engine as engine_module
from model.backends.base import Outputs
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.engine import Engine
from model.photo import Photo
from model.sandbox import DecodePool


class Slow(FakeBackend):
    """Takes ten milliseconds a picture, and counts."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.batches: list[int] = []

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        time.sleep(0.01 * len(batch))
        self.batches.append(len(batch))
        return super().run(batch)


@pytest.fixture
def slow(tiny_bundle: Bundle) -> Slow:
    return Slow(tiny_bundle)


@pytest.fixture
def engine(tiny_bundle: Bundle, decoders: DecodePool, slow: Slow) -> Engine:
    return Engine(tiny_bundle, slow, decoders, shares_pool=True)


def crowd(scene: Callable[..., bytes], count: int) -> Iterator[Photo[str]]:
    data = scene("forest")
    return (Photo(f"crowd {n}", lambda: data) for n in range(count))


def test_an_urgent_photo_goes_first_and_alone(engine: Engine, slow: Slow, scene: Callable[..., bytes]) -> None:
    urgent = [Photo("urgent", lambda: scene("sea"), urgent=True)]
    began = False

    def first() -> list[Photo[str]]:
        return [urgent.pop()] if began and urgent else []

    order: list[str] = []
    for key, verdict in engine.judge(crowd(scene, 200), first=first):
        order.append(key)
        began = True
        if key == "urgent":
            assert verdict.tags[0].label == "sea"
    assert sorted(order) == sorted([*(f"crowd {n}" for n in range(200)), "urgent"])
    # What ran when it came is ended, and at most one small batch goes on while it is decoded.
    assert order.index("urgent") <= engine.batch_size + engine.batch_size // 4 + 1
    assert slow.batches[0] == engine.batch_size and 1 in slow.batches[:4]


def test_others_keep_to_small_batches_until_it_is_calm(
    engine: Engine, slow: Slow, scene: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CALM", 0.5)
    assert len(list(engine.judge([Photo("urgent", lambda: scene("sea"), urgent=True)]))) == 1
    slow.batches.clear()
    assert len(list(engine.judge(crowd(scene, 40)))) == 40
    assert max(slow.batches) == engine.batch_size // 4
    time.sleep(0.6)
    slow.batches.clear()
    assert len(list(engine.judge(crowd(scene, 64)))) == 64
    assert max(slow.batches) == engine.batch_size


def test_however_many_are_urgent_the_others_go_on(
    engine: Engine, scene: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "HELD_BACK", 0.05)
    number = 0

    def first() -> list[Photo[str]]:
        nonlocal number
        number += 1
        return [Photo(f"urgent {number}", lambda: scene("sea"), urgent=True)] if number < 10_000 else []

    judged = (key for key, _ in engine.judge(crowd(scene, 40), first=first))
    others = urgent = 0
    deadline = time.monotonic() + 30
    for key in judged:
        others += key.startswith("crowd")
        urgent += key.startswith("urgent")
        if others == 40:
            break
        assert time.monotonic() < deadline, "the others starved"
    assert urgent > 8 and number < 10_000
    judged.close()
