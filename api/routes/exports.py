"""A selection of the history as a file."""

from collections.abc import Callable, Iterable, Iterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.auth import Reader
from api.narrowing import Narrowed
from api.parts import Parts, The
from api.results import as_csv, jsonl
from api.schemas import ItemOut
from api.views import item_out
from db.query.history import every_item_of_owner
from db.query.narrow import Filter

router = APIRouter(prefix="/v1", tags=["Results"])
_JSONL, _CSV = "application/x-ndjson", "text/csv; charset=utf-8"


@router.get(
    "/items.jsonl",
    response_class=StreamingResponse,
    responses={200: {"content": {_JSONL: {}}, "description": "One JSON object a line."}},
    summary="A selection of all photos as JSON lines",
)
def items_jsonl(parts: The, caller: Reader, narrowed: Narrowed) -> StreamingResponse:
    """What `GET /v1/items` lists with the same filters, all pages in one, without reviews."""
    return _answer(parts, caller.owner, narrowed, jsonl, _JSONL, "jsonl")


@router.get(
    "/items.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {_CSV: {}}, "description": "A header and one photo a line."}},
    summary="A selection of all photos as a table",
)
def items_csv(parts: The, caller: Reader, narrowed: Narrowed) -> StreamingResponse:
    """The same with the columns of a job's `results.csv`."""
    return _answer(parts, caller.owner, narrowed, as_csv, _CSV, "csv")


def _answer(
    parts: Parts,
    owner: str,
    narrowed: Filter,
    lines: Callable[[Iterable[ItemOut]], Iterator[bytes]],
    kind: str,
    suffix: str,
) -> StreamingResponse:
    items = (item_out(item) for item in every_item_of_owner(parts.database, owner, narrowed))
    headers = {"Content-Disposition": f'attachment; filename="photos.{suffix}"'}
    return StreamingResponse(lines(items), 200, headers, kind)
