"""What Shoebox says of a photo, in the words of a sidecar."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_PARTING = re.compile(r"[|/]")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Tag:
    """A label, its confidence in [0, 1], and the categories above it, the topmost first."""

    label: str
    confidence: float
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """Keywords as three lists hold them: flat, as Lightroom's paths and as digiKam's."""

    subjects: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] = ()
    tags_list: tuple[str, ...] = ()

    def __or__(self, other: "Words") -> "Words":
        """The words of both, each once."""
        return Words(
            _once((*self.subjects, *other.subjects)),
            _once((*self.hierarchical, *other.hierarchical)),
            _once((*self.tags_list, *other.tags_list)),
        )


@dataclass(frozen=True, slots=True)
class Marks:
    """A photo's tags, and which job and model gave them; ``root`` is the keyword above them all.

    ``photo`` is the name of its file: photos that differ in their ending alone may share a sidecar.
    """

    job: str
    model: str
    version: str
    checksum: str | None
    tags: tuple[Tag, ...]
    root: str
    photo: str

    @property
    def words(self) -> Words:
        """The keywords, each once. In a path, a label's own ``|`` and ``/`` become ``-``: they part levels there."""
        paths = [
            tuple(_PARTING.sub("-", writable(level)) for level in (self.root, *tag.above, tag.label))
            for tag in self.tags
        ]
        return Words(
            _once(writable(tag.label) for tag in self.tags),
            _once("|".join(path) for path in paths),
            _once("/".join(path) for path in paths),
        )


def writable(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def above(label: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The categories above a label, the topmost first; ``parents`` maps a label or category to the next above."""
    found: list[str] = []
    while (label := parents.get(label, "")) and label not in found:
        found.insert(0, label)
    return tuple(found)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
