"""Results as files."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.auth import Reader
from api.downloads import CSV, JSONL, Lines, download, in_turn
from api.lookup import find_results
from api.parts import Parts, The
from api.sidecars import parents_of, sidecars
from api.views import item_out, job_out
from api.zips import zipped
from db.query.items import every_item
from db.query.places import places
from db.store.keys import Caller
from xmp.names import ROOT, ROOT_PATTERN, Naming

router = APIRouter(prefix="/v1/jobs", tags=["Results"])
_ZIP = "application/zip"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get(
    "/{job_id}/results.jsonl",
    response_class=StreamingResponse,
    responses=JSONL.responses,
    summary="Results as JSON lines",
)
def results_jsonl(job_id: str, parts: The, caller: Reader) -> StreamingResponse:
    """Every verdict so far, one a line, in the order of the upload."""
    return _of_job(job_id, parts, caller, JSONL)


@router.get(
    "/{job_id}/results.csv",
    response_class=StreamingResponse,
    responses=CSV.responses,
    summary="Results as a table",
)
def results_csv(job_id: str, parts: The, caller: Reader) -> StreamingResponse:
    """The same as CSV; tags are joined by `|`, and no cell is a formula."""
    return _of_job(job_id, parts, caller, CSV)


@router.get(
    "/{job_id}/results.xlsx",
    response_class=StreamingResponse,
    responses={200: {"content": {_XLSX: {}}, "description": "A workbook: a summary, and one photo a row."}},
    summary="Results as a workbook",
)
def results_xlsx(job_id: str, parts: The, caller: Reader) -> StreamingResponse:
    """The same for spreadsheets, behind a summary. The first byte comes when every verdict has been read."""
    from api.workbook import as_xlsx  # XlsxWriter is loaded with the first workbook, not before the API answers

    with parts.database.read() as session:
        job = job_out(session, find_results(session, caller.owner, job_id))
    items = (item_out(item) for item in every_item(parts.database, job.id))
    return download(in_turn(as_xlsx(job, items), parts.workbooks), f"{job.id}.xlsx", _XLSX)


@router.get(
    "/{job_id}/sidecars.zip",
    response_class=StreamingResponse,
    responses={200: {"content": {_ZIP: {}}, "description": "An XMP sidecar for each tagged photo, at its path."}},
    summary="Tags as XMP sidecars",
)
def sidecars_zip(
    job_id: str,
    parts: The,
    caller: Reader,
    root: Annotated[str, Query(pattern=ROOT_PATTERN, description="The keyword above all tags.")] = ROOT,
    naming: Annotated[Naming, Query(description="full: `IMG.jpg.xmp`; stem: `IMG.xmp`.")] = Naming.FULL,
) -> StreamingResponse:
    """What photo programs read beside a photo: its tags as keywords. Paths are as in the upload and stay below it."""
    with parts.database.read() as session:
        job = find_results(session, caller.owner, job_id)
        parents, sources = parents_of(parts.catalog, job), places(session, job.id)
    files = sidecars(every_item(parts.database, job_id), sources, parents, root, naming)
    return download(zipped(files), f"{job_id}-sidecars.zip", _ZIP)


def _of_job(job_id: str, parts: Parts, caller: Caller, lines: Lines) -> StreamingResponse:
    with parts.database.read() as session:
        find_results(session, caller.owner, job_id)
    return lines.of(every_item(parts.database, job_id), job_id)
