"""Photos and their verdicts as files, streamed: memory is flat however many there are."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator

from api.schemas import ItemOut

# Lines are gathered to about so many bytes for each piece of the answer.
PIECE_BYTES = 64 * 1024
COLUMNS = (
    "id", "job", "position", "name", "decision", "reason", "explanation", "label", "confidence", "tags", "scores",
    "model", "version", "checksum", "backend", "width", "height", "bytes", "inference_ms",
)  # fmt: skip
# What spreadsheets take for the start of a formula: in a cell, and where one that parts cells at other signs than the
# comma sees a new cell begin.
_FORMULA = re.compile(r'(^|[;\t\r\n])("*)(?=[=+\-@\t\r])')


def jsonl(items: Iterable[ItemOut]) -> Iterator[bytes]:
    """One item a line, as the API shows it but without its review."""
    return _pieces(item.model_dump_json() + "\n" for item in items)


def as_csv(items: Iterable[ItemOut]) -> Iterator[bytes]:
    """A header and one item a line (RFC 4180); text that a spreadsheet would take for a formula is quoted by a '."""

    def lines() -> Iterator[str]:
        yield _line(COLUMNS)
        for item in items:
            yield _line(cells(item))

    return _pieces(lines())


def cells(item: ItemOut) -> list[object]:
    """An item as a table shows it: one value for each of `COLUMNS`."""
    scores = {name: score.model_dump() for name, score in item.scores.items()}
    return [
        item.id,
        item.job,
        item.position,
        item.name,
        item.decision,
        item.reason,
        item.explanation,
        item.label,
        item.confidence,
        "|".join(tag.label for tag in item.tags),
        json.dumps(scores, separators=(",", ":"), ensure_ascii=False),
        item.model.name,
        item.model.version,
        item.model.checksum,
        item.backend,
        item.width,
        item.height,
        item.bytes,
        item.inference_ms,
    ]


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_guarded(cell) for cell in cells])
    return text.getvalue()


def _guarded(cell: object) -> object:
    return _FORMULA.sub(r"\1\2'", cell) if isinstance(cell, str) else cell


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line.encode()
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
