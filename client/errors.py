"""What can go wrong between a caller and Shoebox, one class each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

# An answer that asks to be asked at once would have a caller ask all the time; nobody means years.
SHORTEST_WAIT = 0.1
LONGEST_WAIT = 3600.0


class ShoeboxError(Exception):
    """Any failure of a call. Its text is one sentence for a person."""


class Unreachable(ShoeboxError):
    """Nothing answered at the address, or the connection broke before an answer was complete."""

    def __init__(self, url: str, cause: Exception) -> None:
        super().__init__(f"Shoebox does not answer at {url} ({cause or type(cause).__name__}).")
        self.url = url


class Refused(ShoeboxError):
    """The server answered with an error (RFC 9457 problem details where it sent them).

    ``code`` is the server's name for the problem, ``errors`` its list of wrong fields (422), ``retry_after`` the
    seconds it asks to wait, ``None`` where it named none.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        request_id: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.errors = tuple(errors)
        self.retry_after = retry_after

    @classmethod
    def from_response(cls, response: httpx.Response) -> "Refused":
        """Reads the problem out of an answer of 400 or more whose body has been read."""
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            problem = {}
        errors = problem.get("errors")
        return cls(
            response.status_code,
            str(problem.get("code") or "http_error"),
            str(problem.get("detail") or problem.get("title") or f"The server answered {response.status_code}."),
            request_id=problem.get("request_id") or response.headers.get("X-Request-ID"),
            errors=errors if isinstance(errors, list) else (),
            retry_after=retry_after(response),
        )


class UnexpectedAnswer(ShoeboxError):
    """The answer was no error, yet not what this client understands: client and server may differ in version."""


class WaitedTooLong(ShoeboxError):
    """The job did not finish within the time given; it goes on without us."""


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the answer's Retry-After asks to wait, from `SHORTEST_WAIT` to `LONGEST_WAIT`; ``None`` without one.

    Shoebox gives seconds; what stands before it may give a date.
    """
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        asked = float(text)
    else:
        try:
            asked = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(asked, SHORTEST_WAIT), LONGEST_WAIT)
