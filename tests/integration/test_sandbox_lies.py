"""A decoder that a picture has taken over answers as it likes: that costs its picture, never the worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sandboxed import SIZE, decodes, photo

from model import sandbox_process, wire
from model.limits import Limits
from model.sandbox import DecodePool
from model.statistics import NAMES
from model.verdict import Reason, Unreadable

FACTS = wire.pack_decoded(300, 200, "JPEG", [0.5] * len(NAMES))
PIXELS = bytes(range(0, 256, 2)) * (SIZE * SIZE * 3 // 128)
HONEST = wire.pack_reply(wire.Status.DONE, FACTS, PIXELS)
REFUSAL = b'{"reason":"too_small","explanation":"","scores":{}}'
# The first answers one question as it is told to, in pieces; whoever comes after it is a decoder like any other.
PROGRAM = """
import pathlib, runpy, struct, sys
first = pathlib.Path({first!r})
if not first.exists():
    runpy.run_module("model.sandbox_child", run_name="__main__")
    sys.exit()
first.unlink()
sys.stdout.buffer.write(b"ready")
sys.stdout.buffer.flush()
header = sys.stdin.buffer.read(13)
sys.stdin.buffer.read(struct.unpack("!BIQ", header)[2])
answer = {answer!r}
for start in range(0, len(answer), {piece}):
    sys.stdout.buffer.write(answer[start:start + {piece}])
    sys.stdout.buffer.flush()
sys.stdin.buffer.read(1)
"""

Pools = Callable[..., DecodePool]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pools]:
    """``answering(answer)``: a pool whose only decoder answers so, once."""
    with ExitStack() as opened:

        def make(answer: bytes, piece: int = 2**20) -> DecodePool:
            first = tmp_path / "first"
            first.touch()
            script = PROGRAM.format(first=str(first), answer=answer, piece=piece)
            monkeypatch.setattr(sandbox_process, "_PROGRAM", ("-P", "-c", script))
            return opened.enter_context(DecodePool(1, Limits(decode_seconds=10)))

        yield make


@pytest.mark.parametrize("piece", [2**20, 1000, 7])
def test_an_answer_is_understood_in_whatever_pieces_it_comes(answering: Pools, piece: int) -> None:
    decoded = answering(HONEST, piece).submit(photo, SIZE).result(timeout=60)

    assert (decoded.width, decoded.height, decoded.format, decoded.bytes) == (300, 200, "JPEG", len(photo()))
    assert decoded.statistics == (0.5,) * len(NAMES)
    assert decoded.pixels.tobytes() == PIXELS


def test_a_refusal_is_understood(answering: Pools) -> None:
    pool = answering(wire.pack_reply(wire.Status.UNREADABLE, REFUSAL))

    error = pool.submit(photo, SIZE).exception(timeout=60)

    assert isinstance(error, Unreadable)
    assert error.reason is Reason.TOO_SMALL


@pytest.mark.parametrize(
    "answer",
    {
        "more than it says": wire.pack_reply(wire.Status.UNREADABLE, REFUSAL) + b"x",
        "one byte of the picture too few": wire.REPLY.pack(1, len(FACTS), len(PIXELS) - 1) + FACTS + PIXELS[1:],
        "more bytes than there are": wire.REPLY.pack(1, len(FACTS), 2**62) + FACTS,
        "facts without an end": wire.REPLY.pack(1, 2**32 - 1, len(PIXELS)) + FACTS,
        "no facts": wire.pack_reply(wire.Status.DONE, b"", PIXELS),
        "fewer statistics": wire.pack_reply(wire.Status.DONE, FACTS[:-8], PIXELS),
        "a statistic that is no number": wire.pack_reply(wire.Status.DONE, FACTS[:-8] + b"\x7f\xf8" + bytes(6), PIXELS),
        "no width": wire.pack_reply(wire.Status.DONE, bytes(8) + FACTS[8:], PIXELS),
        "a format that is no text": wire.pack_reply(wire.Status.DONE, FACTS[:16] + b"\xff" * 16 + FACTS[32:], PIXELS),
        "a refusal that is no JSON": wire.pack_reply(wire.Status.UNREADABLE, b"{"),
        "a refusal that is a list": wire.pack_reply(wire.Status.UNREADABLE, b"[1]"),
        "a refusal with a reason of its own": wire.pack_reply(
            wire.Status.UNREADABLE, b'{"reason":"bored","explanation":"","scores":{}}'
        ),
        "a refusal with pixels": wire.pack_reply(wire.Status.UNREADABLE, REFUSAL, PIXELS),
        "another status": wire.pack_reply(9, REFUSAL),  # type: ignore[arg-type]
    }.items(),
    ids=lambda answer: answer[0],
)
def test_an_answer_that_makes_no_sense_is_a_crash(answering: Pools, answer: tuple[str, bytes]) -> None:
    pool = answering(answer[1])

    error = pool.submit(photo, SIZE).exception(timeout=60)

    assert isinstance(error, Unreadable)
    assert error.reason is Reason.DECODER_CRASHED
    assert decodes(pool)
