"""Which names stand above another."""

from collections.abc import Mapping


def above(name: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The categories above a label or category, nearest first."""
    found: list[str] = []
    while name in parents:
        name = parents[name]
        found.append(name)
    return tuple(found)
