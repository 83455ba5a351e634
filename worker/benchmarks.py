"""Benchmarks: one picture through every backend, in a process of its own, while the worker does nothing else."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.blob_store import BlobsAway, BlobStore
from db.database import Database
from db.store.benchmarks import (
    DEATHS,
    BenchmarkClaim,
    benchmark_waits,
    claim_benchmark,
    hand_back_benchmark,
    settle_benchmark,
)
from db.store.shards import Ability
from model.backends.batches import CPU_BATCH
from model.bundle import Bundle
from model.sandbox import DecodePool
from model.verdict import Unreadable
from settings import Settings
from worker.bundles import Bundles
from worker.patience import write_patiently
from worker.sources import AWAY_SECONDS, SourceGone, open_source

log = structlog.get_logger(__name__)

# Opening torch and compiling graphs takes most of it; a benchmark of the shipped model takes about half a minute.
LONGEST_SECONDS = 600.0
_LOOK_SECONDS = 0.2


class Benchmarks:
    """Works off benchmarks one by one. ``done(id)`` is called after the commit that ended one."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        blobs: BlobStore,
        bundles: Bundles,
        pool: DecodePool,
        worker: str,
        stop: Event,
        done: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self._bundles = bundles
        self._pool = pool
        self._worker = worker
        self._stop = stop
        self._done = done

    def wait(self, session: Session, abilities: Collection[Ability]) -> bool:
        """Whether there is one to take."""
        return benchmark_waits(session, {ability[:2] for ability in abilities})

    def work(self, abilities: Collection[Ability]) -> bool:
        """Takes the next benchmark of a model among ``abilities``, and settles it; False when there was none."""
        models = {ability[:2] for ability in abilities}
        claim = write_patiently(self._database, lambda s: claim_benchmark(s, self._worker, models), self._stop)
        if claim is None:
            return False
        try:
            result = self._measure(claim)
        except _Failed as failed:
            error, message = failed.code, str(failed)
            kept = write_patiently(
                self._database, lambda s: settle_benchmark(s, claim, None, error, message), self._stop
            )
            log.warning("benchmark_failed", benchmark=claim.id, error=error, detail=message)
        else:
            if result is None:
                write_patiently(self._database, lambda s: hand_back_benchmark(s, claim), self._stop)
                return False
            kept = write_patiently(self._database, lambda s: settle_benchmark(s, claim, result), self._stop)
            log.info("benchmark_done", benchmark=claim.id, fastest=result["fastest"])
        if kept:
            self._blobs.delete(claim.blob)
            self._done(claim.id)
        return True

    def _measure(self, claim: BenchmarkClaim) -> dict[str, Any] | None:
        """The result, or None when the worker is to stop or cannot have the picture for the moment."""
        if claim.attempt > DEATHS:
            raise _Failed("worker_lost", f"The worker ended {DEATHS} times while it measured.")
        offer = self._bundles.offers().get((claim.model, claim.version))
        if offer is None:
            raise _Failed("model_gone", f"The model {claim.model} {claim.version} was removed meanwhile.")
        bundle = offer.bundle
        try:
            blob = open_source(self._blobs, claim.blob, claim.bytes)
            try:
                data = blob.read_at(0, claim.bytes)
            finally:
                blob.close()
            pixels = self._pool.submit(lambda: data, bundle.input_size).result().pixels
        except BlobsAway as error:
            log.warning("uploads_away", benchmark=claim.id, why=error.strerror)
            self._stop.wait(AWAY_SECONDS)
            return None
        except SourceGone as error:
            raise _Failed(error.code, str(error)) from error
        except Unreadable as error:
            raise _Failed(str(error.reason), error.explanation) from error
        timings = self._run(bundle, pixels)
        return None if timings is None else result_of(bundle, timings)

    def _run(self, bundle: Bundle, pixels: NDArray[Any]) -> list[dict[str, Any]] | None:
        """What the child measured; None when the worker is to stop."""
        asked = {
            "bundle": str(bundle.path),
            "size": bundle.input_size,
            "batch_size": self._settings.batch_size or CPU_BATCH,
            "device": self._settings.device,
            "threads": self._settings.threads_each,
        }
        command = [sys.executable, "-m", "worker.benchmark_child", json.dumps(asked)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
        ) as child:
            try:
                assert child.stdin is not None and child.stdout is not None
                child.stdin.write(pixels.tobytes())
                child.stdin.close()
                until = time.monotonic() + LONGEST_SECONDS
                while child.poll() is None:
                    if self._stop.wait(_LOOK_SECONDS):
                        return None
                    if time.monotonic() > until:
                        raise _Failed("timeout", f"The benchmark was not done after {LONGEST_SECONDS:.0f} seconds.")
                said = child.stdout.read()
            finally:
                child.kill()
        if child.returncode:
            raise _Failed("internal_error", "A backend ended the process that measured; the worker's log says which.")
        timings: list[dict[str, Any]] = json.loads(said)
        return timings


class _Failed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def result_of(bundle: Bundle, timings: list[dict[str, Any]]) -> dict[str, Any]:
    """What is stored: `model.benchmark.Timing` values under the names that the API shows."""
    return {
        "checksum": bundle.checksum,
        "fastest": next((one["backend"] for one in timings if one["fastest"]), None),
        "backends": [
            {
                "name": one["backend"],
                "available": one["problem"] is None,
                "milliseconds": one["median"],
                "p95": one["p95"],
                "batch_milliseconds": one["batch_median"],
                "batch_p95": one["batch_p95"],
                "speedup": one["speedup"],
                "bytes": one["bytes"],
                "reason": one["problem"],
            }
            for one in timings
        ],
    }
