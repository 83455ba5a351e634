"""Photos and their verdicts: of a job, of all jobs, one; its preview."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.auth import Reader
from api.cursors import decode_item, encode
from api.lookup import find_item, find_results
from api.narrowing import Narrowed
from api.parts import The
from api.previews import UploadGone, tag_of
from api.routes.jobs import After, Limit
from api.schemas import Page, ReviewedItem
from api.views import reviewed
from db.query.history import items_of_owner
from db.query.items import items_of_job, source_of

router = APIRouter(prefix="/v1", tags=["Photos"])


@router.get("/jobs/{job_id}/items", summary="List a job's photos")
def items_of(
    job_id: str, parts: The, caller: Reader, narrowed: Narrowed, limit: Limit = 100, after: After = None
) -> Page[ReviewedItem]:
    """The photos that are judged so far, in the order of the upload."""
    last = -1 if after is None else decode_item(after)[1]
    with parts.database.read() as session:
        find_results(session, caller.owner, job_id)
        found = items_of_job(session, job_id, limit + 1, last, narrowed)
        page = reviewed(session, found[:limit])
    return Page(data=page, next=encode(page[-1].id) if len(found) > limit else None)


@router.get("/items", summary="List all photos")
def items(
    parts: The, caller: Reader, narrowed: Narrowed, limit: Limit = 100, after: After = None
) -> Page[ReviewedItem]:
    """Your photos across all jobs, newest job first."""
    last = None if after is None else decode_item(after)
    with parts.database.read() as session:
        found = items_of_owner(session, caller.owner, limit + 1, last, narrowed)
        page = reviewed(session, found[:limit])
    return Page(data=page, next=encode(page[-1].id) if len(found) > limit else None)


@router.get("/items/{item_id}", summary="Look at a photo's verdict")
def get_item(item_id: str, parts: The, caller: Reader) -> ReviewedItem:
    """One photo, its verdict, and its review if there is one."""
    with parts.database.read() as session:
        return reviewed(session, [find_item(session, caller.owner, item_id)])[0]


@router.get(
    "/items/{item_id}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "A JPEG without metadata."},
        304: {"description": "Nothing changed since the `ETag` given as `If-None-Match`."},
    },
    summary="See a photo",
)
def image(
    item_id: str,
    parts: The,
    caller: Reader,
    size: Annotated[int, Query(ge=16, le=2048, description="Pixels of the longer side, at most.")] = 256,
    if_none_match: Annotated[str | None, Header(description="The `ETag` of an earlier answer.")] = None,
) -> Response:
    """A small upright copy that carries pixels only: no camera, no place, no date."""
    with parts.database.read() as session:
        item = find_item(session, caller.owner, item_id)
        source = source_of(session, item)
    if source is None or source.deleted_at is not None:
        raise UploadGone("The upload that held this photo is no longer there.")
    headers = {"ETag": f'"{tag_of(item, source, size)}"', "Cache-Control": "private, max-age=86400"}
    if headers["ETag"] in [tag.strip() for tag in (if_none_match or "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(parts.previews.preview(item, source, size), 200, headers, "image/jpeg")
