"""What a submission asks for: its fields, checked and brought into the one form that is stored."""

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from api.catalog import Model
from model.verdict import Novelty

METADATA_BYTES = 4096
METADATA_DEPTH = 10

# Databases and terminals dislike control characters, PostgreSQL refuses NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=200)]


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("a number is wanted, not text, true or false")
    return value


# In JSON neither true nor "1" is 1, which the library takes them for. It stands last, so that limits are described.
NUMBER = BeforeValidator(_number)


class BadField(Exception):
    """A field's value makes no sense; ``field`` is its name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Wanted(BaseModel):
    """Fields of a submission, in the query or as fields of the form."""

    model_config = ConfigDict(extra="forbid")

    model: Text | None = Field(
        None,
        description="The model that judges: `name` (its current version) or `name@version`; empty: the server's.",
        examples=["scenes"],
    )
    backend: Text | None = Field(
        None,
        description="What runs the network: one that a worker offers (422 names them); empty or auto: its own choice.",
        examples=["openvino"],
    )
    top_k: int = Field(3, ge=1, le=20, description="Most tags a photo may get.", examples=[3])
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="Least confidence of a first tag; it only raises the model's own.", examples=[0.8]
    )
    novelty: Novelty = Field(Novelty.NORMAL, description="How readily unfamiliar pictures are rejected.")
    allow: list[Text] = Field(
        [], max_length=2000, description="Only these labels, and all beneath these categories; once for each."
    )
    deny: list[Text] = Field(
        [], max_length=2000, description="Never these labels, nor any beneath these categories; once for each."
    )
    name: Text | None = Field(None, description="The file's name, when it is sent as the raw body.", examples=["a.jpg"])
    metadata: str | None = Field(
        None,
        description="A JSON object of yours, at most 4 KiB; given back with the job.",
        examples=['{"album": "Rome"}'],
    )
    webhook_url: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="An https:// address that is told of the job's end (docs/webhooks.md).",
        examples=["https://example.org/shoebox"],
    )


class WantedFrom(Wanted):
    """The query of a submission, which may come with a ticket."""

    ticket: str | None = Field(None, description="A ticket of `POST /v1/uploads`; then no key is needed.")

    @property
    def wanted(self) -> Wanted:
        """The fields without the ticket."""
        return Wanted.model_validate(self.model_dump(exclude_unset=True, exclude={"ticket"}))


class WantedNow(Wanted):
    """Fields of a classification."""

    timeout: float = Field(10.0, ge=0, le=60, description="Seconds to wait for the verdict.", examples=[10])


W = TypeVar("W", bound=BaseModel)


def with_form(query: W, form: dict[str, list[str]]) -> W:
    """The fields of query and form together; the form's go before. Raises BadField."""
    if not form:
        return query
    lists = {"allow", "deny"}
    said: dict[str, Any] = query.model_dump(exclude_unset=True)
    said |= {name: values if name in lists else values[-1] for name, values in form.items()}
    try:
        return type(query).model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadField(".".join(map(str, first["loc"])), first["msg"]) from error


def params_of(wanted: Wanted, model: Model) -> dict[str, Any]:
    """The judge's options as they are stored: equal requests give equal values. Raises BadField."""
    params = {
        "top_k": wanted.top_k,
        "min_confidence": wanted.min_confidence,
        "novelty": str(wanted.novelty),
        "allow": sorted(set(wanted.allow)),
        "deny": sorted(set(wanted.deny)),
        "backend": None if wanted.backend in (None, "", "auto") else wanted.backend,
    }
    check_labels(params, model)
    return params


def check_labels(params: dict[str, Any], model: Model) -> None:
    """Raises BadField when the params name a label that the model does not know."""
    for field in ("allow", "deny"):
        unknown = next((label for label in params[field] if label not in model.labels), None)
        if unknown is not None:
            raise BadField(
                field,
                f"The model {model.name} has no label or category {unknown!r}; GET /v1/models/{model.name} lists them.",
            )


def metadata_of(text: str | None) -> dict[str, Any]:
    """The sender's own JSON object. Raises BadField when it is none, too long or too deep."""
    if not text:
        return {}
    if len(text.encode("utf-8", "replace")) > METADATA_BYTES:
        raise BadField("metadata", f"The metadata is longer than {METADATA_BYTES:,} bytes.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadField("metadata", "The metadata is not valid JSON.") from error
    if not isinstance(value, dict):
        raise BadField("metadata", "The metadata is not a JSON object.")
    if _deeper(value, METADATA_DEPTH):
        raise BadField("metadata", f"The metadata is nested deeper than {METADATA_DEPTH} levels.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(part, levels - 1) for part in inside)
