"""Retention in a control worker: one process at a time, in a thread beside its work."""

import time
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.blob_store import BlobStore
from db.database import Database
from db.store.beats import put_off, take_turn
from worker.retention import Keep, Retention

log = structlog.get_logger(__name__)

NAME = "retention"
# Whoever has the turn says so at least this often; of one that says nothing for so long another takes over.
TURN_SECONDS = 120.0
LOOK_SECONDS = 30.0


class Keeper:
    """Deletes what has outlived its time every ``pause_seconds``, whichever process does it."""

    def __init__(self, database: Database, blobs: BlobStore, keep: Keep, pause_seconds: float, stop: Event) -> None:
        self._database = database
        self._pause_seconds = pause_seconds
        self._stop = stop
        self._retention = Retention(database, blobs, keep, stop)
        self._said = 0.0

    def start(self) -> None:
        """Starts the thread."""
        Thread(target=self._live, name="retention", daemon=True).start()

    def look_after(self) -> bool:
        """Runs once, if it is this process's turn; whether it was."""
        with self._database.write() as session:
            if not take_turn(session, NAME, TURN_SECONDS, max(TURN_SECONDS, self._pause_seconds)):
                return False
        self._said = time.monotonic()
        pruned = self._retention.run(self._stay)
        if not self._stop.is_set():
            self._put_off(self._pause_seconds)
        if pruned.anything:
            log.info(
                "retention_done",
                uploads=pruned.uploads,
                upload_bytes=pruned.upload_bytes,
                jobs=pruned.jobs,
                photos=pruned.photos,
                benchmarks=pruned.benchmarks,
                orphans=pruned.orphans.count,
            )
        return True

    def _live(self) -> None:
        while not self._stop.wait(min(LOOK_SECONDS, self._pause_seconds)):
            try:
                self.look_after()
            except (SQLAlchemyError, OSError) as error:
                log.warning("retention_postponed", error=type(error).__name__)
            except Exception:
                # A bug here must not end the deleting for good; the turn runs out and it is tried again.
                log.exception("retention_broke_off")

    def _stay(self) -> None:
        if time.monotonic() - self._said > TURN_SECONDS / 4:
            self._put_off(TURN_SECONDS)
            self._said = time.monotonic()

    def _put_off(self, seconds: float) -> None:
        with self._database.write() as session:
            put_off(session, NAME, seconds)
