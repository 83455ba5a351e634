"""How the API is served: one process, one port, behind the door."""

from typing import Any

import uvicorn
from fastapi import FastAPI

from api.door import Door
from settings import Settings

# An upload in flight may not hold up a stop for longer.
STOP_SECONDS = 5
# A connection without a request is kept so long for the next one.
KEEP_ALIVE_SECONDS = 5


def config_of(app: FastAPI, settings: Settings, door: type[Door] = Door, **more: Any) -> uvicorn.Config:
    """What uvicorn is told; the application logs each request itself. ``more`` goes before."""
    said: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": door,
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }
    return uvicorn.Config(app, **(said | more))
