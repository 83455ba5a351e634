"""Where a listing goes on: opaque to its reader, so that it may change."""

import base64
import binascii
import re

from db.ids import parse_item_id

JOB_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class BadCursor(Exception):
    """The cursor is none of ours."""


def encode(text: str) -> str:
    """The cursor that stands for ``text``."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """What a cursor stands for. Raises BadCursor."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _bad() from error


def decode_job(cursor: str) -> str:
    """The id of the job that the page before ended with. Raises BadCursor."""
    text = decode(cursor)
    if not JOB_ID.fullmatch(text):
        raise _bad()
    return text


def decode_item(cursor: str) -> tuple[str, int]:
    """Job and position of the item that the page before ended with. Raises BadCursor."""
    try:
        job, position = parse_item_id(decode(cursor))
    except ValueError as error:
        raise _bad() from error
    if not JOB_ID.fullmatch(job):
        raise _bad()
    return job, position


def _bad() -> BadCursor:
    return BadCursor("This `after` is not one that a page gave as `next`.")
