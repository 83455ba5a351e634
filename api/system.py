"""How this server is set up, as far as its administrators should see it over HTTP."""

import time
from importlib.metadata import version
from typing import Literal

import structlog

from api.parts import Parts
from api.schemas_stats import Stored, SystemOut
from db.query.uploads import stored

log = structlog.get_logger(__name__)

LIMITS = (
    "max_upload_bytes",
    "max_files",
    "max_entries",
    "max_file_bytes",
    "max_pixels",
    "decode_seconds",
    "decode_memory_bytes",
    "min_free_bytes",
    "max_queued_items",
    "max_queued_items_in_all",
    "blobs_quota_bytes",
    "shard_items",
    "auth_failures_per_minute",
    "ticket_minutes",
)
KEPT = ("keep_uploads", "keep_results")


def describe_system(parts: Parts) -> SystemOut:
    """Looks at database, blob store and settings."""
    settings = parts.settings
    with parts.database.read() as session:
        count, size = stored(session)
    kind: Literal["sqlite", "postgresql"] = "sqlite" if parts.database.sqlite else "postgresql"
    return SystemOut(
        version=version("shoebox"),
        uptime_seconds=round(time.monotonic() - parts.started, 1),
        database=kind,
        redis="embedded" if settings.embedded_redis else "external",
        uploads=Stored(count=count, bytes=size, free_bytes=_free(parts)),
        limits={name: getattr(settings, name) for name in LIMITS},
        retention={f"{name}_days": days for name in KEPT if (days := getattr(settings, name))},
    )


def _free(parts: Parts) -> int | None:
    try:
        return parts.blobs.free_bytes()
    except OSError as error:
        log.warning("free_space_unknown", error=type(error).__name__)
        return None
