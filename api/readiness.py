"""Can jobs be accepted, and how is each part?"""

from collections.abc import Callable

import anyio
from anyio import to_thread

from api.catalog import Catalog, UnknownModel
from api.offers import without_worker
from api.parts import Parts
from api.schemas_more import Part, Readiness
from db.blob_store import BlobsAway, BlobStore
from db.database import Database
from db.query.work import asked_for
from db.query.workers import alive
from settings import Settings

# A part that does not answer within so long is taken for down: probes have little patience themselves.
PATIENCE_SECONDS = 2.0
# Without these no job can be accepted; without the others it only waits.
VITAL = ("database", "blobs")


async def readiness(parts: Parts) -> Readiness:
    """Looks at every part, all at once."""
    found: dict[str, Part] = {}
    checks: dict[str, Callable[[], Part]] = {
        "database": lambda: _database(parts.database),
        "blobs": lambda: _blobs(parts.blobs, parts.settings),
        "broker": lambda: _broker(parts),
        "control_workers": lambda: _workers(parts.database, "control", None),
        "classify_workers": lambda: _workers(parts.database, "classify", parts.catalog),
        "model": lambda: _model(parts.catalog),
    }
    async with anyio.create_task_group() as group:
        for name, check in checks.items():
            group.start_soon(_look, name, check, found)
    if any(found[name].status == "down" for name in VITAL):
        status = "unavailable"
    else:
        status = "ready" if all(part.status == "ok" for part in found.values()) else "degraded"
    return Readiness(status=status, parts={name: found[name] for name in checks})


async def _look(name: str, check: Callable[[], Part], found: dict[str, Part]) -> None:
    found[name] = Part(status="down", detail=f"It did not answer within {PATIENCE_SECONDS:.0f} s.")
    with anyio.move_on_after(PATIENCE_SECONDS):
        try:
            found[name] = await to_thread.run_sync(check, abandon_on_cancel=True)
        except Exception as error:  # whatever a part raises, it is not well, and that is the answer
            found[name] = Part(status="down", detail=f"It does not work ({type(error).__name__}).")


def _database(database: Database) -> Part:
    # Alembic is loaded by who asks for it first, not before the API answers.
    from db.upgrade import is_current

    if not is_current(database):
        return Part(status="down", detail="Its tables are not of this version; run `shoebox db upgrade`.")
    return Part(status="ok", detail="It answers.")


def _blobs(blobs: BlobStore, settings: Settings) -> Part:
    free = blobs.free_bytes()
    try:
        blobs.probe()
    except BlobsAway as error:
        return Part(status="down", detail=f"{error.strerror}.")
    if free is not None and free < settings.min_free_bytes:
        return Part(status="down", detail=f"Only {free / 2**30:.1f} GiB are free.")
    if blobs.room() <= 0:
        return Part(status="down", detail=f"All {settings.blobs_quota_bytes / 2**30:.1f} GiB for uploads are taken.")
    return Part(status="ok", detail="S3 answers." if free is None else f"A folder; {free / 2**30:.0f} GiB are free.")


def _broker(parts: Parts) -> Part:
    if parts.hints.alive():
        return Part(status="ok", detail="Redis answers.")
    return Part(status="degraded", detail="Redis does not answer; jobs are accepted and start a little later.")


def _workers(database: Database, kind: str, catalog: Catalog | None) -> Part:
    with database.read() as session:
        workers = alive(session, kind)
        asked = asked_for(session) if catalog is not None else set()
    if not workers:
        return Part(status="degraded", detail="None is alive; jobs are accepted and wait.")
    count = f"{len(workers)} {'is' if len(workers) == 1 else 'are'} alive"
    if catalog is not None:
        model = catalog.find(None)
        if not any([model.name, model.version] in worker.models for worker in workers):
            return Part(status="degraded", detail=f"{count}, but none has the model {model.name} {model.version}.")
        waiting = {why for one in asked if (why := without_worker(*one, workers)) is not None}
        if waiting:
            return Part(status="degraded", detail=f"{count}, but jobs wait. {' '.join(sorted(waiting))}")
    return Part(status="ok", detail=f"{count}.")


def _model(catalog: Catalog) -> Part:
    try:
        model = catalog.find(None)
    except UnknownModel as error:
        return Part(status="degraded", detail=str(error))
    return Part(status="ok", detail=f"{model.name} {model.version}.")
