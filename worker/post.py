"""One message to one receiver: its name is asked for once, checked, and the connection goes to what was checked."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from worker.addresses import Address, BadTarget, Policy, Target, check_all, target_of

# Every address that a name stands for, as text.
Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a try went: the receiver's status, or why there is none. ``wait`` is how long it asks us to, in seconds.

    ``final``: another try would end alike.
    """

    status: int | None
    error: str | None
    wait: float | None = None
    final: bool = False


async def ask_system(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Post:
    """Sends messages. ``seconds`` is the longest time for one, from the question for its name to the answer's head."""

    policy: Policy
    seconds: float
    trust: ssl.SSLContext
    resolve: Resolve = ask_system

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One try. A receiver that cannot be reached, or may not be, is an answer too."""
        try:
            async with asyncio.timeout(self.seconds):
                target = target_of(url, self.policy)
                return await self._first(target, await self._addresses(target), body, headers)
        except BadTarget as error:
            return Answer(None, str(error))
        except TimeoutError:
            return Answer(None, f"No answer came within {self.seconds:g} seconds.")
        except ssl.SSLError as error:
            return Answer(None, f"No safe connection was possible: {error.reason or 'TLS failed'}.")
        except (httpx.HTTPError, OSError) as error:
            return Answer(None, _in_words(error))

    async def _addresses(self, target: Target) -> list[Address]:
        try:
            return check_all(await self.resolve(target.host, target.port), self.policy)
        except (OSError, UnicodeError) as error:
            raise BadTarget("The host's name is not known.") from error

    async def _first(self, target: Target, addresses: list[Address], body: bytes, headers: Mapping[str, str]) -> Answer:
        """Tries the addresses in turn until one takes the connection."""
        for address in addresses[:-1]:
            try:
                return await self._one(target, address, body, headers)
            except httpx.ConnectError:
                continue
        return await self._one(target, addresses[-1], body, headers)

    async def _one(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
        # The URL has the address, so that nobody asks for the name again; Host and certificate keep the name.
        url = target.url.copy_with(host=str(address))
        host = target.url.netloc.decode("ascii")
        async with (
            httpx.AsyncClient(verify=self.trust, trust_env=False, timeout=self.seconds) as client,
            client.stream(
                "POST",
                url,
                content=body,
                headers={**headers, "Host": host, "Connection": "close"},
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            # The body says nothing that we need: it is never read, however large it is.
            return _told(answer)


def _told(answer: httpx.Response) -> Answer:
    status = answer.status_code
    if answer.is_success:
        return Answer(status, None)
    if answer.is_redirect:
        return Answer(status, "The receiver answered with a redirect, which is not followed.")
    if status == 410:
        return Answer(status, "The receiver wants no more of these messages.", final=True)
    wait = answer.headers.get("retry-after", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else None
    return Answer(status, f"The receiver answered with the status {status}.", wait=seconds)


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "The receiver's certificate cannot be trusted."
        return "The receiver could not be reached."
    if isinstance(error, httpx.TimeoutException):
        return "The receiver did not answer in time."
    return "The connection broke off before there was an answer."
