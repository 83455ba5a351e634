"""A worker process: what it opens, in which order, and how it ends."""

import os
import secrets
import socket
from threading import Event, Timer

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_shutting_down

from db.blobs import open_blobs
from db.database import Database
from db.store.workers import leave
from model.bundle import Bundle
from model.engine import Engine
from settings import Settings
from worker.archive import ArchiveLimits
from worker.classify import Classifier, Policy
from worker.duties import Activity, Duties
from worker.engines import Engines, find_bundles
from worker.limits import limits_of
from worker.senders import BULK, CONTROL, INTERACTIVE, Hints, celery_app
from worker.tasks import register_classify, register_unpack
from worker.unpack import drain_unpacking
from worker.wake import Wake

log = structlog.get_logger(__name__)

# A stop hands work back within so many seconds; what hangs beyond that is cut off, and its leases run out.
STOP_SECONDS = 5.0


def run_control(settings: Settings) -> None:
    """Runs a control worker until it is stopped: unpacking."""
    database, blobs, hints = Database(settings.database), open_blobs(settings.blobs), Hints(settings)
    stop, activity, name = Event(), Activity(), worker_name("control")
    limits = ArchiveLimits(max_entries=settings.max_entries, max_entry_bytes=settings.max_file_bytes)

    def opened(job: str, finished: bool) -> None:
        if finished:
            hints.done(job)
        else:
            hints.hint(BULK)

    def drain() -> int:
        return drain_unpacking(
            database, blobs, name, limits, settings.lease_seconds, settings.shard_items, stop, opened
        )

    app = celery_app(settings.broker)
    register_unpack(app, drain, activity, wake := Wake())
    duties = _duties(settings, database, hints, name, "control", [], None, activity, stop)
    _serve(app, [CONTROL], duties, hints, wake)


def run_classify(settings: Settings) -> None:
    """Runs a classify worker until it is stopped. A damaged default model raises before anything is claimed."""
    bundles = find_bundles(settings)
    engines = Engines(bundles, lambda bundle: _open(settings, bundle))
    default = next(key for key in bundles if key[0] == settings.model)
    backend = engines.get(default).backend.name
    database, blobs, hints = Database(settings.database), open_blobs(settings.blobs), Hints(settings)
    stop, activity, name = Event(), Activity(), worker_name("classify")
    policy = Policy(name, settings.lease_seconds, settings.max_file_bytes)
    classifier = Classifier(database, blobs, engines, policy, stop, hints.done)
    app = celery_app(settings.broker)
    register_classify(app, classifier.drain, activity, wake := Wake())
    duties = _duties(settings, database, hints, name, "classify", engines.known, backend, activity, stop)
    try:
        _serve(app, [INTERACTIVE, BULK], duties, hints, wake)
    finally:
        engines.close()


def worker_name(kind: str) -> str:
    """A name that no other process ever has: leases are told apart by it."""
    return f"{kind}@{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def _open(settings: Settings, bundle: Bundle) -> Engine:
    from model.opening import open_engine

    return open_engine(
        bundle.path,
        settings.backend,
        settings.device,
        settings.decoders or None,
        settings.threads or None,
        limits_of(settings),
        settings.batch_size,
    )


def _duties(
    settings: Settings,
    database: Database,
    hints: Hints,
    name: str,
    kind: str,
    models: list[tuple[str, str]],
    backend: str | None,
    activity: Activity,
    stop: Event,
) -> Duties:
    return Duties(
        database=database,
        hints=hints,
        name=name,
        kind=kind,
        models=models,
        backend=backend,
        activity=activity,
        stop=stop,
        sweep_seconds=settings.sweep_seconds,
        lease_seconds=settings.lease_seconds,
        idle_exit_seconds=settings.idle_exit_seconds,
        has_work=(lambda w: w.unpack) if kind == "control" else (lambda w: w.interactive + w.bulk),
    )


def _leave_logging_alone(**_: object) -> None:
    pass


def _serve(app: Celery, queues: list[str], duties: Duties, hints: Hints, wake: Wake) -> None:
    """Listens for hints until a stop, then leaves in order."""

    def stopping(**_: object) -> None:
        duties.activity.become("stopping")
        duties.stop.set()
        # Celery itself may hang in a broker that is away; by now everything is settled or handed back.
        guard = Timer(STOP_SECONDS, os._exit, args=(0,))
        guard.daemon = True
        guard.start()
        wake.ring()

    worker_shutting_down.connect(stopping, weak=False)
    # A listener is all it takes for Celery to leave the log's level and format alone.
    setup_logging.connect(_leave_logging_alone, weak=False)
    wake.install(app)
    duties.activity.become("idle")
    duties.start()
    log.info("worker_ready", worker=duties.name, models=duties.models, backend=duties.backend)
    # What waited while no worker was there needs no hint.
    for queue in queues:
        hints.hint(queue)
    try:
        app.Worker(
            hostname=duties.name,
            queues=queues,
            pool="threads",
            concurrency=1,
            loglevel="WARNING",
            quiet=True,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            optimization="fair",
        ).start()
    finally:
        duties.stop.set()
        with duties.database.write() as session:
            leave(session, duties.name)
        hints.close()
        duties.database.close()
        log.info("worker_stopped", worker=duties.name)
