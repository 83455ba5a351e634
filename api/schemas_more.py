"""Everything that is neither job nor item, as JSON."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api.options import NUMBER, Text
from api.schemas import ITEM_ID, JOB_ID, Fault, JudgedBy, ReviewOut, Time
from db.states import BenchmarkState
from db.store.keys import Scope
from model.verdict import Decision, Novelty


class FieldError(BaseModel):
    """A field that makes no sense."""

    field: str = Field(description="Where: query.limit, body.name, top_k.", examples=["top_k"])
    message: str = Field(description="What is wrong with it.", examples=["Input should be less than or equal to 20"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="The kind of problem as a URI.", examples=["urn:shoebox:problem:not_found"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong, for a person.", examples=["There is no such job."])
    code: str = Field(description="What is wrong, for a program.", examples=["not_found"])
    request_id: str = Field(description="The request, as the log calls it.", examples=["01JZ8Q4T9M6W3V5X7Y2A1B0C4D"])
    errors: list[FieldError] | None = Field(None, description="The fields that make no sense (422).")


class RetryIn(BaseModel):
    """What to judge again."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision | list[Decision] = Field(
        [Decision.FAILED], description="Photos with these decisions.", examples=[["failed"]]
    )
    model: Text | None = Field(None, description="Another model; empty: the one of the job.", examples=[None])


class RerunIn(BaseModel):
    """How to judge a job's photos again; what is not given stays as the job had it."""

    model_config = ConfigDict(extra="forbid")

    model: Text = Field(description="The model: `name` (its current version) or `name@version`.", examples=["scenes"])
    version: Text | None = Field(None, description="Its version, if not in the name.", examples=["2"])
    backend: Text | None = Field(None, description="What runs the network; auto: the worker's choice.")
    top_k: Annotated[int, Field(ge=1, le=20), NUMBER] | None = Field(
        None, description="Most tags a photo may get.", examples=[3]
    )
    min_confidence: Annotated[float, Field(ge=0, le=1), NUMBER] | None = Field(
        None, description="Least confidence of a first tag."
    )
    novelty: Novelty | None = Field(None, description="How readily unfamiliar pictures are rejected.")
    allow: list[Text] | None = Field(None, max_length=2000, description="Only these labels and categories; []: all.")
    deny: list[Text] | None = Field(None, max_length=2000, description="Never these labels and categories; []: none.")


class BackendTiming(BaseModel):
    """How quick one backend is."""

    name: str = Field(description="The backend.", examples=["openvino"])
    available: bool = Field(description="Whether it runs on that worker.")
    milliseconds: float | None = Field(description="Median for a photo judged alone.", examples=[4.1])
    p95: float | None = Field(description="95th percentile of the same.", examples=[5.0])
    batch_milliseconds: float | None = Field(description="Median of a photo's share of a batch.", examples=[2.6])
    batch_p95: float | None = Field(description="95th percentile of the same.", examples=[3.1])
    speedup: float | None = Field(description="How many times as quick as the slowest.", examples=[3.4])
    bytes: int | None = Field(description="Size of the file it loads the network from.", examples=[12582912])
    reason: str | None = Field(description="Why it does not run there.", examples=[None])


class BenchmarkOut(BaseModel):
    """A measurement of every backend on a worker."""

    id: str = Field(description="Its id; ids sort by time.", examples=[JOB_ID])
    state: BenchmarkState = Field(description="queued, running; done and failed are ends.")
    model: JudgedBy = Field(description="The model that was measured; its checksum is known once it is done.")
    backends: list[BackendTiming] = Field(description="Every backend; empty until it is done.")
    fastest: str | None = Field(description="The quickest backend by name.", examples=["openvino"])
    error: Fault | None = Field(description="Why it failed, if it did.")
    waiting_for: str | None = Field(description="Why nothing happens, while no worker can do it.", examples=[None])
    created_at: Time = Field(description="When it was asked for.")
    finished_at: Time | None = Field(description="When it ended.")


class ReviewIn(BaseModel):
    """The reviewer's truth: either `label` (null for "none of these") or `correct: true`."""

    model_config = ConfigDict(extra="forbid")

    label: Text | None = Field(None, min_length=1, description="The right label; null: none fits.", examples=["beach"])
    correct: StrictBool | None = Field(None, description="true: the verdict is right as it stands.", examples=[None])


class ReviewOfIn(ReviewIn):
    """A review among many."""

    id: str = Field(max_length=64, description="The photo's id.", examples=[ITEM_ID])


class ReviewsIn(BaseModel):
    """Many reviews at once."""

    model_config = ConfigDict(extra="forbid")

    reviews: list[ReviewOfIn] = Field(min_length=1, max_length=500, description="At most 500 reviews.")


class ReviewOfOut(ReviewOut):
    """A review with its photo."""

    id: str = Field(description="The photo's id.", examples=[ITEM_ID])


class TicketOut(BaseModel):
    """A right to send one upload without a key."""

    ticket: str = Field(description="The ticket itself, shown once.", examples=["hW3v0m5cX0nq8yq4…"])
    url: str = Field(description="Where to send the upload.", examples=["/v1/jobs?ticket=hW3v0m5cX0nq8yq4…"])
    expires_at: Time = Field(description="The upload must have begun by then; it may take longer.")
    max_bytes: int = Field(description="The largest body that is taken; a page can tell before it sends.")


class Me(BaseModel):
    """The caller."""

    owner: str = Field(description="Whose photos the key sees.", examples=["anna"])
    scopes: list[Scope] = Field(description="What it may do; admin includes the others.")


class ModelOut(BaseModel):
    """A model that is installed."""

    name: str = Field(description="Its name.", examples=["scenes"])
    version: str = Field(description="Its version.", examples=["1.0.0"])
    current: bool = Field(description="Whether its name alone means this version.")
    default: bool = Field(description="Whether it judges jobs that name none.")
    built_in: bool = Field(description="Whether it came with Shoebox.")
    checksum: str = Field(description="Tells this model from any other of its name.", examples=["9f1c20ab37de5510"])
    architecture: str = Field(description="The network, by its timm name.", examples=["tf_efficientnetv2_b0"])
    knows: str = Field(description="Which pictures it knows.", examples=["Outdoor and indoor scenes in 12 kinds."])
    labels: list[str] = Field(description="Every label it can give.", examples=[["beach", "forest"]])
    label_count: int = Field(description="How many labels that are.", examples=[2])
    categories: list[str] = Field(
        description="What it may say where no label is sure enough; `parents` of a single model has their order.",
        examples=[["nature", "water"]],
    )
    input_size: int = Field(description="Pixels a side that the network sees.", examples=[224])
    thresholds: dict[str, Any] = Field(description="Where its guards draw their lines.")
    licence: str = Field(description="Its licence.", examples=["Apache-2.0"])
    figures: dict[str, Any] = Field(description="What was measured on it; the list leaves curves and tables out.")


class ModelDetail(ModelOut):
    """A model with its card."""

    temperature: float = Field(description="Divides the logits (calibration).", examples=[1.2])
    training_data: str = Field(description="What it was trained on.")
    parents: dict[str, str] = Field(description="The category above each label or category, where it has any.")
    card: str = Field(description="Its card, in Markdown.")
    report: dict[str, Any] | None = Field(description="The report of its training, if it came with one.")


class Totals(BaseModel):
    """Totals of the owner's photos."""

    by: list[str] = Field(description="What they are grouped by.", examples=[["decision"]])
    total: int = Field(description="All of them together.", examples=[120])
    data: list[dict[str, str | int]] = Field(
        description="One row for each group; empty text: none.", examples=[[{"decision": "accepted", "count": 97}]]
    )


class WorkerOut(BaseModel):
    """A worker process that is alive."""

    name: str = Field(description="Its name.", examples=["classify@host-1"])
    kind: str = Field(description="control (opens uploads) or classify.", examples=["classify"])
    state: str = Field(description="starting, idle, busy or stopping.", examples=["idle"])
    models: list[list[str]] = Field(
        description="Models it can judge with: name and version.", examples=[[["scenes", "1.0.0"]]]
    )
    engines: list[list[str]] = Field(
        description="What a job may ask of it: name, version and backend.", examples=[[["scenes", "1.0.0", "openvino"]]]
    )
    backend: str | None = Field(description="What runs its networks by its own choice.", examples=["openvino"])
    started_at: Time = Field(description="When it started.")
    beat_at: Time = Field(description="When it was last heard of.")
    holding: int = Field(description="Shards it has in hand; of a control worker: uploads that it opens.", examples=[2])
    jobs: list[str] = Field(description="The jobs these belong to, as far as they are yours.", examples=[[JOB_ID]])


class Part(BaseModel):
    """How one part is."""

    status: str = Field(description="ok, degraded or down.", examples=["ok"])
    detail: str = Field(description="The same as a sentence.", examples=["2 workers are alive."])


class Readiness(BaseModel):
    """Whether jobs can be accepted, and how each part is."""

    status: str = Field(
        description="ready, degraded (jobs are accepted but may wait) or unavailable.", examples=["ready"]
    )
    parts: dict[str, Part] = Field(description="database, blobs, broker, control_workers, classify_workers, model.")
