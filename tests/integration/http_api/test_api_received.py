"""What a connection received on its way to the application: read in large pieces, and not copied without need."""

import asyncio
import hashlib
import random
import time
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from lines import answers_of, connected, said, served
from uvicorn.server import ServerState

from api.door import RECEIVED_BYTES, Door

CUTS = {
    "as it comes": None,
    "in chunks of one byte": 1,
    "in chunks of some bytes": 1000,
    "in chunks larger than what is received at once": RECEIVED_BYTES + 1,
}


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with the SHA-256 of a body that it begins to read late."""
    await asyncio.sleep(0.2)
    found, more = hashlib.sha256(), True
    while more:
        message = await receive()
        assert type(message["body"]) is bytes
        found.update(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})
    await send({"type": "http.response.body", "body": found.hexdigest().encode()})


@pytest.mark.parametrize("size", CUTS.values(), ids=CUTS)
def test_a_body_comes_whole_and_cheaply_however_it_is_cut(size: int | None) -> None:
    body = random.Random(5).randbytes(1_000_000 if size == 1 else 5_000_000)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    if size is None:
        sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    else:
        cut = (body[at : at + size] for at in range(0, len(body), size))
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in cut)
        sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with served(counting, Door) as door, connected(door) as connection:
        began = time.process_time()
        connection.sendall(sent)
        assert answers_of(said(connection)) == [(200, hashlib.sha256(body).hexdigest().encode())]
        # A million chunks took 0.3 s, and 2.1 s where each had those before it copied.
        assert time.process_time() - began < 1.5


def test_what_was_received_is_not_copied_where_it_is_read_at_once() -> None:
    as_it_was: list[bool] = []

    class Watched(Door):
        def on_body(self, body: bytes) -> None:
            super().on_body(body)
            as_it_was.append(self.cycle.body is body)

    with served(counting, Watched) as door:
        httpx.post(door.url, content=bytes(100))
    assert as_it_was == [True]


def test_the_event_loop_reads_as_much_at_once_as_the_door_asks_for() -> None:
    async def asked() -> int:
        loop, config = asyncio.get_running_loop(), uvicorn.Config(FastAPI(), http=Door, lifespan="off")
        opened: asyncio.Future[int] = loop.create_future()
        config.load()

        class Watched(Door):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                opened.set_result(transport.max_size)
                transport.abort()

        server = await loop.create_server(lambda: Watched(config, ServerState(), {}), "127.0.0.1", 0)
        async with server:
            _, line = await asyncio.open_connection(*server.sockets[0].getsockname())
            line.close()
            return await opened

    assert asyncio.run(asked()) == RECEIVED_BYTES
