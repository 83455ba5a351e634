"""A selection of the history as a file."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.auth import Reader
from api.downloads import CSV, JSONL
from api.narrowing import Narrowed
from api.parts import The
from db.query.history import every_item_of_owner

router = APIRouter(prefix="/v1", tags=["Results"])


@router.get(
    "/items.jsonl",
    response_class=StreamingResponse,
    responses=JSONL.responses,
    summary="A selection of all photos as JSON lines",
)
def items_jsonl(parts: The, caller: Reader, narrowed: Narrowed) -> StreamingResponse:
    """What `GET /v1/items` lists with the same filters, all pages in one, without reviews."""
    return JSONL.of(every_item_of_owner(parts.database, caller.owner, narrowed), "photos")


@router.get(
    "/items.csv",
    response_class=StreamingResponse,
    responses=CSV.responses,
    summary="A selection of all photos as a table",
)
def items_csv(parts: The, caller: Reader, narrowed: Narrowed) -> StreamingResponse:
    """The same with the columns of a job's `results.csv`."""
    return CSV.of(every_item_of_owner(parts.database, caller.owner, narrowed), "photos")
