"""PostgreSQL goes away in the middle of a job and comes back: callers are told to wait, and nothing is lost."""

import httpx
import pytest
from faults.audit import audit, said
from faults.campaign import stack
from faults.ledger import Entry
from faults.look import verdicts
from faults.postgres import RestartablePostgres
from faults.stack import Stack, wait_for
from faults.traffic import archive
from sqlalchemy import func, select

from db.schema import Shard
from model.bundle import Bundle

PHOTOS = 1500
CRASHES = 6


def ask(shoebox: Stack) -> httpx.Response:
    """A look at the list of jobs, with a key, without patience."""
    settings = shoebox.running.settings
    return httpx.get(f"{settings.url}/v1/jobs", headers={"X-API-Key": shoebox.running.key}, timeout=30)


def submit(shoebox: Stack, photos: list[bytes], key: str, count: int) -> None:
    names = [f"{key}-{i}.jpg" for i in range(count)]
    sent = archive(f"{key}.zip", {name: photos[i % len(photos)] for i, name in enumerate(names)})
    job = shoebox.running.client.submit([sent], idempotency_key=key)
    shoebox.ledger.write(Entry(job.id, key, names))


@pytest.mark.parametrize("how", ["stopped", "crashed"])
def test_callers_are_told_to_wait_and_workers_wait(
    tiny_bundle: Bundle, photos: list[bytes], postgres_to_restart: RestartablePostgres, how: str
) -> None:
    # At the default lease: what was in hand stays in hand, however slow the machine.
    with stack(tiny_bundle, postgres_to_restart, aof=True, lease_seconds=30) as shoebox:
        submit(shoebox, photos, "before", PHOTOS)
        wait_for(lambda: verdicts(shoebox.database) > 0, 60, "the first verdict")
        if how == "stopped":
            postgres_to_restart.stop()
            refused = ask(shoebox)
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            assert int(refused.headers["Retry-After"]) >= 1
            postgres_to_restart.start()
        else:
            for _ in range(CRASHES):
                done = verdicts(shoebox.database)
                postgres_to_restart.restart("immediate")
                wait_for(lambda done=done: verdicts(shoebox.database) > done, 60, "the work goes on")  # type: ignore[misc]
        submit(shoebox, photos, "after", 20)
        for job in shoebox.ledger.read():
            shoebox.running.client.job(job.job).wait(timeout=120)
        with shoebox.database.read() as session:
            deaths = session.scalar(select(func.sum(Shard.deaths)))
        assert audit(shoebox).broken == []
        # A database that was away is nobody's death: no photo comes under suspicion for it.
        assert deaths == 0
        assert said(shoebox, "work_broke_off") == 0


def test_an_upload_that_meets_no_database_leaves_nothing(
    tiny_bundle: Bundle, photos: list[bytes], postgres_to_restart: RestartablePostgres
) -> None:
    with stack(tiny_bundle, postgres_to_restart, aof=True) as shoebox:
        postgres_to_restart.stop()
        answer = httpx.post(
            f"{shoebox.running.settings.url}/v1/jobs",
            content=photos[0],
            headers={"X-API-Key": shoebox.running.key, "Content-Type": "image/jpeg"},
            timeout=60,
        )
        postgres_to_restart.start()
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert list(shoebox.blobs.iterdir()) == []
