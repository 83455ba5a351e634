"""The Celery tasks: a hint arrives, a plain function works until nothing is ready."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from celery import Celery

from worker.duties import Activity, give_up
from worker.senders import BULK, CONTROL, REDIS_SECONDS, TASKS
from worker.wake import Wake

log = structlog.get_logger(__name__)


def celery_app(broker: str) -> Celery:
    """A worker's Celery: it only receives hints, so nothing of it is kept, tried again or reported."""
    app = Celery("shoebox", broker=broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_create_missing_queues=True,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
            "health_check_interval": 25,
            "retry_on_timeout": False,
            # It is Celery that tries again: Kombu is to say at once that Redis is away.
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )
    return app


def register_unpack(app: Celery, drain: Callable[[], int], activity: Activity, wake: Wake) -> None:
    """Makes ``drain`` what a hint on the control queue starts."""

    @app.task(name=TASKS[CONTROL])  # type: ignore[untyped-decorator]
    def unpack() -> None:
        with _busy(activity, wake):
            drain()


def register_classify(app: Celery, drain: Callable[[], int], activity: Activity, wake: Wake) -> None:
    """Makes ``drain`` what a hint on either lane starts."""

    @app.task(name=TASKS[BULK])  # type: ignore[untyped-decorator]
    def classify() -> None:
        with _busy(activity, wake):
            drain()


@contextmanager
def _busy(activity: Activity, wake: Wake) -> Iterator[None]:
    """Shows the process as busy. A bug is logged with its trace and passed on; the leases it held run out."""
    activity.become("busy")
    try:
        yield
    except MemoryError:
        give_up()
    except Exception:
        log.exception("work_broke_off")
        raise
    finally:
        if activity.state == "busy":
            activity.become("idle")
        wake.ring_soon()
