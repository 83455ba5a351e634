"""From a request's body to files in the blob store, and the form's fields."""

from collections.abc import AsyncIterator
from email.message import Message

from fastapi import Request

from api.body import body_of, declared_bytes, is_small
from api.multipart import MultipartReader, PartBegins, PartData, boundary_of
from api.options import BadField
from api.uploads import Uploads

FIELD_BYTES = 64 * 1024
FIELDS_BYTES = 1024 * 1024
FILE_FIELDS = frozenset({"files", "files[]", "file"})
_RAW_TYPES = ("application/zip", "application/x-zip-compressed", "application/octet-stream", "image/")


class NoFiles(Exception):
    """The submission holds no file, or empty ones only."""


class WrongContentType(Exception):
    """The body is of a type that holds no photos."""


class NotOneImage(Exception):
    """A classification wants exactly one photo."""


async def receive(
    request: Request, uploads: Uploads, name: str | None, max_bytes: int, max_files: int
) -> dict[str, list[str]]:
    """Streams every file of the body into ``uploads``; returns the form's fields (none for a raw body).

    Raises what `body_of`, `MultipartReader` and `Uploads` raise, NoFiles, WrongContentType and BadField.
    """
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if boundary is None and not content_type.strip().lower().startswith(_RAW_TYPES):
        raise WrongContentType(
            "Please send photos or ZIPs as multipart/form-data, or one of them as the body with its Content-Type "
            "(application/zip, image/… or application/octet-stream)."
        )
    if not is_small(request):
        await uploads.check_space(min(declared_bytes(request) or 0, max_bytes))
    fields: dict[str, list[str]] = {}
    if boundary is None:
        await _raw(request, uploads, name or _name_in_header(request), max_bytes)
    else:
        fields = await _form(request, uploads, MultipartReader(boundary, max_files), max_bytes)
    if not any(file.bytes for file in uploads.files):
        raise NoFiles("There is no file in this request, or only empty ones.")
    return fields


async def _raw(request: Request, uploads: Uploads, name: str, max_bytes: int) -> None:
    uploads.begin(name)
    async for piece in _counted(request, max_bytes):
        await uploads.data(piece)
    await uploads.end()


async def _form(request: Request, uploads: Uploads, reader: MultipartReader, max_bytes: int) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    part, field, file_bytes, all_fields = PartBegins("", None), bytearray(), 0, 0
    async for piece in _counted(request, max_bytes):
        for event in reader.feed(piece):
            if isinstance(event, PartBegins):
                part, field, file_bytes = event, bytearray(), 0
                if part.filename is not None:
                    _check_file_field(part)
                    uploads.begin(part.filename)
            elif isinstance(event, PartData) and part.filename is not None:
                file_bytes += len(event.data)
                await uploads.data(event.data)
            elif isinstance(event, PartData):
                field += event.data
                all_fields += len(event.data)
                if len(field) > FIELD_BYTES or all_fields > FIELDS_BYTES:
                    raise BadField(part.name, "The field is too long.")
            elif part.filename is None:
                fields.setdefault(part.name, []).append(_text(part.name, field))
            elif part.filename or file_bytes:  # a browser sends a nameless empty file where none was chosen
                await uploads.end()
    reader.finish()
    return fields


async def _counted(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    async for piece in body_of(request, max_bytes):
        request.app.state.traffic.uploaded(len(piece))
        yield piece


def _check_file_field(part: PartBegins) -> None:
    if part.name not in FILE_FIELDS:
        raise BadField(part.name, "Files belong into the field `files`.")


def _text(name: str, raw: bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadField(name, "The field is not UTF-8 text.") from error


def _name_in_header(request: Request) -> str:
    """The name in Content-Disposition, also in its encoded form (RFC 6266)."""
    header = Message()
    header["Content-Disposition"] = request.headers.get("content-disposition", "")
    return header.get_filename() or ""
