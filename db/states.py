"""The words for states, outcomes and lanes."""

from enum import IntEnum, StrEnum


class JobState(StrEnum):
    """queued -> unpacking -> running -> completed, or failed, or canceling -> canceled."""

    QUEUED = "queued"
    UNPACKING = "unpacking"
    RUNNING = "running"
    CANCELING = "canceling"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether a job in this state stays as it is."""
        return self in (JobState.COMPLETED, JobState.CANCELED, JobState.FAILED)


class Outcome(StrEnum):
    """How a finished job went, so that "completed" never hides that nothing worked."""

    ALL_ACCEPTED = "all_accepted"
    PARTIAL = "partial"
    NONE_ACCEPTED = "none_accepted"
    EMPTY = "empty"


class ShardState(StrEnum):
    """A shard is ready, leased, done or canceled."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    CANCELED = "canceled"


class SourceState(StrEnum):
    """Where a source of a job stands."""

    WAITING = "waiting"
    UNPACKED = "unpacked"
    FAILED = "failed"


class BenchmarkState(StrEnum):
    """queued -> running -> done or failed."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether a benchmark in this state stays as it is."""
        return self in (BenchmarkState.DONE, BenchmarkState.FAILED)


class WebhookState(StrEnum):
    """pending -> delivered, or given_up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Lane(IntEnum):
    """Claimed in this order."""

    INTERACTIVE = 0
    BULK = 1


class Kind(StrEnum):
    """What an upload is."""

    ZIP = "zip"
    IMAGE = "image"
