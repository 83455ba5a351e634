"""What runs inside a decoder process: one picture after the other from a pipe, under limits it cannot raise again.

Started by ``model.sandbox_process`` only. It dies with its parent, sees no secrets, and ``model.confine`` says what
else is out of its reach.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
import warnings
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image

from model import wire
from model.confine import confine
from model.decode import decode
from model.limits import Limits
from model.preview import preview
from model.raster import out_of_memory
from model.verdict import Unreadable

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve requests from standard input until it ends. Arguments: the parent's process id, the limits as JSON."""
    parent, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    _die_with(parent)
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _warm_up()
    confine(limits)
    _write(replies, wire.READY)
    try:
        while header := requests.read(wire.REQUEST.size):
            task, size, length = wire.REQUEST.unpack(header)
            _allow_cpu(limits.decode_cpu_seconds)
            _write(replies, _answer(wire.Task(task), size, requests.read(length), limits))
    except MemoryError:  # not even the file itself had room
        os._exit(wire.EXIT_OUT_OF_MEMORY)


def _answer(task: wire.Task, size: int, data: bytes, limits: Limits) -> bytes:
    try:
        if task is wire.Task.PREVIEW:
            return wire.pack_reply(wire.Status.DONE, payload=preview(data, size, limits))
        decoded = decode(data, size, limits)
        facts = wire.pack_decoded(decoded.width, decoded.height, decoded.format, decoded.statistics)
        return wire.pack_reply(wire.Status.DONE, facts, decoded.pixels.tobytes())
    except MemoryError:
        return _refuse(out_of_memory(len(data)))
    except Unreadable as refusal:
        return _refuse(refusal)
    except Exception:  # the parent logs it: this process has nowhere to write
        return wire.pack_reply(wire.Status.BUG, _json({"traceback": traceback.format_exc()[-8000:]}))


def _refuse(refusal: Unreadable) -> bytes:
    scores = {name: [score.value, score.threshold] for name, score in refusal.scores.items()}
    facts = {"reason": refusal.reason, "explanation": refusal.explanation, "scores": scores}
    return wire.pack_reply(wire.Status.UNREADABLE, _json(facts))


def _json(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode()


def _write(replies: BinaryIO, data: bytes) -> None:
    replies.write(data)
    replies.flush()


def _allow_cpu(seconds: float) -> None:
    """Let this process use ``seconds`` of processor time from now on; then SIGPROF ends it."""
    # Not RLIMIT_CPU, which counts from the process's start and by another clock than it can read: a decoder that had
    # worked for minutes was ended under a good photo, for the clocks drift apart by 1 % and more (measured).
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit()


def _warm_up() -> None:
    """Load what is loaded lazily, so that it counts as baseline and needs no files later.

    Only kinds that are simple to write: the encoders of the others leave threads and their memory behind.
    """
    warnings.simplefilter("ignore")
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF"):
        target = BytesIO()
        Image.new("RGB", (64, 64), "grey").save(target, kind)
        decode(target.getvalue(), 64, Limits())
        preview(target.getvalue(), 32, Limits())


if __name__ == "__main__":
    main()
