"""What all calls share: queries, pages, files, and answers that become values."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from client.errors import UnexpectedAnswer
from client.transport import Transport

Value = TypeVar("Value")
PAGE = 500
# Seconds without a byte. A workbook of a million photos takes the server about two minutes before the first.
DOWNLOAD_PATIENCE = 600.0


class Calls:
    """A connection, and the kinds of calls that are made through it."""

    _transport: Transport

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        query = {"limit": PAGE, **given(filters)}
        while True:
            page = self._transport.json("GET", path, params=query)
            yield from typed(lambda found: found["data"], page)
            if not page.get("next"):
                return
            query["after"] = page["next"]

    def _download(self, what: str, params: Mapping[str, Any], path: Path) -> Path:
        """Into a file that appears only when complete. A workbook's first byte comes after its last row was read."""
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with (
                partial.open("wb") as file,
                self._transport.stream(what, params=given(params), read_timeout=DOWNLOAD_PATIENCE) as answer,
            ):
                for chunk in answer.iter_bytes():
                    file.write(chunk)
            partial.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
        return path

    def _asked(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What a GET answers, as the server's JSON object."""
        return typed(dict, self._transport.json("GET", path, params=given(params or {})))


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not given; lists become repeated fields, and ``from_`` is ``from``, which Python keeps."""
    return {name.removesuffix("_"): value for name, value in params.items() if value is not None}


def typed(make: Callable[[Any], Value], data: Any) -> Value:
    """A value made of an answer. Raises UnexpectedAnswer where the answer is another than it should be."""
    try:
        return make(data)
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswer(f"The server's answer is not understood ({error!r}).") from error
