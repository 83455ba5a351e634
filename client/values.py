"""What the server's JSON becomes: frozen values, made in one place each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

FINISHED = frozenset({"completed", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Counts:
    """A job's items by fate. ``total`` is ``None`` until the job is unpacked; else the sum of all but ``skipped``."""

    total: int | None
    pending: int
    accepted: int
    rejected: int
    failed: int
    canceled: int
    skipped: int

    @property
    def done(self) -> int:
        """Items that will not change any more."""
        return self.accepted + self.rejected + self.failed + self.canceled


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was sent, and what became of it."""

    name: str
    kind: str
    bytes: int
    state: str
    error: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Tag:
    """A label and its calibrated confidence in [0, 1]."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said about a verdict; ``label`` is ``None`` where none of the model's labels fits."""

    label: str | None
    correct: bool
    reviewed_at: datetime

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises `KeyError` when a field is missing."""
        return cls(data["label"], data["correct"], datetime.fromisoformat(data["reviewed_at"]))


@dataclass(frozen=True, slots=True)
class Ticket:
    """A right to start one upload until ``expires_at``, without a key, at ``url`` (a path of the server's).

    ``max_bytes`` is the largest body that the server takes.
    """

    ticket: str
    url: str
    expires_at: datetime
    max_bytes: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises `KeyError` when a field is missing."""
        return cls(data["ticket"], data["url"], datetime.fromisoformat(data["expires_at"]), data["max_bytes"])


@dataclass(frozen=True, slots=True)
class Item:
    """One photo and the verdict on it; ``raw`` is the server's whole JSON object."""

    id: str
    job: str
    position: int
    name: str
    decision: str
    reason: str | None
    explanation: str
    label: str | None
    confidence: float | None
    tags: tuple[Tag, ...]
    model: str
    version: str
    review: Review | None
    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises `KeyError` when a field is missing."""
        return cls(
            id=data["id"],
            job=data["job"],
            position=data["position"],
            name=data["name"],
            decision=data["decision"],
            reason=data["reason"],
            explanation=data["explanation"],
            label=data["label"],
            confidence=data["confidence"],
            tags=tuple(Tag(tag["label"], tag["confidence"]) for tag in data["tags"]),
            model=data["model"]["name"],
            version=data["model"]["version"],
            review=None if data.get("review") is None else Review.from_json(data["review"]),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it was when asked for; ``raw`` is the server's whole JSON object.

    ``error`` and ``message`` say why the whole job failed, ``waiting_for`` why it cannot go on at present; ``rate`` is
    in photos per second, ``seconds`` how long the job took from the opening of its files to its end (``None`` before),
    ``again`` in how many seconds the server wants to be asked again, ``webhook`` how it stands with the message to
    whoever is to be told of its end (``None``: nobody).
    """

    id: str
    state: str
    outcome: str | None
    model: str
    version: str
    error: str | None
    message: str | None
    counts: Counts
    sources: tuple[Source, ...]
    rate: float | None
    eta_seconds: float | None
    seconds: float | None
    waiting_for: str | None
    webhook: Mapping[str, Any] | None
    raw: Mapping[str, Any]
    again: float | None = None

    @property
    def finished(self) -> bool:
        """Whether the job stays as it is."""
        return self.state in FINISHED

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises `KeyError` when a field is missing."""
        counts = {name: data["counts"][name] for name in Counts.__dataclass_fields__}
        return cls(
            id=data["id"],
            state=data["state"],
            outcome=data["outcome"],
            model=data["model"]["name"],
            version=data["model"]["version"],
            error=None if data["error"] is None else data["error"]["code"],
            message=None if data["error"] is None else data["error"]["message"],
            counts=Counts(**counts),
            sources=tuple(
                Source(s["name"], s["kind"], s["bytes"], s["state"], s.get("error"), s.get("message"))
                for s in data.get("sources") or ()
            ),
            rate=data["rate"],
            eta_seconds=data["eta_seconds"],
            seconds=_seconds(data["started_at"], data["finished_at"]),
            waiting_for=data.get("waiting_for"),
            webhook=data.get("webhook"),
            raw=data,
        )


def _seconds(began: str | None, ended: str | None) -> float | None:
    if began is None or ended is None:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
