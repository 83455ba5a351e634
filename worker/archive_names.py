"""The names in an archive: text to show, never a path."""

import re
import unicodedata
import zlib

from worker.archive_records import Record, find_fields

LONGEST_NAME = 255  # characters

_UTF8_FLAG = 1 << 11
_UNICODE_PATH_FIELD = 0x7075
_SEPARATORS = re.compile(r"[/\\]")
_JUNK_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_JUNK_FOLDER = "__MACOSX"


def read_name(record: Record) -> str:
    """The name as its writer meant it, neither safe nor short.

    UTF-8 where the flag or a matching Unicode path field says so, or where the bytes are valid UTF-8 (tools that
    forget the flag are common, and code page 437 hardly ever is valid UTF-8 by chance), else code page 437.
    """
    if record.extra:
        version_and_crc = b"\1" + zlib.crc32(record.name).to_bytes(4, "little")
        for field in find_fields(record.extra, _UNICODE_PATH_FIELD):
            if field.startswith(version_and_crc) and len(field) > len(version_and_crc):
                return field[len(version_and_crc) :].decode("utf-8", "backslashreplace")
    if record.flags & _UTF8_FLAG:
        return record.name.decode("utf-8", "backslashreplace")
    try:
        return record.name.decode("utf-8")
    except UnicodeDecodeError:
        return record.name.decode("cp437")


def show_name(name: str) -> str:
    """The name for people and rows: at most 255 characters, its middle left out, all that does not print escaped."""
    shown = _shorten(name)
    if not shown.isprintable():
        shown = _shorten("".join(map(_show, shown)))
    return shown or "(no name)"


def is_junk(name: str, *, empty: bool) -> bool:
    """Whether an entry is no file of its owner's: a folder, or what macOS and Windows leave behind."""
    *folders, file = _SEPARATORS.split(name)
    if not file:
        return empty and bool(folders)
    return file.startswith("._") or file.lower() in _JUNK_FILES or _JUNK_FOLDER in folders


def _shorten(text: str) -> str:
    """The text's beginning and its end (where the extension is)."""
    return text if len(text) <= LONGEST_NAME else f"{text[:200]}…{text[-54:]}"


def _show(character: str) -> str:
    # The wide and narrow spaces in names of screenshots and in Japanese are harmless, direction marks are not.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")
