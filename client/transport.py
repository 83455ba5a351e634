"""Calls over HTTP: the key, the errors, and trying again where that is safe."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from client.errors import Refused, UnexpectedAnswer, Unreachable

# Answers that say "not now": the same request may well succeed a little later.
_NOT_NOW = frozenset({429, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
Body = Callable[[], Iterable[bytes]]


class Transport:
    """One connection pool to one server.

    ``patience`` is how many seconds a call that may be repeated goes on trying while the server is away or says
    "not now"; a Retry-After in its answer is kept to. 0: one try.
    """

    def __init__(self, url: str, key: str, patience: float, act_for: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._http = httpx.Client(
            base_url=self.url,
            headers=({"X-API-Key": key} if key else {}) | ({"X-Act-For": act_for} if act_for else {}),
            timeout=httpx.Timeout(30, connect=5),
            # A proxy that the environment names cannot reach this machine's own loopback.
            trust_env=urlsplit(url).hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        read_timeout: float = 30.0,
    ) -> httpx.Response:
        """One call; its answer below 400, read whole.

        ``body`` starts the body's bytes from the beginning at each try. ``repeat`` says that the call may be sent
        again; by default that holds for GET alone. Raises `Refused` or `Unreachable`.
        """
        repeat = method == "GET" if repeat is None else repeat
        deadline = time.monotonic() + (self._patience if repeat else 0)
        pause = 0.25
        while True:
            try:
                answer = self._http.request(
                    method,
                    path,
                    params=params,
                    json=json,
                    content=None if body is None else body(),
                    headers=headers,
                    timeout=httpx.Timeout(60, connect=5, read=read_timeout),
                )
                if answer.status_code < 400:
                    return answer
                problem: Refused | Unreachable = Refused.from_response(answer)
            except httpx.TransportError as error:
                problem = Unreachable(self.url, error)
            asked = problem.retry_after if isinstance(problem, Refused) else None
            wait = pause if asked is None else asked
            hopeless = isinstance(problem, Refused) and problem.status not in _NOT_NOW
            if hopeless or time.monotonic() + wait > deadline:
                raise problem
            time.sleep(wait)
            pause = min(2 * pause, 5.0)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON. Raises `UnexpectedAnswer` where it is none, otherwise as `call`."""
        answer = self.call(method, path, **options)
        try:
            return answer.json()
        except ValueError as error:
            raise UnexpectedAnswer(f"{method} {path} did not answer with JSON.") from error

    def health(self) -> Any:
        """The JSON of `/health/ready`, whether it comes with 200 or 503. One try."""
        try:
            return self._http.get("/health/ready", timeout=10).json()
        except httpx.TransportError as error:
            raise Unreachable(self.url, error) from error
        except ValueError as error:
            raise UnexpectedAnswer(f"{self.url} answers, but not as Shoebox does.") from error

    @contextmanager
    def stream(
        self, path: str, *, params: Mapping[str, Any] | None = None, read_timeout: float = 30.0
    ) -> Iterator[httpx.Response]:
        """An open answer below 400 to be read piece by piece. Raises `Refused` or `Unreachable`, also while reading."""
        timeout = httpx.Timeout(30, connect=5, read=read_timeout)
        try:
            with self._http.stream("GET", path, params=params, timeout=timeout) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise Refused.from_response(answer)
                yield answer
        except httpx.TransportError as error:
            raise Unreachable(self.url, error) from error
