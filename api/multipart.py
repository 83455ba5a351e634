"""``multipart/form-data`` as a stream of events: nothing is held but the piece at hand.

The framework's own form parser spools every file to a temporary one before the route runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

# Two lists of labels and the other options.
MOST_FIELDS = 4100
# The only three escapes that browsers write into names (HTML standard, form submission).
_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


class BadMultipart(Exception):
    """The body is not what its Content-Type says."""


class TooManyParts(Exception):
    """The body has more files or fields than one submission may."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A new part; ``filename`` is None for a plain field."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of the current part's bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The current part is complete."""


Event = PartBegins | PartData | PartEnds


def boundary_of(content_type: str) -> bytes | None:
    """The boundary when this is ``multipart/form-data``, else None. Raises BadMultipart when it names none."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadMultipart("The Content-Type names no boundary.")
    return boundary


class MultipartReader:
    """Feed it the body's pieces, get events. Raises BadMultipart and TooManyParts; the parser bounds headers."""

    def __init__(self, boundary: bytes, max_files: int) -> None:
        self._max_files = max_files
        self._files = self._fields = 0
        self._events: list[Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._begun = self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise BadMultipart("The boundary in the Content-Type is too long.") from error

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events in the next piece."""
        # What stands around the form the parser takes or refuses by how the body happens to be cut: newlines before
        # it and anything behind it are left out here, and a preamble is always refused.
        if not self._begun:
            piece = piece.lstrip(b"\r\n")
            self._begun = bool(piece)
        if self._ended or not piece:
            return
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise BadMultipart(f"The form cannot be read: {error}.") from error
        events, self._events = self._events, []
        yield from events

    def finish(self) -> None:
        """To be called when the body has ended."""
        if not self._ended:
            raise BadMultipart("The form ends before its closing boundary; please send it again.")

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_headers(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise BadMultipart("A part of the form has no name.")
        filename = options.get(b"filename")
        self._count(is_file=filename is not None)
        shown = None if filename is None else _text(filename)
        self._events.append(PartBegins(_text(options[b"name"]), shown))

    def _count(self, *, is_file: bool) -> None:
        self._files += is_file
        self._fields += not is_file
        if self._files > self._max_files:
            raise TooManyParts(
                f"This request holds more files than it may ({self._max_files:,}); a ZIP to /v1/jobs may hold more."
            )
        if self._fields > MOST_FIELDS:
            raise TooManyParts(f"One submission may hold at most {MOST_FIELDS:,} fields.")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(PartEnds())

    def _on_end(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    for escape, character in _ESCAPES:
        text = text.replace(escape, character)
    return text
