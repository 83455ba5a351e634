"""At the default lease and sweep: how soon work goes on after a worker was killed, and after Redis forgot all."""

import signal
import time

import pytest
from faults.audit import audit
from faults.campaign import stack
from faults.inflict import kill
from faults.look import held_by, nothing_waits, verdicts
from faults.plan import Fault
from faults.report import Campaign
from faults.stack import WORKERS, Stack, wait_for
from faults.traffic import Traffic
from running import CLASSIFY

from model.bundle import Bundle

DEFAULTS = {"lease_seconds": 30, "sweep_seconds": 10, "idle_exit_seconds": 30}
KILLS, KILL_SECONDS = 5, 45.0
FLUSHES, FLUSH_SECONDS = 2, 30.0


@pytest.mark.timeout(1500)
@pytest.mark.long
def test_recovery_at_the_defaults(
    tiny_bundle: Bundle, photos: list[bytes], seed: int, campaigns: list[Campaign]
) -> None:
    """What a killed worker held is in other hands within 45 s; work whose hints were flushed begins within 30 s."""
    began = time.monotonic()
    with stack(tiny_bundle, None, aof=True, **DEFAULTS) as shoebox:
        found = Campaign("defaults: sqlite, Redis with AOF", seed, {k: float(v) for k, v in DEFAULTS.items()})
        kills = found.recoveries.setdefault(Fault.KILL_CLASSIFY, [])
        # New photos for each kill: the others get through what there is while the lease of the dead one runs out.
        traffic = Traffic(shoebox, photos, 4000, seed, lambda: (len(kills) + 0.9) / KILLS)
        traffic.start()
        for turn in range(KILLS):
            wait_for(lambda: in_hand(shoebox), 120, "a worker holds shards")
            kills.append(kill(shoebox, turn / KILLS, CLASSIFY))
        traffic.join()
        wait_for(lambda: nothing_waits(shoebox.database), 240, "every job ends")
        found.recoveries[Fault.FLUSH] = [flush_unheard(shoebox, photos, seed + turn + 1) for turn in range(FLUSHES)]
        wait_for(lambda: nothing_waits(shoebox.database), 240, "every job ends")
        reckoning = audit(shoebox)
    found.seconds, found.figures = time.monotonic() - began, reckoning.figures
    found.broken = traffic.failed + reckoning.broken
    campaigns.append(found)
    assert found.broken == []
    assert max(kills) <= KILL_SECONDS
    assert max(found.recoveries[Fault.FLUSH]) <= FLUSH_SECONDS


def in_hand(shoebox: Stack) -> bool:
    """Whether a classify worker holds shards."""
    pids = [shoebox.process(slot).pid for slot in WORKERS if slot.startswith(CLASSIFY)]
    return any(held_by(shoebox.database, pid).shards for pid in pids)


def flush_unheard(shoebox: Stack, photos: list[bytes], seed: int) -> float:
    """Sends a job that no idle worker can hear of, flushes its hints; seconds until its first verdict after that."""
    workers = [shoebox.process(slot) for slot in WORKERS]
    before = verdicts(shoebox.database)
    for worker in workers:
        shoebox.running.freeze(worker)
    traffic = Traffic(shoebox, photos, 100, seed, lambda: 1.0)
    traffic.start()
    traffic.join()
    assert traffic.failed == []
    shoebox.running.redis().flushall()
    for worker in workers:
        worker.send_signal(signal.SIGCONT)
    return wait_for(lambda: verdicts(shoebox.database) > before, 120, "the first verdict")
