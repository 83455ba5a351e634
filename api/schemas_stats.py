"""What statistics, the queue and the system look like as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import ITEM_ID, TIME


class ScoresOut(BaseModel):
    """One guard's scores as parallel lists, newest photos first."""

    guard: str = Field(description="The guard asked for.", examples=["novelty"])
    guards: list[str] = Field(
        description="Guards that such photos have scores of.", examples=[["confidence", "novelty"]]
    )
    count: int = Field(description="How many photos the lists hold.", examples=[1])
    complete: bool = Field(description="Whether these are all; else there are older ones.", examples=[True])
    items: list[str] = Field(description="The photos' ids.", examples=[[ITEM_ID]])
    values: list[float] = Field(description="What the guard measured.", examples=[[3.1]])
    thresholds: list[float | None] = Field(description="The limit it was held against.", examples=[[7.0]])
    decisions: list[str] = Field(description="The verdicts.", examples=[["accepted"]])
    reasons: list[str | None] = Field(description="Their reasons; null where accepted.", examples=[[None]])
    labels: list[str | None] = Field(description="First tags; null unless accepted.", examples=[["beach"]])
    confidences: list[float | None] = Field(description="Their confidences; null unless accepted.", examples=[[0.97]])


class Percentiles(BaseModel):
    """Milliseconds that so many in a hundred photos did not exceed; null where there was no photo."""

    count: int = Field(description="How many photos.", examples=[120])
    p50: float | None = Field(description="Half of them were as quick.", examples=[2.6])
    p90: float | None = Field(description="90 in 100 were.", examples=[3.1])
    p95: float | None = Field(description="95 in 100 were.", examples=[3.4])
    p99: float | None = Field(description="99 in 100 were.", examples=[5.2])


class Latencies(BaseModel):
    """How long photos were in the network."""

    by: str = Field(description="What a row stands for.", examples=["hour"])
    bucket_width: float = Field(
        description="How wide the buckets are, relative to the time: half of it is the most a percentile is off.",
        examples=[0.0905],
    )
    total: Percentiles = Field(description="All of them together.")
    data: list[dict[str, str | int | float | None]] = Field(
        description="A row for each `hour` (its beginning), `day` or `backend` that had a photo, in order.",
        examples=[[{"hour": TIME, "count": 120, "p50": 2.6, "p90": 3.1, "p95": 3.4, "p99": 5.2}]],
    )


class Agreement(BaseModel):
    """How often reviewers agreed with verdicts."""

    by: str = Field(description="What a row stands for.", examples=["label"])
    reviewed: int = Field(description="Verdicts that were reviewed.", examples=[40])
    correct: int = Field(description="Those that were right.", examples=[38])
    data: list[dict[str, str | int | None]] = Field(
        description="A row for each `day` of review, `label` the model gave (null: none) or `model`, in order.",
        examples=[[{"label": "beach", "reviewed": 40, "correct": 38}]],
    )


class LaneOut(BaseModel):
    """Work that waits or is in hand."""

    ready: int = Field(description="Shards (up to 32 photos) that wait for a worker.", examples=[12])
    leased: int = Field(description="Shards that workers have.", examples=[2])
    items_ready: int = Field(description="Photos in the shards that wait.", examples=[384])
    uploads_waiting: int = Field(description="Jobs whose uploads wait to be opened.", examples=[0])
    oldest_seconds: float | None = Field(
        description="How long ago the oldest job with something that waits was submitted; null: none waits.",
        examples=[3.5],
    )


class QueueOut(LaneOut):
    """Your work, all together and by lane."""

    lanes: dict[Literal["interactive", "bulk"], LaneOut] = Field(description="Jobs of a few images, and all others.")


class Stored(BaseModel):
    """Uploads that are kept."""

    count: int = Field(description="How many files.", examples=[12])
    bytes: int = Field(description="Their size together.", examples=[629145600])
    free_bytes: int | None = Field(
        description="Free space beside them; null: it cannot be told.", examples=[53687091200]
    )


class SystemOut(BaseModel):
    """How this server is set up."""

    version: str = Field(description="Of Shoebox.", examples=["0.1.0"])
    uptime_seconds: float = Field(description="Since the API process that answers was started.", examples=[3600.0])
    database: Literal["sqlite", "postgresql"] = Field(description="Which database it keeps its rows in.")
    redis: Literal["embedded", "external"] = Field(description="Whose Redis carries its hints.")
    uploads: Stored = Field(description="The uploads it keeps, of all owners.")
    limits: dict[str, float] = Field(
        description="The limits in force, by the names of their settings.", examples=[{"max_upload_bytes": 53687091200}]
    )
    retention: dict[str, float] = Field(
        description="What is deleted by itself after how long; empty: uploads and results stay until they are deleted.",
        examples=[{}],
    )
