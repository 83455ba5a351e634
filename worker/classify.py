"""Classifying: one engine's work after the other's, as long as something is ready, with benchmarks between."""

import time

import structlog
from sqlalchemy.orm import Session

from db.blob_store import BlobsAway
from db.query.work import interactive_waits, next_ability, suspect_waits
from db.store.shards import Ability
from worker.engines import EngineRefused
from worker.glances import Glances
from worker.patience import glance_patiently, read_patiently
from worker.run import Run, Surroundings
from worker.sources import AWAY_SECONDS

# A hinted worker that finds nothing to do looks again each millisecond, for 30: a job is made in 5 to 8.
LOOK_SECONDS, EXPECT_SECONDS = 0.001, 0.03

log = structlog.get_logger(__name__)


class Classifier:
    """Works through ready shards."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._glances = Glances()
        self._last: Ability | None = None

    def drain(self) -> int:
        """Works until nothing is ready or a stop; returns how many photos were judged."""
        judged = (self._small() if self._small_waits() else 0) + self._all()
        if not judged and self._small_comes():
            judged = self._small() + self._all()
        return judged

    def _small_comes(self) -> bool:
        """Waits for a small job for moments: the first hint of a photo that somebody waits for comes before its job.

        One photo with nothing else to do took 2 ms less of 56 on SQLite, 7 of 70 on PostgreSQL (docs/decisions, 24).
        """
        until = time.monotonic() + EXPECT_SECONDS
        while time.monotonic() < until and not self._around.stop.wait(LOOK_SECONDS):
            if self._small_waits():
                return True
        return False

    def _small_waits(self) -> bool:
        abilities = self._around.engines.abilities
        return glance_patiently(self._around.database, lambda c: interactive_waits(c, abilities), self._around.stop)

    def _small(self) -> int:
        """Judges what small jobs ask of the model that was asked last, without a look at which is wanted.

        Whoever sent one photo waits a millisecond less, and nobody more than for one such claim.
        """
        if self._last not in self._around.engines.abilities:
            return 0
        return self._run(self._last, small=True)

    def _all(self) -> int:
        judged = 0
        while not self._around.stop.is_set():
            benchmark, wanted, suspected = read_patiently(self._around.database, self._next, self._around.stop)
            if benchmark and self._around.benchmarks.work(self._around.engines.abilities):
                continue
            if wanted is None:
                break
            judged += self._run(wanted, suspected=suspected)
        return judged

    def _run(self, wanted: Ability, *, suspected: bool = False, small: bool = False) -> int:
        self._last = wanted
        try:
            return Run(self._around, self._glances, wanted, small=small).work(suspected)
        except EngineRefused as error:
            log.warning("work_left", model=wanted[0], version=wanted[1], backend=wanted[2], detail=str(error))
        except BlobsAway as error:
            log.warning("uploads_away", why=error.strerror)
            self._around.stop.wait(AWAY_SECONDS)
        return 0

    def _next(self, session: Session) -> tuple[bool, Ability | None, bool]:
        """Whether a benchmark waits, what the first work asks for, and whether such work is under suspicion."""
        abilities = self._around.engines.abilities
        wanted = next_ability(session, abilities)
        suspected = wanted is not None and suspect_waits(session, self._around.engines.alike(wanted))
        return self._around.benchmarks.wait(session, abilities), wanted, suspected
