import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from model.backends.base import DeviceOutOfMemory, Outputs, Precision
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.engine import Engine
from model.limits import Limits
from model.photo import Photo
from model.sandbox import DecodePool
from model.verdict import Decision, Options, Reason, Unreadable


class SmallDevice(FakeBackend):
    """Has room for ``room`` pictures at once, and counts."""

    def __init__(self, bundle: Bundle, room: int = 1000) -> None:
        super().__init__(bundle)
        self.room = room
        self.batches: list[int] = []

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        self.batches.append(len(batch))
        if len(batch) > self.room:
            raise DeviceOutOfMemory("no room")
        return super().run(batch)


class Broken(FakeBackend):
    """Loses its arithmetic on every red picture."""

    precision = Precision.FLOAT32

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        outputs = super().run(batch)
        outputs.logits[outputs.logits.argmax(axis=1) == 0] = np.nan
        return outputs


@pytest.fixture
def engine(tiny_bundle, decoders) -> Engine:
    return Engine(tiny_bundle, FakeBackend(tiny_bundle), decoders)


def test_every_photo_gets_one_verdict_under_its_own_key(engine, scene):
    kinds = ["sunset", "forest", "sea"] * 15
    photos = (Photo(n, lambda kind=kind, n=n: scene(kind, n)) for n, kind in enumerate(kinds))
    verdicts = dict(engine.judge(photos))
    assert [verdicts[n].tags[0].label for n in range(len(kinds))] == kinds
    one = verdicts[0]
    assert (one.model, one.version, one.backend, one.width, one.height) == ("tiny", "1", "fake", 160, 120)
    assert one.bytes == len(scene("sunset", 0))
    assert one.inference_ms is not None and one.inference_ms > 0
    assert {"confidence", "novelty"} < set(one.scores) and any(name.startswith("statistics.") for name in one.scores)


def test_a_bad_picture_is_a_verdict_and_the_rest_goes_on(engine, scene):
    def encrypted() -> bytes:
        raise Unreadable(Reason.ENCRYPTED_ENTRY, "This entry is encrypted.", size=7)

    photos = [
        Photo("text", lambda: b"hello"),
        Photo("cut", lambda: scene("sea")[:900]),
        Photo("empty", lambda: b""),
        Photo("locked", encrypted),
        Photo("good", lambda: scene("sea")),
    ]
    verdicts = dict(engine.judge(photos))
    assert {key: verdict.reason for key, verdict in verdicts.items()} == {
        "text": Reason.NOT_AN_IMAGE,
        "cut": Reason.CORRUPT_IMAGE,
        "empty": Reason.EMPTY_FILE,
        "locked": Reason.ENCRYPTED_ENTRY,
        "good": None,
    }
    assert all(verdict.model == "tiny" and verdict.explanation for verdict in verdicts.values())
    assert verdicts["locked"].bytes == 7


def test_no_photos_give_no_verdicts(engine):
    assert list(engine.judge([])) == []


def test_one_picture_can_be_judged_at_once(engine, scene):
    assert engine.judge_one(scene("forest")).tags[0].label == "forest"
    assert engine.judge_one(scene("forest"), Options(deny=frozenset({"forest"}))).reason is Reason.LOW_CONFIDENCE


def test_each_photo_is_judged_by_its_own_options(engine, scene):
    photos = [Photo(deny, lambda: scene("sea"), Options(deny=frozenset({deny}))) for deny in ("sea", "forest")]
    decisions = {key: verdict.decision for key, verdict in engine.judge(photos)}
    assert decisions == {"sea": Decision.REJECTED, "forest": Decision.ACCEPTED}


def test_photos_are_pulled_only_as_room_appears(engine, scene):
    pulled = 0

    def endless() -> Iterator[Photo[int]]:
        nonlocal pulled
        while True:
            pulled += 1
            yield Photo(pulled, lambda: scene("sea"))

    run = engine.judge(endless())
    for judged in range(1, 60):
        next(run)
        assert pulled - judged <= 2 * engine.batch_size
    run.close()


def test_batches_are_full_while_photos_keep_coming(tiny_bundle, decoders, scene):
    device = SmallDevice(tiny_bundle)
    data = scene("sea")
    list(Engine(tiny_bundle, device, decoders).judge(Photo(n, lambda: data) for n in range(100)))
    assert sum(device.batches) == 100
    assert max(device.batches) == 16
    assert sorted(device.batches)[-5:] == [16] * 5


def test_a_slow_photo_does_not_hold_up_those_that_are_ready(engine, scene):
    release = threading.Event()

    def slow() -> bytes:
        release.wait(10)
        return scene("forest")

    run = engine.judge([Photo("slow", slow), *(Photo(n, lambda: scene("sea")) for n in range(3))])
    first = [next(run)[0] for _ in range(3)]
    release.set()
    assert sorted(first) == [0, 1, 2]
    assert next(run)[0] == "slow"
    run.close()


def test_while_a_photo_takes_its_time_its_owner_is_heard(engine, scene):
    release = threading.Event()
    heard = 0

    def slow() -> bytes:
        assert release.wait(20)
        return scene("forest")

    def meanwhile() -> None:
        nonlocal heard
        heard += 1
        if heard == 2:
            release.set()

    verdicts = list(engine.judge([Photo("slow", slow)], meanwhile))
    assert [verdict.decision for _, verdict in verdicts] == [Decision.ACCEPTED]
    assert heard >= 2


@pytest.mark.parametrize("room", [1, 3, 8])
def test_a_batch_that_does_not_fit_is_halved_and_stays_small(tiny_bundle, decoders, scene, room):
    device = SmallDevice(tiny_bundle, room)
    data = scene("sea")
    verdicts = dict(Engine(tiny_bundle, device, decoders).judge(Photo(n, lambda: data) for n in range(40)))
    assert len(verdicts) == 40
    assert {verdict.decision for verdict in verdicts.values()} == {Decision.ACCEPTED}
    assert sum(size > room for size in device.batches) <= 8


def test_a_picture_that_fits_nowhere_fails_as_out_of_memory(tiny_bundle, decoders, scene):
    engine = Engine(tiny_bundle, SmallDevice(tiny_bundle, 0), decoders)
    verdicts = [verdict for _, verdict in engine.judge(Photo(n, lambda: scene("sea")) for n in range(3))]
    assert [(v.decision, v.reason) for v in verdicts] == [(Decision.FAILED, Reason.OUT_OF_MEMORY)] * 3
    assert verdicts[0].width == 160


def test_lost_arithmetic_fails_those_pictures_alone(tiny_bundle, decoders, scene):
    engine = Engine(tiny_bundle, Broken(tiny_bundle), decoders)
    verdicts = dict(engine.judge(Photo(kind, lambda kind=kind: scene(kind)) for kind in ("sunset", "sea", "forest")))
    assert verdicts["sunset"].reason is Reason.INTERNAL_ERROR
    assert verdicts["sea"].decision is verdicts["forest"].decision is Decision.ACCEPTED


def test_what_else_a_read_raises_ends_the_run(engine, scene):
    def gone() -> bytes:
        raise FileNotFoundError("the blob is gone")

    with pytest.raises(FileNotFoundError, match="blob"):
        list(engine.judge([Photo(1, lambda: scene("sea")), Photo(2, gone)]))
    assert engine.judge_one(scene("sea")).decision is Decision.ACCEPTED


def test_what_the_photos_raise_ends_the_run(engine, scene):
    def broken() -> Iterator[Photo[int]]:
        yield Photo(1, lambda: scene("sea"))
        raise ConnectionError("the database is gone")

    with pytest.raises(ConnectionError):
        list(engine.judge(broken()))


def test_closing_early_leaves_no_decode_behind(tiny_bundle, decoders, scene):
    reading, read = 0, 0

    def slowly() -> bytes:
        nonlocal reading, read
        reading += 1
        time.sleep(0.02)
        read += 1
        return scene("sea")

    run = Engine(tiny_bundle, FakeBackend(tiny_bundle), decoders, batch_size=2).judge(
        Photo(n, slowly) for n in range(1000)
    )
    next(run)
    run.close()
    after = reading
    assert read == reading < 20
    time.sleep(0.1)
    assert reading == after


def test_closing_the_engine_ends_its_decoders(tiny_bundle):
    pool = DecodePool(1, Limits())
    with Engine(tiny_bundle, FakeBackend(tiny_bundle), pool) as engine:
        engine.warm_up()
        engine.self_check()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: b"", 64)
    engine.close()


def test_a_small_room_is_remembered_by_the_next_run(tiny_bundle, decoders, scene):
    device = SmallDevice(tiny_bundle, 4)
    engine = Engine(tiny_bundle, device, decoders)
    data = scene("sea")
    for _ in range(3):
        assert len(list(engine.judge(Photo(n, lambda: data) for n in range(20)))) == 20
    assert sum(size > 4 for size in device.batches) <= 2


def test_warming_up_finds_the_room_there_is(tiny_bundle, decoders, scene):
    device = SmallDevice(tiny_bundle, 5)
    engine = Engine(tiny_bundle, device, decoders)
    engine.warm_up()
    assert device.batches == [16, 8, 4, 1]
    list(engine.judge(Photo(n, lambda: scene("sea")) for n in range(9)))
    assert max(device.batches[4:]) <= 4
    with pytest.raises(DeviceOutOfMemory):
        Engine(tiny_bundle, SmallDevice(tiny_bundle, 0), decoders).warm_up()


@pytest.mark.parametrize("times", [1, 2, 100])
def test_a_photo_for_which_there_was_no_memory_is_tried_once_more_alone(engine, scene, times):
    running, together, tries = 0, [], 0

    def read() -> bytes:
        nonlocal running
        running += 1
        time.sleep(0.002)
        running -= 1
        return scene("sea")

    def large() -> bytes:
        nonlocal tries
        tries += 1
        together.append(running)
        if tries <= times:
            raise MemoryError
        return scene("forest")

    photos = [*(Photo(n, read) for n in range(30)), Photo("large", large), *(Photo(30 + n, read) for n in range(30))]
    verdicts = dict(engine.judge(photos))
    assert len(verdicts) == 61
    assert tries == 2 and together[1] == 0, "the second time nothing else was being read"
    large_one = verdicts.pop("large")
    assert large_one.reason == (None if times == 1 else Reason.OUT_OF_MEMORY)
    assert {verdict.decision for verdict in verdicts.values()} == {Decision.ACCEPTED}


def test_where_nothing_fits_every_photo_fails_and_the_run_ends(engine):
    def read() -> bytes:
        raise MemoryError

    verdicts = dict(engine.judge(Photo(n, read) for n in range(50)))
    assert len(verdicts) == 50
    assert {verdict.reason for verdict in verdicts.values()} == {Reason.OUT_OF_MEMORY}
