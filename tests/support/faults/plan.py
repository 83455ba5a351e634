"""Which faults come, in which order: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What is done to a running Shoebox."""

    KILL_CLASSIFY = "kill -9 of a classify worker"
    KILL_CONTROL = "kill -9 of a control worker"
    KILL_API = "kill -9 of the API"
    KILL_REDIS = "kill -9 of Redis"
    FLUSH = "Redis FLUSHALL"
    STOP_REDIS = "Redis stopped and continued"
    FREEZE = "worker stopped past its lease, then continued"
    TERMINATE = "SIGTERM to a worker"
    POSTGRES = "PostgreSQL restarted"
    SQLITE = "SQLite locked by somebody else"
    BLOB_LOST = "upload deleted"
    BLOB_CUT = "upload cut short"
    BLOB_FLIPPED = "upload's bytes changed"
    DISK_FULL = "disk of the uploads full"
    CLOCK_BACK = "clock an hour back: leases end far ahead"
    CLOCK_ON = "clock an hour on: all leases over at once"
    CANCEL = "job canceled"


# How often each is drawn, relative to the others.
WEIGHTS = {
    Fault.KILL_CLASSIFY: 12,
    Fault.KILL_CONTROL: 5,
    Fault.KILL_API: 5,
    Fault.KILL_REDIS: 4,
    Fault.FLUSH: 5,
    Fault.STOP_REDIS: 2,
    Fault.FREEZE: 5,
    Fault.TERMINATE: 3,
    Fault.POSTGRES: 4,
    Fault.SQLITE: 3,
    Fault.BLOB_LOST: 2,
    Fault.BLOB_CUT: 2,
    Fault.BLOB_FLIPPED: 1,
    Fault.DISK_FULL: 2,
    Fault.CLOCK_BACK: 2,
    Fault.CLOCK_ON: 2,
    Fault.CANCEL: 2,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: how many seconds after the one before, and a number from 0 to 1 that picks its victim."""

    fault: Fault
    pause: float
    pick: float


def draw(seed: int, count: int, pause: float, faults: Sequence[Fault] = tuple(Fault)) -> list[Step]:
    """A plan of ``count`` faults with ``pause`` seconds between them on average; each kind comes if there is room."""
    chance = random.Random(seed)
    kinds = list(faults)
    chance.shuffle(kinds)
    drawn = chance.choices(faults, [WEIGHTS[fault] for fault in faults], k=max(0, count - len(kinds)))
    order = (kinds + drawn)[:count]
    chance.shuffle(order)
    return [Step(fault, chance.uniform(0.3, 1.7) * pause, chance.random()) for fault in order]
