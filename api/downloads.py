"""Answers that are kept as files."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi.responses import StreamingResponse

from api.results import as_csv, jsonl
from api.schemas import ItemOut
from api.views import item_out
from db.schema import Item

# Workbooks that are written at once. The others wait without a thread, for each takes seconds and temporary files.
WORKBOOKS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Lines:
    """A kind of file with one photo a line: its media type, the ending of its name, what it is, and how it is made."""

    kind: str
    suffix: str
    description: str
    made: Callable[[Iterable[ItemOut]], Iterator[bytes]]

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """The answer as the description of the interface has it."""
        return {200: {"content": {self.kind: {}}, "description": self.description}}

    def of(self, items: Iterable[Item], stem: str) -> StreamingResponse:
        """The file of these photos, read while it is sent."""
        return download(self.made(item_out(item) for item in items), f"{stem}.{self.suffix}", self.kind)


JSONL = Lines("application/x-ndjson", "jsonl", "One JSON object a line.", jsonl)
CSV = Lines("text/csv; charset=utf-8", "csv", "A header and one photo a line.", as_csv)


def download(pieces: Iterator[bytes] | AsyncIterator[bytes], name: str, kind: str) -> StreamingResponse:
    """The pieces as a file of that name."""
    return StreamingResponse(pieces, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, kind)


async def in_turn(pieces: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """The pieces, made in threads of which ``limiter`` has so many: the threads that answer all else stay free."""
    while (piece := await to_thread.run_sync(next, pieces, None, limiter=limiter)) is not None:
        yield piece
