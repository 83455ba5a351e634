"""What workers count, and how positions are told."""

import socket

import pytest
import structlog

from worker import meters
from worker.hand import spans


@pytest.mark.parametrize(
    ("positions", "told"),
    [([], ""), ([7], "7"), ([2, 0, 1], "0-2"), ([0, 1, 3, 5, 6, 9], "0-1,3,5-6,9")],
)
def test_positions_are_told_in_short(positions: list[int], told: str) -> None:
    assert spans(positions) == told


def test_a_port_that_is_taken_keeps_no_worker_from_its_work() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as logs:
        port = taken.getsockname()[1]
        meters.answer("127.0.0.1", port)
    assert [line["event"] for line in logs] == ["metrics_untold"]


def test_every_verdict_there_can_be_is_counted_from_the_start() -> None:
    assert meters.REGISTRY.get_sample_value("shoebox_items_total", {"decision": "failed", "reason": "timeout"}) == 0
    assert meters.REGISTRY.get_sample_value("shoebox_items_total", {"decision": "accepted", "reason": ""}) == 0
    assert meters.REGISTRY.get_sample_value("shoebox_webhook_tries_total", {"outcome": "given_up"}) == 0
