"""Where photos come from: files in a folder or a ZIP, or arrays; and what one look at a photo gives."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model import raster
from model.decode import square
from model.limits import Limits
from model.verdict import Reason, Unreadable


class DataError(Exception):
    """The data cannot be trained on; the message says what to mend."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A photo as the network will see it, ``pixels`` uint8 RGB [S, S, 3], and the file's own size and format."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    bytes: int
    format: str


class Source(Protocol):
    """Photos by name. ``Unreadable`` is raised for a photo that cannot be read, and nothing else."""

    def read(self, name: str) -> bytes: ...
    def digest(self, name: str) -> str: ...
    def look(self, name: str, size: int) -> Look: ...


@dataclass(frozen=True, slots=True)
class Files:
    """Photos that are files; ``fetch`` gives the bytes of a name."""

    fetch: Callable[[str], bytes]

    def read(self, name: str) -> bytes:
        """The file's bytes."""
        try:
            return self.fetch(name)
        # What a folder and a ZIP raise for damage, encryption, and packing that Python does not know.
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
            raise Unreadable(Reason.CORRUPT_IMAGE, f"The file cannot be read: {error}", size=0) from error

    def digest(self, name: str) -> str:
        """SHA-256 (hex) of the file's bytes."""
        return hashlib.sha256(self.read(name)).hexdigest()

    def look(self, name: str, size: int) -> Look:
        """The photo decoded as the judge decodes it, the centre square at ``size`` pixels a side."""
        data = self.read(name)
        opened = raster.load(data, Limits(), lambda width, height: size / min(width, height))
        return Look(square(opened, size), opened.width, opened.height, len(data), opened.format)
