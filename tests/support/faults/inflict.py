"""How each fault is done to a stack. Every function takes the stack and a number from 0 to 1 that picks the victim,
waits until the stack has got over it, and returns how many seconds that took (None: there was nothing to hurt).
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import redis
from desk import Desk
from running import API, CLASSIFY, CONTROL, REDIS
from sqlalchemy import update

from client.errors import ShoeboxError
from db.schema import Beat
from faults.look import Held, held_by, nothing_waits, taken_up, unfinished_job, verdicts, works
from faults.plan import Fault
from faults.stack import LONGEST, WORKERS, Stack, patiently, wait_for
from faults.uploads import cut, ended, fill_disk, flip, hurt_blob

# The supervisor kills what has not ended by then. That 5 s are enough where nothing else is wrong is another test.
STOP_SECONDS = 10.0
HOUR = 3600.0


def _victim(stack: Stack, pick: float, kind: str = "") -> str:
    """A slot whose process nothing else is being done to: one that holds a lease, if there is any."""
    slots = [slot for slot in WORKERS if slot.startswith(kind)]
    slots = slots[int(pick * len(slots)) :] + slots[: int(pick * len(slots))]
    free = [slot for slot in slots if stack.process(slot).pid not in stack.taken] or slots
    busy = [slot for slot in free if _held(stack, stack.process(slot).pid).any]
    return (busy or free)[0]


def _held(stack: Stack, pid: int) -> Held:
    return patiently(lambda: held_by(stack.database, pid))


def kill(stack: Stack, pick: float, kind: str) -> float:
    """Kills a worker; over when what it held is in other hands and another process stands in its place."""
    slot = _victim(stack, pick, kind)
    process = stack.process(slot)
    began = time.monotonic()
    process.kill()
    process.wait()
    held = _held(stack, process.pid)
    heir = stack.renewed(slot, process)
    wait_for(lambda: taken_up(stack.database, held), LONGEST, f"what {slot} held is taken up: {held}")
    wait_for(lambda: works(stack.database, heir.pid) or stack.process(slot) is not heir, LONGEST, f"{slot} is back")
    return time.monotonic() - began


def kill_api(stack: Stack, pick: float) -> float:
    """Kills the API; over when another answers."""
    began = time.monotonic()
    process = stack.process(API)
    process.kill()
    process.wait()
    stack.renewed(API, process)
    wait_for(lambda: _alive(stack), LONGEST, "the API is back")
    return time.monotonic() - began


def _alive(stack: Stack) -> bool:
    try:
        return httpx.get(f"{stack.running.settings.url}/health/live", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def kill_redis(stack: Stack, pick: float) -> float:
    """Kills Redis and leaves it away for a while; over when verdicts come again after that."""
    process = stack.process(REDIS)
    stack.held_down.add(REDIS)
    process.kill()
    process.wait()
    time.sleep(pick * stack.running.settings.lease_seconds)
    stack.held_down.discard(REDIS)
    return _going_on(stack)


def flush(stack: Stack, pick: float) -> float:
    """Deletes all that Redis holds; over when verdicts come."""
    try:
        stack.running.redis().flushall()
    except redis.RedisError:
        return 0.0  # it is away at the moment, and has forgotten as much
    return _going_on(stack)


def stop_redis(stack: Stack, pick: float) -> float:
    """Redis hangs for two leases; over when verdicts come again after that."""
    process = stack.process(REDIS)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2 * stack.running.settings.lease_seconds)
    process.send_signal(signal.SIGCONT)
    return _going_on(stack)


def _going_on(stack: Stack) -> float:
    before: list[int] = []

    def moves() -> bool:
        now = verdicts(stack.database)
        before.append(now)
        return now > before[0] or nothing_waits(stack.database)

    return wait_for(moves, LONGEST, "verdicts come")


def freeze(stack: Stack, pick: float) -> float:
    """Stops a worker for longer than its leases last; over when what it held is in other hands.

    It goes on after a few leases at the latest: every other worker may be frozen at the same time.
    """
    slot = _victim(stack, pick)
    process, lease = stack.process(slot), stack.running.settings.lease_seconds
    stack.taken.add(process.pid)
    stack.running.freeze(process)
    began, took = time.monotonic(), None
    try:
        held = _held(stack, process.pid)
        while (lasted := time.monotonic() - began) < (6 if took is None else 1.5) * lease:
            if took is None and patiently(lambda: taken_up(stack.database, held)):
                took = lasted
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGCONT)
        stack.taken.discard(process.pid)
    if took is None:
        wait_for(lambda: taken_up(stack.database, held), LONGEST, f"what {slot} held is taken up: {held}")
    return time.monotonic() - began if took is None else took


def terminate(stack: Stack, pick: float) -> float:
    """Asks a worker to stop; it must be gone before a supervisor would kill it."""
    slot = _victim(stack, pick)
    process = stack.process(slot)
    ready = patiently(lambda: works(stack.database, process.pid))
    stack.taken.add(process.pid)
    began = time.monotonic()
    process.terminate()
    process.wait(LONGEST)
    took = time.monotonic() - began
    stack.taken.discard(process.pid)
    if ready and took > STOP_SECONDS:
        stack.broken.append(f"{slot} took {took:.1f} s to stop")
    return took


def restart_postgres(stack: Stack, pick: float) -> float:
    """Restarts the database, half of the times by crashing it; over when verdicts come again."""
    assert stack.postgres is not None
    began = time.monotonic()
    stack.postgres.restart("fast" if pick < 0.5 else "immediate")
    _going_on(stack)
    return time.monotonic() - began


def lock_sqlite(stack: Stack, pick: float) -> float:
    """Holds SQLite's one write lock for 1 to 4 s; over when verdicts come again after that."""

    def hold() -> None:
        with stack.database.write() as session:
            session.connection()  # takes the lock
            time.sleep(1 + 3 * pick)

    patiently(hold)
    return _going_on(stack)


def turn_clock(stack: Stack, pick: float, seconds: float) -> float:
    """Moves every time that was written ahead by so many seconds, as a clock that was set does; over when work goes on.

    Leases are judged by the database's clock alone, so to move them is to move it.
    """

    def turn() -> None:
        Desk(stack.database).lapse(seconds)
        with stack.database.write() as session:
            session.execute(update(Beat).values(due_at=Beat.due_at + seconds))

    patiently(turn)
    return _going_on(stack)


def cancel(stack: Stack, pick: float) -> float | None:
    """Cancels a job; over when it has ended."""
    job = patiently(lambda: unfinished_job(stack.database, pick))
    if job is None:
        return None
    stack.canceled.add(job)
    try:
        stack.running.client.cancel(job)
    except ShoeboxError:
        return None  # it has just ended, or the API is away
    return ended(stack, job)


INFLICT: dict[Fault, Callable[[Stack, float], float | None]] = {
    Fault.KILL_CLASSIFY: lambda stack, pick: kill(stack, pick, CLASSIFY),
    Fault.KILL_CONTROL: lambda stack, pick: kill(stack, pick, CONTROL),
    Fault.KILL_API: kill_api,
    Fault.KILL_REDIS: kill_redis,
    Fault.FLUSH: flush,
    Fault.STOP_REDIS: stop_redis,
    Fault.FREEZE: freeze,
    Fault.TERMINATE: terminate,
    Fault.POSTGRES: restart_postgres,
    Fault.SQLITE: lock_sqlite,
    Fault.BLOB_LOST: lambda stack, pick: hurt_blob(stack, pick, Path.unlink, "lost"),
    Fault.BLOB_CUT: lambda stack, pick: hurt_blob(stack, pick, cut, "cut"),
    Fault.BLOB_FLIPPED: lambda stack, pick: hurt_blob(stack, pick, flip, "flipped"),
    Fault.DISK_FULL: fill_disk,
    Fault.CLOCK_BACK: lambda stack, pick: turn_clock(stack, pick, HOUR),
    Fault.CLOCK_ON: lambda stack, pick: turn_clock(stack, pick, -HOUR),
    Fault.CANCEL: cancel,
}
