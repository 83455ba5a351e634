"""A worker process: what it opens, in which order, and how it ends."""

import gc
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from functools import partial
from threading import Event

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_shutting_down
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.blobs import open_blobs
from db.database import Database
from db.query.webhooks import undelivered
from db.query.work import next_ability
from db.store.sweep import waiting
from db.store.workers import leave
from model.backends.choose import usable
from model.bundle import Bundle
from model.engine import Engine
from model.sandbox import DecodePool
from model.shelf import Shelf
from settings import Settings
from worker import meters
from worker.benchmarks import Benchmarks
from worker.bundles import Bundles
from worker.classify import Classifier
from worker.courier import courier_of
from worker.duties import Activity, Duties
from worker.engines import Engines
from worker.hinting import Hinter
from worker.keeper import Keeper
from worker.limits import archive_limits_of, limits_of
from worker.retention import keep_of
from worker.run import Policy, Surroundings
from worker.senders import BULK, CONTROL, INTERACTIVE, Hints
from worker.tasks import celery_app, register_classify, register_unpack
from worker.unpack import drain_unpacking
from worker.wake import Wake

log = structlog.get_logger(__name__)


def run_control(settings: Settings) -> None:
    """Runs a control worker until it is stopped: unpacking, and messages about finished jobs."""
    database, blobs, hints = Database(settings.database), open_blobs(settings.blobs), Hints(settings)
    stop, activity, name = Event(), Activity(), worker_name("control")
    courier = courier_of(settings, database, stop)
    limits = archive_limits_of(settings)

    def opened(job: str, finished: bool) -> None:
        if finished:
            hints.done(job)
            courier.ring()
        else:
            hints.hint(BULK)

    def drain() -> int:
        courier.ring()
        return drain_unpacking(
            database, blobs, name, limits, settings.lease_seconds, settings.shard_items, stop, opened
        )

    app = celery_app(settings.broker)
    register_unpack(app, drain, activity, wake := Wake())
    duties = Duties(
        settings=settings,
        database=database,
        hints=hints,
        name=name,
        kind="control",
        abilities=tuple,
        backend=None,
        queues=[CONTROL],
        activity=activity,
        stop=stop,
        has_work=lambda session: waiting(session).unpack > 0,
    )
    courier.start()
    Keeper(database, blobs, keep_of(settings), 60 * settings.retention_minutes, stop).start()
    _serve(app, duties, wake, settings.metrics_port)
    courier.ring()


def run_classify(settings: Settings, number: int = 1) -> None:
    """Runs a classify worker, the ``number``-th of this machine, until it is stopped.

    A damaged default model raises before anything is claimed.
    """
    with ExitStack() as opened:
        bundles = Bundles(Shelf(settings.bundle_folders, settings.model), lambda bundle: backends_of(settings, bundle))
        default = bundles.default()
        # Before any engine: decoders are processes, and a process must not be started once a GPU is in use.
        pool = opened.enter_context(DecodePool(settings.decoders_each, limits_of(settings), meters.DECODING.observe))
        engines = Engines(bundles, lambda bundle, backend: _open(settings, bundle, backend, pool))
        opened.callback(engines.close)
        backend = engines.open_default(default).backend.name
        database, blobs, hints = Database(settings.database), open_blobs(settings.blobs), Hints(settings)
        stop, activity, name = Event(), Activity(), worker_name("classify")
        benchmarks = Benchmarks(settings, database, blobs, bundles, pool, name, stop, hints.done)
        policy = Policy(name, settings.lease_seconds, settings.max_file_bytes)
        hinter = Hinter(hints)
        opened.callback(hinter.close)
        ended, more = teller(database, hints), partial(hinter.want, BULK)
        around = Surroundings(database, blobs, engines, benchmarks, policy, stop, ended, more)
        classifier = Classifier(around)
        app = celery_app(settings.broker)
        register_classify(app, classifier.drain, activity, wake := Wake())

        def has_work(session: Session) -> bool:
            abilities = engines.abilities
            return next_ability(session, abilities) is not None or benchmarks.wait(session, abilities)

        duties = Duties(
            settings=settings,
            database=database,
            hints=hints,
            name=name,
            kind="classify",
            abilities=lambda: engines.abilities,
            backend=backend,
            queues=[INTERACTIVE, BULK],
            activity=activity,
            stop=stop,
            has_work=has_work,
        )
        _serve(app, duties, wake, settings.metrics_port and settings.metrics_port + number)


def teller(database: Database, hints: Hints) -> Callable[[Collection[str]], None]:
    """Tells of jobs' ends: whoever waits for them, and the couriers where a message is to be sent."""

    def ended(jobs: Collection[str]) -> None:
        hints.done(*jobs)
        # A courier that is not told looks by itself a little later.
        with suppress(SQLAlchemyError):
            with database.read() as session:
                waits = undelivered(session, jobs)
            if waits:
                hints.hint(CONTROL)

    return ended


def worker_name(kind: str) -> str:
    """A name that no other process ever has: leases are told apart by it."""
    return f"{kind}@{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def backends_of(settings: Settings, bundle: Bundle) -> list[str]:
    """The backends that a job may ask for here. The fake judges nothing, so it is there only where it was chosen."""
    return [
        name
        for name in usable(bundle)
        if (name != "fake" or settings.backend == "fake")
        and (name == "torch" or not settings.device.startswith("cuda"))
    ]


def _open(settings: Settings, bundle: Bundle, backend: str | None, pool: DecodePool) -> Engine:
    from model.opening import open_engine

    asked, started = backend or settings.backend, time.monotonic()
    engine = open_engine(
        bundle.path,
        asked,
        settings.device,
        threads=settings.threads_each,
        batch_size=settings.batch_size or None,
        pool=pool,
        memory=settings.backends_path,
    )
    if asked == "auto":
        chosen, seconds = engine.backend.name, round(time.monotonic() - started, 1)
        log.info("backend_chosen", model=bundle.name, version=bundle.version, backend=chosen, seconds=seconds)
    return engine


def _leave_logging_alone(**_: object) -> None:
    pass


def _serve(app: Celery, duties: Duties, wake: Wake, metrics_port: int) -> None:
    """Listens for hints until a stop, then leaves in order."""

    def stopping(**_: object) -> None:
        duties.activity.become("stopping")
        duties.stop.set()
        wake.ring()

    worker_shutting_down.connect(stopping, weak=False)
    # A listener is all it takes for Celery to leave the log's level and format alone.
    setup_logging.connect(_leave_logging_alone, weak=False)
    wake.install(app)
    meters.answer(duties.settings.metrics_host, metrics_port)
    duties.activity.become("idle")
    duties.start()
    log.info(
        "worker_ready",
        worker=duties.name,
        models=sorted({f"{name} {version}" for name, version, _ in duties.abilities()}),
        backend=duties.backend,
    )
    # What waited while no worker was there needs no hint.
    for queue in duties.queues:
        duties.hints.hint(queue)
    # What is there now stays, and need not be looked at in the middle of somebody's photo (0.1 s).
    gc.collect()
    gc.freeze()
    gc.enable()
    try:
        app.Worker(
            hostname=duties.name,
            queues=duties.queues,
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
        duties.hints.close()
        duties.database.close()
        log.info("worker_stopped", worker=duties.name)
