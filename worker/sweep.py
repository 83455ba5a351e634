"""The sweep: finds what no hint points at any more, puts it right, and hints again."""

import structlog

from db.database import Database
from db.query.workers import alive
from db.states import JobState
from db.store import sweep as store
from db.store.tickets import forget_tickets
from model.verdict import Decision, Reason
from worker import meters
from worker.senders import BULK, CONTROL, INTERACTIVE, Hints

log = structlog.get_logger(__name__)


def sweep(database: Database, hints: Hints, sweep_seconds: float, lease_seconds: float) -> bool:
    """Sweeps if it is this process's turn; returns whether it was. Each repair is a transaction of its own."""
    with database.write() as session:
        if not store.elect(session, sweep_seconds):
            return False
    meters.SWEEPS.inc()
    with database.write() as session:
        unpacking = store.recover_unpacking(session, lease_seconds)
    for job, state in unpacking:
        log.warning("unpacking_recovered", job=job, state=state)
        if JobState(state).finished:
            hints.done(job)
    with database.read() as session:
        lapsed = store.lapsed_shards(session, lease_seconds)
    for shard, attempt, job in lapsed:
        with database.write() as session:
            what = store.recover_shard(session, shard, attempt, job, lease_seconds)
        if what is not None:
            log.warning("shard_recovered", job=job, shard=shard, outcome=what)
            meters.RECOVERED.labels(what).inc()
        if what == "given_up":
            meters.ITEMS.labels(Decision.FAILED, Reason.WORKER_LOST).inc()
    with database.read() as session:
        unclosed = store.unclosed(session)
    for job in unclosed:
        with database.write() as session:
            if store.close(session, job):
                log.warning("job_closed_late", job=job)
                hints.done(job)
    with database.write() as session:
        store.forget_workers(session)
        forget_tickets(session)
    hint_waiting(database, hints)
    return True


def hint_waiting(database: Database, hints: Hints) -> None:
    """Sends at most one hint for each idle worker, and none for busy ones: they claim on until nothing is ready."""
    with database.read() as session:
        waiting = store.waiting(session)
        idle = [worker.kind for worker in alive(session) if worker.state == "idle"]
    for _ in range(min(waiting.unpack, idle.count("control"))):
        hints.hint(CONTROL)
    classify = idle.count("classify")
    interactive = min(waiting.interactive + waiting.benchmarks, classify)
    for _ in range(interactive):
        hints.hint(INTERACTIVE)
    for _ in range(min(waiting.bulk, classify - interactive)):
        hints.hint(BULK)
