"""``python -m worker.benchmark_child ASKED``: measures backends, so that no worker keeps what it imports for it.

The picture's pixels come on standard input; what was measured goes to standard output as JSON, and nothing else does.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from model.benchmark import benchmark
from model.bundle import Bundle


def main(asked: str) -> None:
    """Measures what the worker asked for."""
    # Engines print to standard output what belongs into the log.
    answer = os.dup(1)
    os.dup2(2, 1)
    wanted = json.loads(asked)
    size = wanted["size"]
    pixels = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(1, size, size, 3)
    timings = benchmark(
        Bundle.open(Path(wanted["bundle"])),
        pixels,
        batch_size=wanted["batch_size"],
        device=wanted["device"],
        threads=wanted["threads"],
    )
    with os.fdopen(answer, "w") as out:
        json.dump([asdict(timing) for timing in timings], out)


if __name__ == "__main__":
    main(sys.argv[1])
