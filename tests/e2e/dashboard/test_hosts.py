"""Under which names the dashboard speaks, and to pages of which sites."""

import base64
import http.client
import os
from urllib.parse import urlsplit

import pytest
from site_under_test import Site

from dashboard.__main__ import options
from settings import Settings


def answer(site: Site, host: str, origin: str | None) -> int:
    """The status with which the dashboard answers whoever wants a conversation, which is all that a page does there."""
    headers = {"Host": host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()} | ({"Origin": origin} if origin else {})
    place = urlsplit(site.url)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    try:
        line.request("GET", "/_stcore/stream", headers=headers)
        return line.getresponse().status
    finally:
        line.close()


def test_a_name_that_was_made_to_point_here_is_refused(site: Site) -> None:
    port = urlsplit(site.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
        assert answer(site, host, f"http://{host}") == 101
    # Its page and its conversation have the same name: by their origin alone they are one site.
    for host in (f"evil.example:{port}", f"localhost.evil.example:{port}", "evil.example"):
        assert answer(site, host, f"http://{host}") == 403
    assert answer(site, f"localhost:{port}", "https://evil.example") == 403


@pytest.mark.parametrize(
    ("chosen", "hosts"),
    [
        ({}, ["127.0.0.1", "::1", "localhost"]),
        (
            {"dashboard_origins": "https://photos.example.org", "public_url": "https://api.example.org:8443"},
            ["127.0.0.1", "::1", "api.example.org", "localhost", "photos.example.org"],
        ),
        ({"host": "0.0.0.0"}, ["*"]),
        ({"allowed_hosts": "*"}, ["*"]),
        (
            {"host": "0.0.0.0", "allowed_hosts": "Photos.example.org, 10.0.0.5"},
            ["10.0.0.5", "127.0.0.1", "::1", "localhost", "photos.example.org"],
        ),
    ],
)
def test_its_names_come_from_the_settings(chosen: dict[str, str], hosts: list[str]) -> None:
    found = options(Settings(_env_file=None, **chosen))  # type: ignore[arg-type]
    assert found["server.allowedHosts"] == hosts
    assert found["server.enableCORS"] is found["server.enableXsrfProtection"] is True
