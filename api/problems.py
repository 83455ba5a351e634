"""What an error looks like (RFC 9457), for those who answer before there is a request as well."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
CLIENT_CLOSED = 499
# What every answer carries; a page of ours may say more of its content.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def described(
    status: int, code: str, detail: str, request_id: str, errors: Sequence[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The problem as JSON has it; ``errors`` are the fields that make no sense."""
    content: dict[str, Any] = {
        "type": f"urn:shoebox:problem:{code}",
        "title": "Client Closed Request" if status == CLIENT_CLOSED else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return content if errors is None else content | {"errors": list(errors)}
