"""How figures and names are said."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

REASONS: Mapping[str, str] = {
    "not_an_image": "not an image",
    "unsupported_format": "a format that cannot be read",
    "corrupt_image": "a damaged file",
    "empty_file": "an empty file",
    "file_too_large": "a file that is too large",
    "too_many_pixels": "too many pixels",
    "too_small": "too small",
    "blank": "nothing to see",
    "unnatural_statistics": "does not look like a photo",
    "low_confidence": "not sure enough",
    "out_of_distribution": "unlike anything the model knows",
    "unsafe_entry": "an unsafe entry of the ZIP",
    "encrypted_entry": "an encrypted entry of the ZIP",
    "decoder_crashed": "crashed the decoder",
    "timeout": "took too long to decode",
    "worker_lost": "its worker was lost",
    "out_of_memory": "not enough memory",
    "internal_error": "an error of ours",
}
# Of a name's characters none may begin or end anything in Markdown.
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACES = re.compile(r" {2,}")
# What Streamlit makes of text once the Markdown was read, escaped or not: links, addresses, icons, arrows and dashes.
_PAIRS = re.compile(r"(?<=@)|(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=[-<>=~])(?=[-<>=~])", re.IGNORECASE)
_PARTED = ":small[]"
"""Renders as nothing, and keeps what stands before it from what stands behind it."""


def plain(text: str) -> str:
    """Markdown that shows ``text`` as it is, on one line: for all that others chose, such as names and labels.

    Several spaces are one, as everywhere in a page; a control character is shown as U+FFFD.
    """
    pieces = _PAIRS.split(_SPACES.sub(" ", _CONTROLS.sub("\ufffd", text)).strip())
    return _PARTED.join(_MARKS.sub(r"\\\g<0>", piece) for piece in pieces)


def reason(code: str | None) -> str:
    """A reason's code in words; nothing for none."""
    return "" if not code else REASONS.get(code, code.replace("_", " "))


def guard(name: str) -> str:
    """A score's name in words."""
    return name.replace("statistics.", "picture: ").replace("label:", "guess: ").replace("_", " ")


def amount(count: int, one: str, many: str = "") -> str:
    """``1 photo``, ``2 photos``, ``1,000 photos``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as ``97 %``."""
    return "-" if share is None else f"{share:.0%}".replace("%", " %")


def span(seconds: float | None) -> str:
    """A time span in the two largest units."""
    if seconds is None:
        return "-"
    left, parts = round(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    if len(parts) < 2 and (left or not parts):
        parts.append(f"{left} s")
    return " ".join(parts[:2])


def about(seconds: float | None) -> str:
    """A time span in its largest unit, where there is room for no more."""
    return " ".join(span(seconds).split()[:2])


def size(count: float) -> str:
    """Bytes as ``1.4 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def ago(text: str | None, now: datetime | None = None) -> str:
    """An ISO time as how long ago it was."""
    if text is None:
        return "-"
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(text)).total_seconds()
    return "just now" if seconds < 5 else f"{span(seconds)} ago"
