"""For those who watch over the service; no key is asked for."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from api import metrics
from api.parts import The
from api.readiness import readiness
from api.schemas_more import Readiness

router = APIRouter(tags=["Health"])


@router.get("/health/live", summary="Does the process answer?")
async def live() -> dict[str, str]:
    """Says ok as long as this process serves requests."""
    return {"status": "ok"}


@router.get(
    "/health/ready",
    responses={503: {"model": Readiness, "description": "Jobs cannot be accepted."}},
    summary="Can jobs be accepted?",
)
async def ready(parts: The, response: Response) -> Readiness:
    """200 when jobs can be accepted, also while some part is missing and they would wait; else 503."""
    found = await readiness(parts)
    if found.status == "unavailable":
        response.status_code = 503
    return found


@router.get("/metrics", response_class=PlainTextResponse, summary="Numbers for Prometheus")
async def numbers(request: Request, parts: The) -> Response:
    """Requests, unfinished jobs, waiting work and living workers."""
    text = await run_in_threadpool(metrics.render, parts.database, request.app.state.traffic)
    return Response(text, 200, media_type=metrics.MEDIA_TYPE)
