"""Time-sortable ids."""

from ulid import ULID


def new_id() -> str:
    """A ULID: 26 characters of Crockford's base 32, in order of creation to the millisecond, without a dash."""
    return str(ULID())


def made_at(id_: str) -> float:
    """When an id was made, in seconds since 1970."""
    return ULID.from_str(id_).timestamp


def item_id(job: str, position: int) -> str:
    """The id of an item: its job and its position."""
    return f"{job}-{position}"


def parse_item_id(text: str) -> tuple[str, int]:
    """Job and position of an item's id. Raises ValueError for anything else."""
    job, dash, position = text.partition("-")
    if not dash or not position.isascii() or not position.isdigit() or len(position) > 9:
        raise ValueError("not an item id")
    return job, int(position)
