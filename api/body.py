"""A request's body, piece by piece, under a limit and a clock."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request

IDLE_SECONDS = 30.0
# After the first minute a body must have come at 1 KiB/s on average: slower is no upload but a held connection.
GRACE_SECONDS = 60.0
LEAST_BYTES_PER_SECOND = 1024
# A body of so much, a camera's photo, is checked once, when it is there: of larger ones it is worth a visit to the
# database to refuse them before they are sent (0.7 ms of the API's 8.5 for a photo of 1.3 MB).
SMALL_BYTES = 2**23


class TooLarge(Exception):
    """The body is larger than this server takes."""


class TooSlow(Exception):
    """The body stopped coming, or came in drops."""


class ClientGone(Exception):
    """The client closed the connection before its body was complete."""


def declared_bytes(request: Request) -> int | None:
    """How many bytes the body is said to have; None where nothing is said that can be read."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else None


def is_small(request: Request) -> bool:
    """Whether the body says of itself that it is not worth a look before it is read."""
    return (declared_bytes(request) or SMALL_BYTES + 1) <= SMALL_BYTES


async def body_of(request: Request, limit: int, idle_seconds: float = IDLE_SECONDS) -> AsyncIterator[bytes]:
    """The body's pieces as they come, at most ``limit`` bytes in all. Raises TooLarge, TooSlow, ClientGone.

    A declared length beyond the limit is refused before the first byte.
    """
    if (declared_bytes(request) or 0) > limit:
        raise _too_large(limit)
    clock = asyncio.get_running_loop().time
    began, received, more = clock(), 0, True
    while more:
        left = began + GRACE_SECONDS + received / LEAST_BYTES_PER_SECOND - clock()
        try:
            async with asyncio.timeout(min(idle_seconds, left)):
                message = await request.receive()
        except TimeoutError as error:
            raise TooSlow("The upload stopped or came too slowly; please send it again.") from error
        if message["type"] == "http.disconnect":
            raise ClientGone("The connection was closed before the upload was complete.")
        piece, more = message.get("body", b""), message.get("more_body", False)
        received += len(piece)
        if received > limit:
            raise _too_large(limit)
        if piece:
            yield piece


def _too_large(limit: int) -> TooLarge:
    size = f"{limit / 2**30:,.1f} GiB" if limit >= 2**30 else f"{limit / 2**20:,.1f} MiB"
    return TooLarge(f"The upload is larger than {size}, the most this server takes at once. Please send it in parts.")
