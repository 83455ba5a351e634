"""The Celery tasks: a hint arrives, a plain function works until nothing is ready."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from celery import Celery

from worker.duties import Activity, give_up
from worker.senders import BULK, CONTROL, TASKS
from worker.wake import Wake

log = structlog.get_logger(__name__)


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
