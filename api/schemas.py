"""Jobs, items and pages as JSON: every field described."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from db.clock import iso as iso
from db.states import JobState, Kind, Outcome, SourceState, WebhookState
from model.verdict import Decision, Novelty, Reason

JOB_ID = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D"
ITEM_ID = f"{JOB_ID}-0"
TIME = "2026-01-31T09:30:00.000Z"

Time = Annotated[str, Field(json_schema_extra={"format": "date-time", "examples": [TIME]})]
T = TypeVar("T")


def iso_or_none(seconds: float | None) -> str | None:
    """`iso` for a time that may not have come."""
    return None if seconds is None else iso(seconds)


class Page(BaseModel, Generic[T]):
    """A page of a listing."""

    data: list[T] = Field(description="The entries of this page.")
    next: str | None = Field(None, description="Give this as `after` for the next page; null on the last.")


class ModelName(BaseModel):
    """A model by name and version."""

    name: str = Field(description="The model's name.", examples=["scenes"])
    version: str = Field(description="Its version; a job keeps the one it was accepted with.", examples=["1.0.0"])


class JudgedBy(ModelName):
    """The model that judged a photo, to the byte."""

    checksum: str | None = Field(
        description="Tells the very model from any other of its name and version; null where none saw the photo.",
        examples=["9f1c20ab37de5510"],
    )


class Fault(BaseModel):
    """Why a job failed as a whole."""

    code: str = Field(description="The fault as a word.", examples=["unsafe_archive"])
    message: str = Field(description="The fault as a sentence.", examples=["Files in the archive overlap."])


class Counts(BaseModel):
    """How many photos; `total` is the sum of the next five."""

    total: int | None = Field(description="All photos; null until the files are opened.", examples=[120])
    pending: int = Field(description="Not judged yet.", examples=[0])
    accepted: int = Field(description="Judged and tagged.", examples=[97])
    rejected: int = Field(description="Judged and not tagged, for a reason in the picture.", examples=[22])
    failed: int = Field(description="Not judged, through a fault of ours; may be retried.", examples=[1])
    canceled: int = Field(description="Not judged, because the job was canceled.", examples=[0])
    skipped: int = Field(description="Junk of operating systems in ZIPs; not counted in the total.", examples=[3])


class SourceOut(BaseModel):
    """A file that was sent."""

    name: str = Field(description="Its sender's name for it.", examples=["trip.zip"])
    kind: Kind = Field(description="What it is, by its content.")
    bytes: int = Field(description="Its size.", examples=[52428800])
    state: SourceState = Field(description="Whether it was opened yet.")
    error: str | None = Field(description="Why it could not be opened, as a word.", examples=[None])
    message: str | None = Field(description="The same as a sentence.", examples=[None])
    deleted_at: Time | None = Field(
        description="When it was deleted because its time was over, if it was: no previews, no retry.", examples=[None]
    )


class Params(BaseModel):
    """What the job asked of the judge."""

    top_k: int = Field(3, description="Most tags a photo may get.", examples=[3])
    min_confidence: float | None = Field(None, description="Least confidence of a first tag.", examples=[None])
    novelty: Novelty = Field(Novelty.NORMAL, description="How readily unfamiliar pictures are rejected.")
    allow: list[str] = Field([], description="Only these labels and categories; empty: all.", examples=[[]])
    deny: list[str] = Field([], description="Never these labels and categories.", examples=[[]])
    backend: str | None = Field(None, description="The backend asked for; null: the worker's choice.", examples=[None])


class WebhookOut(BaseModel):
    """Who is told of a job's end, and whether they know."""

    url: str = Field(description="Where the message goes.", examples=["https://example.org/shoebox"])
    state: WebhookState | Literal["waiting"] = Field(
        description="waiting (for the job's end), pending, delivered; given_up after a day of tries."
    )
    attempts: int = Field(description="How often it was tried.", examples=[1])
    status: int | None = Field(description="What the receiver answered at the last try.", examples=[200])
    error: str | None = Field(description="Why the last try failed, if it did.", examples=[None])
    next_at: Time | None = Field(description="When it is tried again, if it is.", examples=[None])
    finished_at: Time | None = Field(description="When it was delivered, or given up.")


class JobOut(BaseModel):
    """One submission."""

    id: str = Field(description="The job's id; ids sort by time.", examples=[JOB_ID])
    state: JobState = Field(description="queued, unpacking, running, canceling; completed, failed, canceled are ends.")
    outcome: Outcome | None = Field(description="How a finished job went; null before.")
    model: ModelName = Field(description="The model that judges it.")
    error: Fault | None = Field(description="Why the job failed, if it did.")
    waiting_for: str | None = Field(
        description="Why nothing happens, while no worker that is alive can go on with it.", examples=[None]
    )
    counts: Counts = Field(description="How many photos are where.")
    sources: list[SourceOut] = Field(description="The files that were sent.")
    rate: float | None = Field(description="Photos judged per second since the start.", examples=[61.5])
    eta_seconds: float | None = Field(description="Seconds left at that rate.", examples=[None])
    submitted_at: Time = Field(description="When it was accepted.")
    started_at: Time | None = Field(description="When its files were opened.")
    finished_at: Time | None = Field(description="When it ended.")
    expired_at: Time | None = Field(description="When its results were deleted, if they were.", examples=[None])
    params: Params = Field(description="What was asked of the judge.")
    metadata: dict[str, Any] = Field(description="The sender's own object.", examples=[{"album": "Rome"}])
    retry_of: str | None = Field(description="The job whose photos this one judges again.", examples=[None])
    webhook: WebhookOut | None = Field(None, description="Who is told of its end; null: nobody.", examples=[None])
    links: dict[str, str] = Field(
        description="Where to go from here.",
        examples=[{"self": f"/v1/jobs/{JOB_ID}", "items": f"/v1/jobs/{JOB_ID}/items"}],
    )


class TagOut(BaseModel):
    """A label the model stands behind."""

    label: str = Field(description="The label.", examples=["beach"])
    confidence: float = Field(description="Calibrated probability, 0 to 1.", examples=[0.97])


class ScoreOut(BaseModel):
    """What a guard measured."""

    value: float | None = Field(description="The measurement.", examples=[0.97])
    threshold: float | None = Field(description="The limit it was held against; null: measured only.", examples=[0.62])


class ReviewOut(BaseModel):
    """What a person said about a verdict."""

    label: str | None = Field(description="The right label; null: none of the model's labels fits.", examples=["beach"])
    correct: bool = Field(description="Whether the verdict was right.", examples=[True])
    reviewed_at: Time = Field(description="When.")


class ItemOut(BaseModel):
    """One photo and the verdict on it."""

    id: str = Field(description="The photo's id.", examples=[ITEM_ID])
    job: str = Field(description="Its job.", examples=[JOB_ID])
    position: int = Field(description="Its place in the job, for ever.", examples=[0])
    name: str = Field(description="Its name in the upload; text to show, never a path.", examples=["rome/day1.jpg"])
    decision: Decision = Field(description="accepted: tagged; rejected: not tagged; failed: our fault.")
    reason: Reason | None = Field(description="Why it was not tagged; null when it was.", examples=[None])
    explanation: str = Field(description="The verdict as a sentence.", examples=["Looks like: beach (97 %)."])
    label: str | None = Field(description="The first tag's label; null unless accepted.", examples=["beach"])
    confidence: float | None = Field(description="The first tag's confidence; null unless accepted.", examples=[0.97])
    tags: list[TagOut] = Field(description="All tags, most confident first.")
    scores: dict[str, ScoreOut] = Field(
        description="What each guard measured.", examples=[{"confidence": {"value": 0.97, "threshold": 0.62}}]
    )
    model: JudgedBy = Field(description="The model that judged it.")
    backend: str | None = Field(description="What ran the network.", examples=["openvino"])
    width: int | None = Field(description="Pixels across, upright.", examples=[4032])
    height: int | None = Field(description="Pixels down, upright.", examples=[3024])
    bytes: int | None = Field(description="The photo's size.", examples=[2097152])
    inference_ms: float | None = Field(description="Its share of its batch's time in the network.", examples=[2.6])


class ReviewedItem(ItemOut):
    """An item with what a person said about it."""

    review: ReviewOut | None = Field(None, description="The review, if there is one.")
