"""Classifying: one engine's work after the other's, as long as something is ready, with benchmarks between."""

import structlog
from sqlalchemy.orm import Session

from db.blob_store import BlobsAway
from db.query.work import next_ability, suspect_waits
from db.store.shards import Ability
from worker.engines import EngineRefused
from worker.glances import Glances
from worker.patience import read_patiently
from worker.run import Run, Surroundings
from worker.sources import AWAY_SECONDS

log = structlog.get_logger(__name__)


class Classifier:
    """Works through ready shards."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._glances = Glances()
        self._last: Ability | None = None

    def drain(self) -> int:
        """Works until nothing is ready or a stop; returns how many photos were judged."""
        judged = self._small()
        while not self._around.stop.is_set():
            benchmark, wanted, suspected = read_patiently(self._around.database, self._next, self._around.stop)
            if benchmark and self._around.benchmarks.work(self._around.engines.abilities):
                continue
            if wanted is None:
                break
            judged += self._run(wanted, suspected=suspected)
        return judged

    def _small(self) -> int:
        """Judges what small jobs ask of the model that was asked last, without a look at what there is.

        A look tells which model is wanted. Whoever sent one photo waits a millisecond less, and nobody more than for
        one such claim.
        """
        if self._last not in self._around.engines.abilities:
            return 0
        return self._run(self._last, small=True)

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
