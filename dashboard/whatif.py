"""What other lines of confidence and novelty would have made of photos, from the scores that were stored."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """A photo that the network judged: its scores (novelty: ``None`` where it has none), and whether it was tagged."""

    id: str
    confidence: float
    novelty: float | None
    tagged: bool


@dataclass(frozen=True, slots=True)
class Change:
    """How many photos were tagged, how many would be, and the ids of those that change, in the order they came."""

    before: int
    after: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def measured(confidence: Mapping[str, Any], novelty: Mapping[str, Any]) -> list[Measured]:
    """Photos from the scores of both guards, as the API gives them, newest first.

    Photos that an earlier guard stopped have no confidence: no line moves them, and they are left out. So are those
    beyond the end of the novelty list where that is the shorter one.
    """
    strange = dict(zip(novelty["items"], novelty["values"], strict=True))
    rows = zip(confidence["items"], confidence["values"], confidence["decisions"], strict=True)
    return [
        Measured(item, value, strange.get(item), decision == "accepted")
        for item, value, decision in rows
        if item in strange or novelty["complete"]
    ]


def tagged_with(photo: Measured, least_confidence: float, most_novelty: float | None) -> bool:
    """Whether lines there would have it tagged; ``None``: no line of novelty."""
    familiar = photo.novelty is None or most_novelty is None or photo.novelty <= most_novelty
    return familiar and photo.confidence >= least_confidence


def change(photos: Sequence[Measured], least_confidence: float, most_novelty: float | None) -> Change:
    """What lines there would change against the verdicts as they stand."""
    now = [(photo, tagged_with(photo, least_confidence, most_novelty)) for photo in photos]
    return Change(
        before=sum(photo.tagged for photo in photos),
        after=sum(would for _, would in now),
        gained=tuple(photo.id for photo, would in now if would and not photo.tagged),
        lost=tuple(photo.id for photo, would in now if photo.tagged and not would),
    )


def usual(lines: Iterable[float | None]) -> float | None:
    """The line that most photos were held against; ``None`` where none was."""
    counted = Counter(line for line in lines if line is not None)
    return counted.most_common(1)[0][0] if counted else None
