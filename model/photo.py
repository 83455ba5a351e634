"""A photo to judge, as bytes that somebody can read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from model.verdict import Options

Key = TypeVar("Key")
Read = Callable[[], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Photo(Generic[Key]):
    """A photo to judge. ``read`` gives its bytes: it is called in another thread when a decoder is free.

    It is called once, or once more where this process had no memory for what it gives. An ``urgent`` photo is decoded
    before the others and judged as soon as it is, in a batch without them.
    """

    key: Key
    read: Read
    options: Options = field(default_factory=Options)
    urgent: bool = False
