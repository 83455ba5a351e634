"""What administrators see and do: keys, workers, the system."""

from fastapi import APIRouter

from api.auth import Admin
from api.parts import The
from api.schemas import Page, iso
from api.schemas_more import WorkerOut
from api.schemas_stats import SystemOut
from api.system import describe_system
from db.query.queue import Holding, holdings
from db.query.workers import alive

router = APIRouter(prefix="/v1", tags=["Administration"])


@router.get("/workers", summary="List workers")
def workers(parts: The, caller: Admin) -> Page[WorkerOut]:
    """Every worker process that is alive, and what it has in hand."""
    with parts.database.read() as session:
        held = holdings(session)
        found = [
            WorkerOut(
                name=worker.name,
                kind=worker.kind,
                state=worker.state,
                models=worker.models,
                engines=worker.engines,
                backend=worker.backend,
                started_at=iso(worker.started_at),
                beat_at=iso(worker.beat_at),
                holding=held[worker.name].count if worker.name in held else 0,
                jobs=_own(held.get(worker.name), caller.owner),
            )
            for worker in alive(session)
        ]
    return Page(data=found, next=None)


@router.get("/system", summary="How this server is set up")
def system(parts: The, caller: Admin) -> SystemOut:
    """Version, what it keeps, and the limits in force; no secrets, no paths."""
    return describe_system(parts)


def _own(holding: Holding | None, owner: str) -> list[str]:
    return [] if holding is None else [job for job, whose in holding.jobs if whose == owner]
