"""A request body that can be sent again: a file, a folder or several of them."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client.folder import walk
from client.listing import Listing
from client.zipstream import CHUNK, ZipStream

ZIP = "application/zip"
UNKNOWN = "application/octet-stream"
LONGEST_NAME = 200
_TYPES = {
    ".zip": ZIP,
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to send. ``start`` gives its bytes from the beginning each time it is called.

    ``size`` is in bytes and exact, or ``None`` when it is only known afterwards; ``estimate`` serves progress bars.
    ``left_out`` names the files of a folder that could not be opened when it was last sent.
    """

    name: str
    content_type: str
    start: Callable[[], Iterable[bytes]]
    size: int | None = None
    estimate: int = 0
    left_out: list[str] = field(default_factory=list)


Photo = Upload | str | os.PathLike[str]
Photos = Photo | Sequence[Photo]


def of_file(path: Path) -> Upload:
    """A file as it lies on disk. Raises `OSError` when it cannot be read."""
    size = path.stat().st_size
    kind = _TYPES.get(path.suffix.lower(), UNKNOWN)
    return Upload(path.name, kind, lambda: _chunks(path), size, size)


def of_folder(path: Path) -> Upload:
    """The photos of a folder and its sub-folders (`client.folder.walk`), as a ZIP named after it.

    Raises `OSError` when it cannot be read.
    """
    listing = Listing(walk(path))
    return of_stream(folder_name(path), ZipStream(listing), listing.bytes)


def of_stream(name: str, stream: ZipStream, size: int) -> Upload:
    """A ZIP that is made while it is sent; ``size`` is the bytes of its photos."""
    return Upload(name, ZIP, lambda: stream, None, size, stream.left_out)


def folder_name(path: Path) -> str:
    """What the ZIP of a folder is called."""
    return f"{path.resolve().name or 'photos'}.zip"


def of_path(path: Path) -> Upload:
    """A folder or a file."""
    return of_folder(path) if path.is_dir() else of_file(path)


def uploads_of(photos: Photos) -> list[Upload]:
    """What was named, in order. Raises `OSError` where a path cannot be read, `ValueError` where nothing was named."""
    several = [photos] if isinstance(photos, Upload | str | os.PathLike) else list(photos)
    if not several:
        raise ValueError("there is nothing to send")
    return [one if isinstance(one, Upload) else of_path(Path(one)) for one in several]


def multipart(uploads: Sequence[Upload]) -> Upload:
    """Several uploads as one ``multipart/form-data`` body, each in a part called ``files``."""
    boundary = secrets.token_hex(16)
    end = f"--{boundary}--\r\n".encode()
    heads = [_head(boundary, upload) for upload in uploads]

    def start() -> Iterator[bytes]:
        for head, upload in zip(heads, uploads, strict=True):
            yield head
            yield from upload.start()
            yield b"\r\n"
        yield end

    sizes = [upload.size for upload in uploads]
    frame = sum(len(head) + 2 for head in heads) + len(end)
    size = None if None in sizes else frame + sum(size or 0 for size in sizes)
    estimate = frame + sum(upload.estimate for upload in uploads)
    return Upload("files", f"multipart/form-data; boundary={boundary}", start, size, estimate)


def shown(name: str) -> str:
    """A file's name as the server takes it in a query: without control characters, not too long."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)[-LONGEST_NAME:]


def _head(boundary: str, upload: Upload) -> bytes:
    # The escapes of the HTML standard: a name can neither end its quotes nor start a header of its own.
    name = shown(upload.name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: {upload.content_type}\r\n\r\n"
    ).encode()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
