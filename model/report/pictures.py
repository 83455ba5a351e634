"""Pictures from outside the model's world: a folder or ZIP of any layout."""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model.limits import Limits
from model.raster import file_too_large
from model.verdict import Reason, Unreadable

JUNK = frozenset({"thumbs.db", "desktop.ini"})


class NoPictures(Exception):
    """There is nothing to look at; the message says where."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Files that should be pictures, under the ``title`` they have in the report. ``read`` gives a name's bytes."""

    title: str
    names: tuple[str, ...]
    read: Callable[[str], bytes]


def open_pictures(path: Path) -> Pictures:
    """Every file of a folder or ZIP but hidden ones and the system's own. Raises `NoPictures`."""
    if path.is_dir():
        root = path
        names = sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())

        def read(name: str) -> bytes:
            return (root / name).read_bytes()

    elif zipfile.is_zipfile(path):
        archive, limits = zipfile.ZipFile(path), Limits()
        names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())

        def read(name: str) -> bytes:
            size = archive.getinfo(name).file_size
            if size > limits.max_file_bytes:  # before it takes the memory
                raise file_too_large(size, limits)
            return archive.read(name)

    else:
        raise NoPictures(f"{path} is neither a folder nor a ZIP of pictures")
    kept = tuple(name for name in names if not _junk(PurePosixPath(name)))
    if not kept:
        raise NoPictures(f"there are no pictures in {path}")
    return Pictures(title_of(path), kept, read)


def title_of(path: Path) -> str:
    """What a folder or file is called in a report."""
    return path.resolve().name if path.is_dir() else path.stem


def careful(read: Callable[[str], bytes], name: str) -> bytes:
    """The bytes of ``name``; a file or archive entry that cannot be read is `Unreadable` like a damaged picture."""
    try:
        return read(name)
    except (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise Unreadable(Reason.CORRUPT_IMAGE, f"The file cannot be read: {error}") from error


def _junk(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or path.name.lower() in JUNK
