"""For those who watch over the service; no key is asked for."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.concurrency import run_in_threadpool

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
async def numbers(request: Request) -> Response:
    """This process' requests and uploads; all owners' jobs, shards and messages, living workers, and room."""
    text = await run_in_threadpool(generate_latest, request.app.state.traffic.registry)
    return Response(text, 200, {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
