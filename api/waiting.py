"""Waiting for what a worker does: woken through Redis, and by looking, whichever is first."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from api.schemas import ItemOut
from api.views import item_out
from api.wakeups import WakeUps
from db.database import Database
from db.query import items as item_queries
from db.query import jobs as job_queries
from db.states import JobState

# While nobody would wake us.
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.02, 0.2, 1.5
# While a wake-up comes unless Redis loses just that one: each look takes from the processor what the workers want, and
# with 32 photos under way (half a second each) two looks in vain were a fifth of all that the API did for a photo.
WOKEN_PAUSE = 1.0

T = TypeVar("T")


async def awaited(
    look: Callable[[], tuple[T, bool]], wakeups: WakeUps, id_: str, seconds: float, *, early: bool = False
) -> T:
    """What ``look`` finds once it says that waiting is over, or when time is up. ``id_`` is what wake-ups call it.

    ``early``: so little time has passed that a first look would find nothing.
    """
    clock = asyncio.get_running_loop().time
    until, pause = clock() + seconds, FIRST_PAUSE
    with wakeups.expect(id_) as done:
        if early and wakeups.hears:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), min(WOKEN_PAUSE, seconds))
        while True:
            done.clear()
            found, over = await run_in_threadpool(look)
            left = until - clock()
            if over or left <= 0:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), min(WOKEN_PAUSE if wakeups.hears else pause, left))
            pause = min(pause * GROWTH, LONGEST_PAUSE)


async def verdict_of(
    database: Database, wakeups: WakeUps, owner: str, job_id: str, seconds: float, *, early: bool = False
) -> ItemOut | None:
    """The job's first item as soon as it is judged; None when time is up or the job ended without it. See `awaited`."""
    return await awaited(lambda: _look(database, owner, job_id), wakeups, job_id, seconds, early=early)


def _look(database: Database, owner: str, job_id: str) -> tuple[ItemOut | None, bool]:
    """The item if it is there, and whether it is no use to wait on."""
    with database.read() as session:
        item = item_queries.item(session, owner, job_id, 0)
        if item is not None:
            return item_out(item), True
        job = job_queries.job(session, owner, job_id)
        return None, job is None or JobState(job.state).finished
