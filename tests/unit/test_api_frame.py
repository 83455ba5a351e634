"""The outermost layer: what happens when the code inside fails."""

import asyncio
from typing import Any

import httpx
import pytest

from api.middleware import Frame
from api.quiet import Quiet
from api.traffic import Traffic


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the password is hunter2")


async def fails_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("too late to say so")


def ask(app: Any, traffic: Traffic) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(Frame(app, traffic, Quiet()))
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.get("/v1/jobs", headers={"X-Request-ID": "mine"})

    return asyncio.run(go())


def test_a_bug_is_a_problem_that_tells_nothing() -> None:
    traffic = Traffic()
    answer = ask(fails, traffic)
    assert answer.status_code == 500 and answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error" and answer.json()["request_id"] == "mine"
    assert "hunter2" not in answer.text and answer.headers["X-Request-ID"] == "mine"
    counted = {"method": "GET", "route": "none", "status": "500"}
    assert traffic.registry.get_sample_value("shoebox_requests_total", counted) == 1


def test_a_bug_in_the_middle_of_an_answer_breaks_it_off() -> None:
    with pytest.raises(RuntimeError):
        ask(fails_late, Traffic())
