"""A job's results as a workbook, read back by a library that did not write it."""

import csv
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from api.results import COLUMNS
from api.schemas import Counts, ItemOut, JobOut, JudgedBy, ModelName, Params, ScoreOut, TagOut
from api.workbook import as_xlsx, write_workbook
from client.client import Client
from db.states import JobState, Outcome
from model.verdict import Decision, Reason

Make = Callable[..., bytes]
JOB = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D"


def opened(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def sent(client: httpx.Client, files: dict[str, bytes]) -> str:
    parts = [("files", (name, data, "image/jpeg")) for name, data in files.items()]
    return str(client.post("/v1/jobs", files=parts).json()["id"])


def test_a_workbook_holds_what_the_table_holds(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    job = sent(client, {f"p{n}.jpg": scene("sea", n) for n in range(7)})
    api.judge(job, judged)

    answer = client.get(f"/v1/jobs/{job}/results.xlsx")

    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job}.xlsx"'
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    book = opened(answer.content)
    assert book.sheetnames == ["Summary", "Photos"]
    sheet = book["Photos"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    table = list(csv.reader(io.StringIO(client.get(f"/v1/jobs/{job}/results.csv").text)))
    assert [["" if cell is None else str(cell) for cell in row] for row in rows] == table and len(rows) == 8
    assert tuple(rows[0]) == COLUMNS and all(cell.font.bold for cell in sheet[1])
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:S8"
    assert isinstance(rows[1][COLUMNS.index("confidence")], float)
    said = {row[0].value: row[1].value for row in book["Summary"].iter_rows() if row[0].value}
    assert said["job"] == job and said["from"].startswith("p0.jpg, p1.jpg") and said["model"] == "tiny"
    assert (said["photos in this workbook"], said["accepted"], said["rejected"], said["failed"]) == (7, 4, 2, 1)
    assert (said["sea"], said["forest"], said["blank"], said["timeout"]) == (4, 4, 2, 1)


def test_no_cell_is_a_formula_or_markup(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    names = [
        "=1+1.jpg",
        "@SUM(A1).jpg",
        "<r><t>x</t></r>",
        "_x0041_.jpg",
        "https://example.org/a.jpg",
        " ü&<b>.jpg",
        "007",
    ]
    job = sent(client, {name: scene("sea", n) for n, name in enumerate(names)})
    api.judge(job, judged)

    sheet = opened(client.get(f"/v1/jobs/{job}/results.xlsx").content)["Photos"]

    column = COLUMNS.index("name") + 1
    cells = [sheet.cell(row, column) for row in range(2, len(names) + 2)]
    shown = [item["name"] for item in client.get(f"/v1/jobs/{job}/items").json()["data"]]
    assert [cell.value.replace("_x005F_", "_").rstrip() for cell in cells] == shown
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert not any(cell.hyperlink for cell in cells)


def test_a_workbook_before_the_end_and_after_it(client: httpx.Client, scene: Make) -> None:
    job = sent(client, {"a.jpg": scene("sea")})
    book = opened(client.get(f"/v1/jobs/{job}/results.xlsx").content)
    assert book["Photos"].max_row == 1 and book["Photos"].auto_filter.ref == "A1:S1"
    assert client.get(f"/v1/jobs/{JOB}/results.xlsx").status_code == 404
    assert client.get(f"/v1/jobs/{job}").json()["links"]["results_xlsx"] == f"/v1/jobs/{job}/results.xlsx"


def test_however_many_workbooks_are_wanted_all_else_goes_on(
    api: Any, client: httpx.Client, scene: Make, judged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = sent(client, {"a.jpg": scene("sea")})
    api.judge(job, judged)
    go_on, write = threading.Event(), write_workbook

    def write_slowly(*wanted: Any) -> None:
        assert go_on.wait(30)
        write(*wanted)

    monkeypatch.setattr("api.workbook.write_workbook", write_slowly)
    address, key = f"{api.url}/v1/jobs/{job}/results.xlsx", dict(client.headers)
    with ThreadPoolExecutor(60) as threads:
        asked = [threads.submit(httpx.get, address, headers=key, timeout=60) for _ in range(60)]
        try:
            time.sleep(1)
            assert client.get(f"/v1/jobs/{job}", timeout=10).status_code == 200
            assert not any(one.done() for one in asked)
        finally:
            go_on.set()
        assert all(opened(one.result().content).sheetnames == ["Summary", "Photos"] for one in asked)


def test_the_client_fetches_a_workbook(
    api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path
) -> None:
    job = sent(client, {"a.jpg": scene("sea")})
    api.judge(job, judged)
    with Client(api.url, client.headers["X-API-Key"]) as typed:
        path = typed.results(job, "xlsx", tmp_path / "results.xlsx")
    assert opened(path.read_bytes())["Photos"]["D2"].value == "a.jpg"
    assert list(tmp_path.iterdir()) == [path]


def job_of(count: int) -> JobOut:
    counts = Counts(total=count, pending=0, accepted=count, rejected=0, failed=0, canceled=0, skipped=0)
    return JobOut(
        id=JOB,
        state=JobState.COMPLETED,
        outcome=Outcome.PARTIAL,
        model=ModelName(name="tiny", version="1"),
        error=None,
        waiting_for=None,
        counts=counts,
        sources=[],
        rate=None,
        eta_seconds=None,
        submitted_at="2026-01-31T09:30:00.000Z",
        started_at=None,
        finished_at=None,
        expired_at=None,
        params=Params.model_validate({}),
        metadata={},
        retry_of=None,
        links={},
    )


def item_of(position: int) -> ItemOut:
    fine = position % 2 == 0
    return ItemOut(
        id=f"{JOB}-{position}",
        job=JOB,
        position=position,
        name=f"day{position % 30}/IMG_{position:07}.jpg",
        decision=Decision.ACCEPTED if fine else Decision.REJECTED,
        reason=None if fine else Reason.BLANK,
        explanation="Looks like: sea.",
        label="sea" if fine else None,
        confidence=0.9 if fine else None,
        tags=[TagOut(label="sea", confidence=0.9)] if fine else [],
        scores={"confidence": ScoreOut(value=0.9, threshold=0.6)},
        model=JudgedBy(name="tiny", version="1", checksum=None),
        backend="fake",
        width=160,
        height=120,
        bytes=4000,
        inference_ms=1.5,
    )


def test_what_a_sheet_cannot_hold_goes_on_the_next(tmp_path: Path) -> None:
    path = tmp_path / "results.xlsx"
    write_workbook(path, job_of(25), map(item_of, range(25)), sheet_rows=11)
    book = load_workbook(path)
    assert book.sheetnames == ["Summary", "Photos", "Photos 2", "Photos 3"]
    assert [book[name].max_row for name in book.sheetnames[1:]] == [11, 11, 6]
    assert [book[name].auto_filter.ref for name in book.sheetnames[1:]] == ["A1:S11", "A1:S11", "A1:S6"]
    positions = [cell.value for name in book.sheetnames[1:] for cell in book[name]["C"][1:]]
    assert positions == list(range(25))
    assert list(tmp_path.iterdir()) == [path]


def test_memory_is_flat_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    process = psutil.Process()

    def grown(count: int) -> int:
        before = process.memory_info().rss
        peak, stop = [before], threading.Event()

        def watch() -> None:
            while not stop.wait(0.01):
                peak.append(process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            size = sum(map(len, as_xlsx(job_of(count), map(item_of, range(count)))))
        finally:
            stop.set()
            watcher.join()
        assert size > 50 * count
        return max(peak) - before

    grown(1000)
    assert grown(20_000) < 12 * 2**20
    assert list(tmp_path.iterdir()) == []


def test_a_failure_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken() -> Any:
        yield item_of(0)
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        list(as_xlsx(job_of(2), broken()))
    assert list(tmp_path.iterdir()) == []
