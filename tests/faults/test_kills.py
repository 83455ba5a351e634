"""One job and one worker, killed again and again in the middle of its work."""

import time
from collections import Counter

import pytest
from faults.audit import audit
from faults.campaign import stack
from faults.inflict import kill
from faults.ledger import Entry
from faults.look import verdicts
from faults.plan import Fault
from faults.report import Campaign
from faults.stack import wait_for
from faults.traffic import archive
from running import CLASSIFY

from db.query.items import every_item
from model.bundle import Bundle

KILLS, PHOTOS = 50, 8000
ONLY, OTHER = f"{CLASSIFY}-1", f"{CLASSIFY}-2"


@pytest.mark.timeout(1500)
@pytest.mark.long
def test_fifty_kills_over_one_job(tiny_bundle: Bundle, photos: list[bytes], campaigns: list[Campaign]) -> None:
    """Every photo has one row in the end, and each time the work goes on."""
    began = time.monotonic()
    names = [f"{i}.jpg" for i in range(PHOTOS)]
    with stack(tiny_bundle, None, aof=True, lease_seconds=2, sweep_seconds=0.5) as shoebox:
        shoebox.held_down.add(OTHER)
        shoebox.process(OTHER).kill()
        sent = archive("trip.zip", {name: photos[i % len(photos)] for i, name in enumerate(names)})
        job = shoebox.running.client.submit([sent], idempotency_key="trip")
        shoebox.ledger.write(Entry(job.id, "trip", names))
        times = []
        for _ in range(KILLS):
            done = verdicts(shoebox.database)
            wait_for(lambda done=done: verdicts(shoebox.database) > done, 45, "the work goes on")  # type: ignore[misc]
            assert not job.refresh().finished, "too few photos for so many kills"
            times.append(kill(shoebox, 0.0, ONLY))
        job.wait(timeout=300)
        rows = Counter(item.position for item in every_item(shoebox.database, job.id))
        reckoning = audit(shoebox)
    found = Campaign("fifty kills over one job", 0, {"lease_seconds": 2, "sweep_seconds": 0.5})
    found.seconds = time.monotonic() - began
    found.recoveries[Fault.KILL_CLASSIFY], found.figures, found.broken = times, reckoning.figures, reckoning.broken
    campaigns.append(found)
    assert found.broken == []
    assert rows == Counter(range(PHOTOS))
