"""What statistics, the queue and the system look like as JSON."""

from pydantic import BaseModel, Field

from api.schemas import ITEM_ID


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
