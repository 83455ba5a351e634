"""What waits and what is being worked on."""

from dataclasses import asdict

from fastapi import APIRouter

from api.auth import Reader
from api.parts import The
from api.schemas_stats import LaneOut, QueueOut
from db.query.queue import oldest, queues
from db.states import Lane

router = APIRouter(prefix="/v1", tags=["Statistics"])


@router.get("/queue", summary="Look at the queue")
def queue(parts: The, caller: Reader) -> QueueOut:
    """Your work that waits or is in hand, all together and by lane."""
    with parts.database.read() as session:
        found = queues(session, caller.owner).items()
    lanes = [lane for _, lane in found]
    return QueueOut(
        ready=sum(lane.ready for lane in lanes),
        leased=sum(lane.leased for lane in lanes),
        items_ready=sum(lane.items_ready for lane in lanes),
        uploads_waiting=sum(lane.uploads_waiting for lane in lanes),
        oldest_seconds=oldest(lane.oldest_seconds for lane in lanes),
        lanes={"interactive" if name == Lane.INTERACTIVE else "bulk": LaneOut(**asdict(lane)) for name, lane in found},
    )
