"""The photos below a folder, found one after the other: neither a folder's tree nor its files are held in memory."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"})
# Files without an ending are taken as well: what recovery programs find has none, and the server looks at the content.
PHOTOS = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif",
        ".tiff", ".heic", ".heif", ".hif", ".avif", "",
    }
)  # fmt: skip
RAW = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr",
        ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf",
        ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    }
)  # fmt: skip
HIDDEN, RAW_PHOTO, NO_PHOTO, LINKED, SPECIAL, UNREADABLE = (
    "hidden or junk",
    "raw photo",
    "no photo",
    "linked folder",
    "not an ordinary file",
    "unreadable",
)
Skip = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Member:
    """A photo: its path, its name below the folder (``/`` between folders), its size in bytes.

    ``mtime_ns`` and ``inode`` are as the file system gave them when it was found.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int = 0
    inode: int = 0


def walk(folder: Path, skip: Skip | None = None) -> Iterator[Member]:
    """The photos below ``folder``, each folder's files before its sub-folders, in the order of their names.

    What is left out is told to ``skip`` with one of this module's reasons: hidden and junk files and folders, files
    whose ending is no photo's, raw photos, folders that are symbolic links (a link to a file is followed), what is no
    ordinary file, and what cannot be read. Raises `OSError` when ``folder`` itself cannot be read.
    """
    skip = skip or (lambda name, reason: None)
    names = sorted(os.listdir(folder))  # noqa: PTH208  (a Path for each of 100,000 names is what is to be avoided)
    yield from _below(folder, "", names, skip)


def _below(folder: Path, prefix: str, names: list[str], skip: Skip) -> Iterator[Member]:
    folders = []
    for name in names:
        shown = prefix + name
        if name.startswith(".") or name.lower() in JUNK:
            skip(shown, HIDDEN)
            continue
        path = os.path.join(folder, name)  # noqa: PTH118
        try:
            found = os.stat(path)  # noqa: PTH116
            if stat.S_ISDIR(found.st_mode):
                if os.path.islink(path):  # noqa: PTH114
                    skip(shown, LINKED)
                else:
                    folders.append(name)
                continue
        except OSError:
            skip(shown, UNREADABLE)
            continue
        reason = _reason(name, found.st_mode)
        if reason is not None:
            skip(shown, reason)
        else:
            yield Member(Path(path), shown, found.st_size, found.st_mtime_ns, found.st_ino)
    del names
    for name in folders:
        inner = Path(folder, name)
        try:
            inside = sorted(os.listdir(inner))  # noqa: PTH208
        except OSError:
            skip(prefix + name, UNREADABLE)
            continue
        yield from _below(inner, f"{prefix}{name}/", inside, skip)


def _reason(name: str, mode: int) -> str | None:
    """Why a file is left out; ``None``: it is taken."""
    if not stat.S_ISREG(mode):
        return SPECIAL
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if ending in RAW:
        return RAW_PHOTO
    return None if ending in PHOTOS else NO_PHOTO
