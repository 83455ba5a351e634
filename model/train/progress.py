"""How far a long step has come, told to whoever shows it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Hears the name of a step, how much of it is done, and how much there is: ``("reading photos", 200, 14000)``."""


def quiet(step: str, done: int, total: int) -> None:
    """Shows nothing."""
