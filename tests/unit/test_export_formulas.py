"""No name, label or sentence that a stranger chose becomes a formula in a spreadsheet."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from api.results import COLUMNS, as_csv
from api.schemas import Counts, ItemOut, JobOut, JudgedBy, ModelName, Params, TagOut
from api.workbook import write_workbook
from db.states import JobState, Outcome
from model.verdict import Decision

STARTS = ("=", "+", "-", "@", "\t", "\r")
# Letters of every kind, and often those that matter here.
TEXT = st.text(st.one_of(st.sampled_from("=+-@\t\r\n;,|\"' a1("), st.characters(exclude_categories=["Cs", "Cc"])))


def item(name: str, label: str, explanation: str) -> ItemOut:
    return ItemOut(
        id="J-0", job="J", position=0, name=name, decision=Decision.ACCEPTED, reason=None, explanation=explanation,
        label=label, confidence=0.9, tags=[TagOut(label=label, confidence=0.9)], scores={},
        model=JudgedBy(name=label, version="1", checksum=None), backend=None, width=1, height=1, bytes=1,
        inference_ms=1.0,
    )  # fmt: skip


JOB = JobOut(
    id="J", state=JobState.COMPLETED, outcome=Outcome.PARTIAL, model=ModelName(name="m", version="1"), error=None,
    waiting_for=None, counts=Counts(total=1, pending=0, accepted=1, rejected=0, failed=0, canceled=0, skipped=0),
    sources=[], rate=None, eta_seconds=None, submitted_at="2026-01-31T09:30:00.000Z", started_at=None,
    finished_at=None, expired_at=None, params=Params(), metadata={}, retry_of=None, links={},
)  # fmt: skip


@given(TEXT, TEXT, TEXT)
@example("a;=1+1;b", 'a;"=1+1;', "\t=1")
@example('";=1', "\r\n=cmd|' /C calc'!A0", "x\n@SUM(1)")
@settings(deadline=None, max_examples=300)
def test_no_cell_of_the_table_begins_as_a_formula(name: str, label: str, explanation: str) -> None:
    text = b"".join(as_csv([item(name, label, explanation)])).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 2 and len(rows[1]) == len(COLUMNS)
    for separator in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not [cell for cell in row if cell.startswith(STARTS)], separator


@pytest.mark.parametrize("start", STARTS)
def test_each_start_is_guarded_and_nothing_else_changes(start: str) -> None:
    text = b"".join(as_csv([item(f"{start}1+1", "sea", "a-b = c@d + e;f")])).decode()
    row = list(csv.reader(io.StringIO(text, newline="")))[1]
    assert row[COLUMNS.index("name")] == f"'{start}1+1"
    assert row[COLUMNS.index("label")] == "sea" and row[COLUMNS.index("explanation")] == "a-b = c@d + e;f"


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=10))
@example([(f"{start}1+1", f"{start}A1", f"{start}cmd|' /C calc'!A0") for start in STARTS])
@settings(deadline=None, max_examples=30)
def test_no_cell_of_the_workbook_is_a_formula(texts: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.xlsx"
        write_workbook(path, JOB, [item(*said) for said in texts])
        book = load_workbook(path)
        kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
        assert "f" not in kinds
        assert book["Photos"].max_row == len(texts) + 1
        book.close()
