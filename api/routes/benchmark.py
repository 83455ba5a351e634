"""How quick each backend is, measured on a worker."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.auth import Admin
from api.benchmarking import Asked, BenchmarkFailed, begin, benchmark_out, look
from api.cursors import JOB_ID
from api.intake import NotOneImage, receive
from api.lookup import NotFound
from api.openapi import BENCHMARK_BODY
from api.options import with_form
from api.parts import The
from api.schemas import Page
from api.schemas_more import BenchmarkOut
from api.uploads import Uploads
from api.waiting import awaited
from db.query.benchmarks import benchmarks
from db.states import BenchmarkState, Kind
from worker.senders import INTERACTIVE

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["Administration"])


@router.post(
    "/benchmark",
    response_model=BenchmarkOut,
    responses={202: {"model": BenchmarkOut, "description": "Not done yet: `Location` is the benchmark to ask for."}},
    openapi_extra=BENCHMARK_BODY,
    summary="Measure the backends",
)
async def measure(
    request: Request, response: Response, parts: The, caller: Admin, query: Annotated[Asked, Query()]
) -> BenchmarkOut:
    """Runs one photo through every backend on a worker, between jobs; waits up to `timeout` seconds for the figures."""
    await run_in_threadpool(parts.catalog.find, query.model)
    async with Uploads(parts.blobs, parts.settings.min_free_bytes) as uploads:
        form = await receive(request, uploads, query.name, parts.settings.max_file_bytes, 1)
        if len(uploads.files) != 1 or uploads.files[0].kind is not Kind.IMAGE:
            raise NotOneImage("Please send exactly one photo here.")
        asked = with_form(query, form)
        model = await run_in_threadpool(parts.catalog.find, asked.model)
        key = model.name, model.version
        made = await run_in_threadpool(begin, parts.database, parts.previews, caller.owner, key, uploads)
    parts.hinter.want(INTERACTIVE)
    log.info("benchmark_accepted", benchmark=made, model=model.name, version=model.version)
    found = await awaited(lambda: look(parts.database, made), parts.wakeups, made, asked.timeout)
    if found.state is BenchmarkState.FAILED and found.error is not None:
        raise BenchmarkFailed(found.error.message)
    if found.state is not BenchmarkState.DONE:
        response.status_code = 202
        response.headers["Location"] = f"/v1/benchmark/{made}"
        response.headers["Retry-After"] = "1"
    return found


@router.get("/benchmark/{benchmark_id}", summary="Look at a benchmark")
def get_benchmark(benchmark_id: str, parts: The, caller: Admin) -> BenchmarkOut:
    """A benchmark with what was measured, once it is done."""
    if not JOB_ID.fullmatch(benchmark_id):
        raise NotFound("There is no such benchmark.")
    return look(parts.database, benchmark_id)[0]


@router.get("/benchmarks", summary="List benchmarks")
def list_benchmarks(
    parts: The, caller: Admin, limit: Annotated[int, Query(ge=1, le=100, description="Most entries.")] = 20
) -> Page[BenchmarkOut]:
    """The latest benchmarks, newest first."""
    with parts.database.read() as session:
        return Page(data=[benchmark_out(session, row) for row in benchmarks(session, limit)], next=None)
