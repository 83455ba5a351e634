"""A job's results as an Excel workbook. Rows go to temporary files as they come: memory is flat, the disk is used."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from api.results import COLUMNS, PIECE_BYTES, cells
from api.schemas import ItemOut, JobOut

# The most rows of a sheet and characters of a cell that the format allows.
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
_WIDTHS = {"id": 32, "job": 28, "name": 40, "reason": 22, "explanation": 50, "label": 16, "tags": 24, "scores": 30}
_FORMATS = {"confidence": "0.000", "bytes": "#,##0", "inference_ms": "0.0"}


@dataclass(slots=True)
class Totals:
    """What the summary counts, over the photos that the workbook holds."""

    decisions: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, item: ItemOut) -> None:
        """Takes one photo in."""
        self.decisions[item.decision] += 1
        self.labels.update(tag.label for tag in item.tags)
        if item.reason is not None:
            self.reasons[item.decision, item.reason] += 1


def as_xlsx(job: JobOut, items: Iterable[ItemOut]) -> Iterator[bytes]:
    """The workbook's bytes; the first come when all ``items`` have been read, for a ZIP's directory stands last."""
    with tempfile.TemporaryDirectory(prefix="shoebox-xlsx-") as folder:
        path = Path(folder, "results.xlsx")
        write_workbook(path, job, items)
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


def write_workbook(path: Path, job: JobOut, items: Iterable[ItemOut], sheet_rows: int = SHEET_ROWS) -> None:
    """A summary, then a sheet of photos with the columns of results.csv, then further sheets of ``sheet_rows`` rows.

    Each sheet of photos has a bold header that stays in sight, and a filter. Text is text: no cell is a formula.
    Temporary files lie beside ``path``.
    """
    with Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        book.use_zip64()
        bold = book.add_format({"bold": True})
        formats = {name: book.add_format({"num_format": code}) for name, code in _FORMATS.items()}
        summary = book.add_worksheet("Summary")
        sheet = _photos(book, 1, bold)
        totals, number, row = Totals(), 1, 0
        for item in items:
            if row == sheet_rows - 1:
                _filter(sheet, row)
                number, row = number + 1, 0
                sheet = _photos(book, number, bold)
            row += 1
            totals.add(item)
            for column, (name, cell) in enumerate(zip(COLUMNS, cells(item), strict=True)):
                _write(sheet, row, column, cell, formats.get(name))
        _filter(sheet, row)
        _summarise(summary, job, totals, bold)


def _photos(book: Workbook, number: int, bold: Format) -> Worksheet:
    sheet = book.add_worksheet("Photos" if number == 1 else f"Photos {number}")
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 12))
        sheet.write_string(0, column, name, bold)
    return sheet


def _filter(sheet: Worksheet, last_row: int) -> None:
    sheet.autofilter(0, 0, last_row, len(COLUMNS) - 1)


def _summarise(sheet: Worksheet, job: JobOut, totals: Totals, bold: Format) -> None:
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 2, 34)
    facts: list[Sequence[object]] = [
        ("job", job.id),
        ("from", ", ".join(source.name for source in job.sources)),
        ("state", job.state),
        ("outcome", job.outcome),
        ("model", job.model.name),
        ("version", job.model.version),
        ("submitted", job.submitted_at),
        ("finished", job.finished_at),
        ("photos in this workbook", totals.decisions.total()),
        *totals.decisions.most_common(),
        ("pending", job.counts.pending),
        ("canceled", job.counts.canceled),
        ("skipped files", job.counts.skipped),
    ]
    row = _table(sheet, 0, ("Shoebox",), facts, bold)
    row = _table(sheet, row + 1, ("tag", "photos"), totals.labels.most_common(), bold)
    reasons = [
        (reason.replace("_", " "), count, decision) for (decision, reason), count in totals.reasons.most_common()
    ]
    _table(sheet, row + 1, ("reason", "photos", "decision"), reasons, bold)


def _table(sheet: Worksheet, row: int, head: Sequence[str], lines: Iterable[Sequence[object]], bold: Format) -> int:
    """Writes a small table; returns the row after it."""
    for column, name in enumerate(head):
        sheet.write_string(row, column, name, bold)
    for line in lines:
        row += 1
        for column, cell in enumerate(line):
            _write(sheet, row, column, cell, None)
    return row + 1


def _write(sheet: Worksheet, row: int, column: int, cell: object, number: Format | None) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, _plain(cell))
    elif isinstance(cell, int | float):
        sheet.write_number(row, column, cell, number)


def _plain(text: str) -> str:
    # XlsxWriter takes a text between these marks for rich text and does not escape it.
    text = text[: CELL_CHARACTERS - 1]
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text
