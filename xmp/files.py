"""Sidecars on disk: read within limits, replaced in one step. Photos are never opened."""

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from xmp.names import SUFFIX, Naming, sidecar_name

# A long history of development with masks takes a few megabytes.
LARGEST = 32 * 2**20
_PERMISSIONS = 0o7777


class Untouchable(Exception):
    """A sidecar cannot be read or written, and was left as it is; the text says why."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar as it lies on disk. ``path`` has its links resolved; ``data`` is ``None`` where there is none yet."""

    path: Path
    data: bytes | None
    seen: os.stat_result | None


def beside(photo: Path, naming: Naming) -> Path:
    """Where a photo's sidecar is; one that ends in .XMP counts where there is none that ends in .xmp."""
    path = photo.with_name(sidecar_name(photo.name, naming))
    loud = path.with_name(path.name.removesuffix(SUFFIX) + SUFFIX.upper())
    return loud if not os.path.lexists(path) and os.path.lexists(loud) else path


def read(path: Path) -> Sidecar:
    """Reads a sidecar, through a link if it is one. Raises Untouchable."""
    try:
        real = path.resolve() if path.is_symlink() else path
        try:
            seen = real.stat()
        except FileNotFoundError:
            if path.is_symlink():
                raise Untouchable("it is a link that leads nowhere") from None
            return Sidecar(real, None, None)
        if not stat.S_ISREG(seen.st_mode):
            raise Untouchable("it is no file")
        if seen.st_size > LARGEST:
            raise Untouchable(f"it is larger than {LARGEST // 2**20} MB")
        return Sidecar(real, real.read_bytes(), seen)
    except (OSError, RuntimeError) as error:
        raise Untouchable(_why(error)) from error


def write(sidecar: Sidecar, data: bytes) -> None:
    """Puts ``data`` in the sidecar's place: who reads it meanwhile reads the old or the new. Permissions are kept.

    Raises Untouchable, also when another program changed the file since it was read.
    """
    path = sidecar.path
    # Not the sidecar's own name with an ending more: that may be longer than a name can be.
    partial = path.with_name(f".shoebox-{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as file:
            file.write(data)
            if sidecar.seen is not None:
                os.fchmod(file.fileno(), sidecar.seen.st_mode & _PERMISSIONS)
                # What another program wrote must survive a loss of power; a new sidecar can be written again.
                file.flush()
                os.fsync(file.fileno())
        _check(sidecar)
        partial.replace(path)
    except OSError as error:
        raise Untouchable(_why(error)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def delete(sidecar: Sidecar) -> None:
    """Deletes the sidecar. Raises Untouchable."""
    try:
        _check(sidecar)
        sidecar.path.unlink()
    except OSError as error:
        raise Untouchable(_why(error)) from error


def _check(sidecar: Sidecar) -> None:
    try:
        now = sidecar.path.stat()
    except FileNotFoundError:
        now = None
    if _state(now) != _state(sidecar.seen):
        raise Untouchable("another program changed it meanwhile")


def _state(found: os.stat_result | None) -> tuple[int, ...] | None:
    return None if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
