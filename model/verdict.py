"""What Shoebox says about one picture: values only, shared by the engine, the database and the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Decision(StrEnum):
    """The three ends of an item."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


class Reason(StrEnum):
    """Why an item has no tags. The last four are our fault and may be retried; the others speak about the picture."""

    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CORRUPT_IMAGE = "corrupt_image"
    EMPTY_FILE = "empty_file"
    FILE_TOO_LARGE = "file_too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BLANK = "blank"
    UNNATURAL_STATISTICS = "unnatural_statistics"
    LOW_CONFIDENCE = "low_confidence"
    OUT_OF_DISTRIBUTION = "out_of_distribution"
    UNSAFE_ENTRY = "unsafe_entry"
    ENCRYPTED_ENTRY = "encrypted_entry"
    DECODER_CRASHED = "decoder_crashed"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    OUT_OF_MEMORY = "out_of_memory"
    INTERNAL_ERROR = "internal_error"

    @property
    def decision(self) -> Decision:
        """The decision that carries this reason."""
        return Decision.FAILED if self in _OUR_FAULT else Decision.REJECTED


_OUR_FAULT = frozenset({Reason.TIMEOUT, Reason.WORKER_LOST, Reason.OUT_OF_MEMORY, Reason.INTERNAL_ERROR})


class Novelty(StrEnum):
    """How strict the novelty guard is for a job."""

    STRICT = "strict"
    NORMAL = "normal"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Tag:
    """A label the model stands behind; ``confidence`` is a calibrated probability in [0, 1]."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Score:
    """One guard's measurement and the limit it was held against (``None``: measured, not enforced)."""

    value: float
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a job asks of the judge. ``min_confidence`` only raises the bundle's own.

    ``allow`` (empty: everything) and ``deny`` hold labels and categories; a category stands for all beneath it too.
    """

    top_k: int = 3
    min_confidence: float | None = None
    novelty: Novelty = Novelty.NORMAL
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one item.

    ``tags`` is empty unless accepted. ``scores`` maps a guard's name to its score. ``width`` and ``height`` are the
    upright picture's pixels, ``bytes`` the file's size, ``inference_ms`` the item's share of its batch's network time.
    ``checksum`` is the bundle's, ``None`` where no engine saw the item.
    """

    decision: Decision
    reason: Reason | None
    explanation: str
    tags: tuple[Tag, ...] = ()
    scores: Mapping[str, Score] = field(default_factory=lambda: MappingProxyType({}))
    model: str | None = None
    version: str | None = None
    checksum: str | None = None
    backend: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    inference_ms: float | None = None


class Unreadable(Exception):
    """A picture's bytes could not become pixels, for a reason that belongs in its verdict.

    ``scores`` holds what was measured when a limit decided (pixels, bytes).
    """

    def __init__(
        self,
        reason: Reason,
        explanation: str,
        *,
        size: int | None = None,
        scores: Mapping[str, Score] | None = None,
    ) -> None:
        super().__init__(explanation)
        self.reason = reason
        self.explanation = explanation
        self.size = size
        self.scores: Mapping[str, Score] = scores or {}

    def verdict(self) -> Verdict:
        """The verdict this refusal amounts to."""
        return Verdict(self.reason.decision, self.reason, self.explanation, scores=self.scores, bytes=self.size)
