"""How every process logs: one line per event, as JSON or for a terminal. Imports nothing of ours."""

import logging
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

_SECRET_WORDS = frozenset({"authorization", "key", "secret", "password", "cookie", "gps", "token", "ticket"})
_WORDS = re.compile(r"[a-z0-9]+")
# These say at "info" what our own lines say better, or nothing of use.
_QUIET = ("httpx", "httpcore", "PIL", "alembic", "kombu", "amqp", "urllib3")
# These tell at "debug" all that they send, the right to send it included.
_TALKATIVE = ("boto3", "botocore", "s3transfer")
# Warns of every odd byte that a sender may choose to send.
_SILENT = ("python_multipart",)


def configure(format: str, level: str) -> None:
    """Routes structlog and the standard library's logging to standard error.

    ``format`` is json, console or auto (console on a terminal, else JSON), ``level`` debug, info, warning or error.
    Values bound with ``structlog.contextvars`` (request, job, shard) are part of every line. May be called again.
    """
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=shared, processors=[ProcessorFormatter.remove_processors_meta, *_renderers(console)]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "sqlalchemy"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in (*_QUIET, *_TALKATIVE):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)
    # The API logs each request itself, with its id and without its query.
    logging.getLogger("uvicorn.access").disabled = True


def drop_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """Leaves out every field, nested ones too, whose name has a word that stands for a secret or a place."""
    return _without_secrets(event)


def _without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_secrets(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if not _secret(str(name))
    }


@lru_cache(1024)
def _secret(name: str) -> bool:
    return not name.startswith("_") and not _SECRET_WORDS.isdisjoint(_WORDS.findall(name.lower()))


def _renderers(console: bool) -> list[Processor]:
    if console:
        # The plain traceback: a prettier one would print the values of local variables, secrets among them.
        return [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
