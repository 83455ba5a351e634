"""A campaign: callers send, a plan of faults is carried out, and in the end ledger and rows are compared."""

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from running import Running

from faults.audit import audit
from faults.inflict import INFLICT
from faults.look import nothing_waits
from faults.plan import Fault, Step, draw
from faults.postgres import RestartablePostgres
from faults.report import Campaign
from faults.stack import NotRecovered, Stack, release_disk, small_disk, wait_for
from faults.traffic import Traffic
from model.bundle import Bundle

# When the last fault is over, all that was accepted must come to its end within so many seconds.
LONGEST_END = 240.0
# Photos may have been sent a little ahead of the faults, so that there is always work to be hurt.
AHEAD = 0.08
# More faults than this are never under way together: the machine's slowness must not make a plan denser than it says.
AT_ONCE = 5


@contextmanager
def stack(bundle: Bundle, postgres: RestartablePostgres | None, *, aof: bool, **settings: object) -> Iterator[Stack]:
    """A running stack of two control and two classify workers, its uploads on a small disk where root can mount one."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sb-")))
        mounted = small_disk(folder / "disk")
        if mounted:
            opened.callback(release_disk, folder / "disk")
        url = "" if postgres is None else postgres.create()
        given = {"blobs_url": f"file://{folder / 'disk'}", "min_free_bytes": 0, "decoders": 1} | settings
        running = Running(folder / "home", bundle, url, aof=aof, **given)
        opened.callback(running.close)
        made = Stack(running, postgres, mounted)
        opened.callback(made.close)
        yield made.start()


def possible(stack: Stack) -> list[Fault]:
    """The faults that make sense for the stack's database."""
    other = Fault.POSTGRES if stack.postgres is None else Fault.SQLITE
    return [fault for fault in Fault if fault is not other]


def run(stack: Stack, name: str, photos: list[bytes], total: int, faults: int, seed: int, pause: float) -> Campaign:
    """Inflicts ``faults`` faults on a stack while ``total`` photos are sent; returns what was found."""
    settings = stack.running.settings
    found = Campaign(
        name, seed, {key: getattr(settings, key) for key in ("lease_seconds", "sweep_seconds", "idle_exit_seconds")}
    )
    if not stack.small_disk:
        found.notes.append("no small disk could be mounted: the API's files were limited in size instead")
    plan = draw(seed, faults, pause, possible(stack))
    done: list[Step] = []
    traffic = Traffic(stack, photos, total, seed, lambda: len(done) / len(plan) + AHEAD)
    began = time.monotonic()
    traffic.start()
    _carry_out(stack, plan, done, found)
    traffic.join()
    found.broken += traffic.failed
    found.refusals = dict(traffic.refusals)
    try:
        wait_for(lambda: nothing_waits(stack.database), LONGEST_END, "every job ends")
    except NotRecovered as error:
        found.broken.append(str(error))
    found.seconds = time.monotonic() - began
    reckoning = audit(stack)
    found.figures = reckoning.figures
    found.broken += reckoning.broken
    return found


def _carry_out(stack: Stack, plan: Sequence[Step], done: list[Step], found: Campaign) -> None:
    """Each fault in a thread of its own: the next one does not wait until its predecessor is over."""
    lock, room = threading.Lock(), threading.Semaphore(AT_ONCE)

    def inflict(step: Step) -> None:
        try:
            with room:
                seconds = INFLICT[step.fault](stack, step.pick)
        except Exception as error:  # a thread's end would be silent
            with lock:
                found.broken.append(f"{step.fault}: {type(error).__name__}: {error}")
            return
        with lock:
            if seconds is None:
                found.idle[step.fault] = found.idle.get(step.fault, 0) + 1
            else:
                found.recoveries.setdefault(step.fault, []).append(seconds)

    threads = []
    for step in plan:
        time.sleep(step.pause)
        with room:
            pass
        threads.append(threading.Thread(target=inflict, args=(step,), daemon=True))
        threads[-1].start()
        done.append(step)
    for thread in threads:
        thread.join()
