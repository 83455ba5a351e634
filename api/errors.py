"""From error to HTTP status: the one table, and the answer it becomes (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from api import (
    auth,
    benchmarking,
    body,
    catalog,
    cursors,
    hosts,
    intake,
    lookup,
    multipart,
    offers,
    options,
    pace,
    pressure,
    previews,
    reviewing,
    tickets,
    uploads,
    webhooks,
)
from api.problems import CLIENT_CLOSED, MEDIA_TYPE, described
from db.blob_store import BlobsAway
from db.store import cancel, retry, submit
from db.store import webhooks as webhook_store
from worker.archive_bytes import CorruptArchive

log = structlog.get_logger(__name__)

TABLE: dict[type[Exception], tuple[int, str]] = {
    auth.NotSignedIn: (401, "not_signed_in"),
    auth.WrongKey: (401, "wrong_key"),
    auth.EndedKey: (401, "ended_key"),
    tickets.WrongTicket: (401, "wrong_ticket"),
    auth.MissingScope: (403, "missing_scope"),
    auth.NoOwner: (422, "invalid_request"),
    auth.TooManyFailures: (429, "too_many_failures"),
    hosts.WrongHost: (421, "wrong_host"),
    pace.TooManyRequests: (429, "too_many_requests"),
    body.TooLarge: (413, "too_large"),
    body.TooSlow: (408, "too_slow"),
    body.ClientGone: (CLIENT_CLOSED, "client_gone"),
    multipart.BadMultipart: (400, "bad_multipart"),
    multipart.TooManyParts: (400, "too_many_parts"),
    intake.NoFiles: (422, "no_files"),
    intake.WrongContentType: (415, "unsupported_media_type"),
    uploads.NotSupported: (415, "unsupported_archive"),
    pressure.TooManyQueued: (429, "too_many_queued"),
    pressure.QueueFull: (503, "queue_full"),
    uploads.StoreFull: (507, "storage_full"),
    uploads.UploadLost: (503, "upload_lost"),
    webhooks.NoWebhookSecret: (422, "no_webhook_secret"),
    CorruptArchive: (422, "corrupt_archive"),
    options.BadField: (422, "invalid_request"),
    offers.BackendUnavailable: (422, "backend_unavailable"),
    benchmarking.BadPicture: (422, "bad_picture"),
    benchmarking.BenchmarkFailed: (500, "benchmark_failed"),
    catalog.UnknownModel: (422, "unknown_model"),
    cursors.BadCursor: (422, "bad_cursor"),
    lookup.NotFound: (404, "not_found"),
    lookup.Expired: (410, "expired"),
    previews.NoPreview: (422, "no_preview"),
    previews.UploadGone: (410, "upload_gone"),
    reviewing.BadReview: (422, "invalid_request"),
    intake.NotOneImage: (422, "not_one_image"),
    submit.IdempotencyConflict: (422, "idempotency_conflict"),
    cancel.AlreadyFinished: (409, "already_finished"),
    webhook_store.NothingToSend: (409, "nothing_to_send"),
    cancel.StillRunning: (409, "still_running"),
    retry.UploadDeleted: (410, "upload_gone"),
    retry.NothingToRetry: (409, "nothing_to_retry"),
}
_DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
_CODES = {404: "not_found", 405: "method_not_allowed"}


def add_handlers(app: FastAPI) -> None:
    """Makes every error of the table, of the framework and of the database a problem document."""
    for kind in TABLE:
        app.add_exception_handler(kind, _from_table)
    for away in _DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(BlobsAway, _uploads_away)
    app.add_exception_handler(HTTPException, _from_framework)
    app.add_exception_handler(RequestValidationError, _invalid)


def problem(
    scope: Any,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer to an error; its code is noted for the request's line in the log."""
    state = scope.setdefault("state", {})
    state["code"] = code
    content = described(status, code, detail, state.get("request_id", ""), errors)
    return JSONResponse(content, status, headers, MEDIA_TYPE)


async def _from_table(request: Request, error: Exception) -> Response:
    return answer_to(request.scope, error)


def answer_to(scope: Any, error: Exception) -> Response:
    """The answer to an error of the table."""
    status, code = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    errors = [{"field": error.field, "message": str(error)}] if isinstance(error, options.BadField) else None
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shoebox"'
    if isinstance(error, pressure.Crowded | uploads.UploadLost):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, auth.TooManyFailures | pace.TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    return problem(scope, status, code, str(error), errors, headers)


async def _database_away(request: Request, error: Exception) -> Response:
    cause = error.orig if isinstance(error, DBAPIError) else error
    log.error("database_away", error=type(cause).__name__, what=str(cause))
    if "disk is full" in str(cause):
        return problem(request.scope, 507, "storage_full", "The server ran out of room; nothing was accepted.")
    detail = "The database does not answer at present; please try again shortly."
    return problem(request.scope, 503, "database_unavailable", detail, headers={"Retry-After": "5"})


async def _uploads_away(request: Request, error: Exception) -> Response:
    assert isinstance(error, BlobsAway)
    log.error("uploads_away", what=error.strerror)
    detail = "The store of uploads does not answer at present; please try again shortly."
    return problem(request.scope, 503, "uploads_unavailable", detail, headers={"Retry-After": "5"})


async def _from_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, HTTPStatus(error.status_code).phrase.lower().replace(" ", "_"))
    detail = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    said = detail.get(error.status_code, str(error.detail))
    if error.status_code == 400:
        said = "The body cannot be read as JSON in UTF-8."
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return problem(request.scope, error.status_code, code, said, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Every method that the address takes: several routes may share it, and the framework names those of the first."""
    addresses: Sequence[Route] = request.app.state.addresses
    found = (route for route in addresses if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in found for method in route.methods or ()}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
    detail = "Some fields make no sense: " + "; ".join(f"{e['field']}: {e['message']}" for e in errors[:3]) + "."
    return problem(request.scope, 422, "invalid_request", detail, errors)
