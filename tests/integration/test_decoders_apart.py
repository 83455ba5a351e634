"""A picture that breaks its decoder, works it for ever or wants 8 GB costs itself alone, in one batch with others."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import COLOUR, chunk, notes, png
from sandboxed import SIZE, decodes, many_scans

from model.backends.base import Outputs
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.engine import Engine
from model.limits import MIB, Limits
from model.photo import Photo
from model.sandbox import DecodePool
from model.verdict import Decision, Reason, Unreadable

GIGAPIXELS = (50_000, 54_000)  # 8.1 GB as RGB


def of_size(width: int, height: int) -> bytes:
    """A PNG that says it is so large, with pixels for its first rows alone."""
    return png(width, 20, colour=COLOUR).replace(
        png(width, 20, colour=COLOUR)[8:33],
        chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"),
    )


def test_a_crash_a_spin_and_eight_gigabytes_cost_those_items_only(
    tiny_bundle: Bundle, scene: Callable[..., bytes]
) -> None:
    limits = replace(
        Limits(), max_pixels=10**10, decode_cpu_seconds=2, decode_seconds=60, decode_memory_bytes=256 * MIB
    )
    spin, huge, good = many_scans(5000), of_size(*GIGAPIXELS), scene("sea")
    with DecodePool(1, limits) as pool:

        def crash() -> bytes:
            """The decoder ends by the signal that a wild pointer brings, with this picture in hand."""
            (pid,) = pool.pids()
            os.kill(pid, signal.SIGSEGV)
            return good

        photos = [
            *(Photo(f"before {n}", lambda: good) for n in range(5)),
            Photo("crash", crash),
            Photo("spin", lambda: spin),
            Photo("huge", lambda: huge),
            *(Photo(f"after {n}", lambda: good) for n in range(5)),
        ]
        with Engine(tiny_bundle, FakeBackend(tiny_bundle), pool, shares_pool=True) as engine:
            verdicts = dict(engine.judge(photos))
        assert decodes(pool)
    assert {key: verdict.reason for key, verdict in verdicts.items()} == {
        **{f"{when} {n}": None for when in ("before", "after") for n in range(5)},
        "crash": Reason.DECODER_CRASHED,
        "spin": Reason.TIMEOUT,
        "huge": Reason.OUT_OF_MEMORY,
    }


@pytest.mark.parametrize(
    ("data", "memory", "reason"),
    [
        (png(13_312, 13_312, bits=1), 16, Reason.TOO_MANY_PIXELS),
        (png(64, 64, notes(400_000_000)), 96, Reason.CORRUPT_IMAGE),
    ],
    ids=["177 megapixels", "1.2 GB of notes"],
)
def test_what_a_header_or_a_note_promises_takes_no_memory(data: bytes, memory: int, reason: Reason) -> None:
    """Refused for what it is, within so many MiB: who took the memory would be told out_of_memory."""
    with DecodePool(1, Limits(decode_memory_bytes=memory * MIB)) as pool, pytest.raises(Unreadable) as refusal:
        pool.submit(lambda: data, SIZE).result(timeout=60)
    assert refusal.value.reason is reason


class Lost(FakeBackend):
    """Its arithmetic goes wrong in the first three rows of a batch, in three ways."""

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        outputs = super().run(batch)
        for row, number in enumerate((np.nan, np.inf, -np.inf)[: len(batch)]):
            outputs.logits[row, 0] = number
        return outputs


def test_lost_arithmetic_never_becomes_a_number(tiny_bundle: Bundle, scene: Callable[..., bytes]) -> None:
    good = scene("sea")
    with (
        DecodePool(1, Limits()) as pool,
        Engine(tiny_bundle, Lost(tiny_bundle), pool, batch_size=8, shares_pool=True) as engine,
    ):
        verdicts = [verdict for _, verdict in engine.judge(Photo(n, lambda: good) for n in range(8))]
    lost = [verdict for verdict in verdicts if verdict.reason is Reason.INTERNAL_ERROR]
    assert len(lost) >= 3
    assert {verdict.decision for verdict in lost} == {Decision.FAILED}
    for verdict in verdicts:
        numbers = [verdict.inference_ms, *(score.value for score in verdict.scores.values())]
        numbers += [tag.confidence for tag in verdict.tags]
        json.dumps(numbers, allow_nan=False)
