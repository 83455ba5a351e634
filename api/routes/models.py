"""Models that are installed."""

from typing import Any

from fastapi import APIRouter

from api.auth import Reader
from api.catalog import Model
from api.lookup import NotFound
from api.parts import The
from api.schemas import Page
from api.schemas_more import ModelDetail, ModelOut

router = APIRouter(prefix="/v1/models", tags=["Models"])


@router.get("", summary="List models")
def list_models(parts: The, caller: Reader) -> Page[ModelOut]:
    """Every model that can judge a job."""
    return Page(data=[ModelOut(**_said(model, parts.catalog.default)) for model in parts.catalog.models()], next=None)


@router.get("/{name}", summary="Look at a model")
def get_model(name: str, parts: The, caller: Reader) -> ModelDetail:
    """A model with its labels, thresholds, figures and card."""
    model = parts.catalog.named(name)
    if model is None:
        raise NotFound("There is no such model.")
    facts = model.facts
    return ModelDetail(
        **_said(model, parts.catalog.default),
        temperature=facts.get("temperature", 1.0),
        figures=facts.get("figures", {}),
        training_data=facts.get("training_data", ""),
        card=model.card,
    )


def _said(model: Model, default: str) -> dict[str, Any]:
    facts = model.facts
    return {
        "name": model.name,
        "version": model.version,
        "default": model.name == default,
        "architecture": facts.get("architecture", ""),
        "knows": facts.get("knows", ""),
        "labels": facts["labels"],
        "input_size": facts.get("input_size", 0),
        "thresholds": facts.get("thresholds", {}),
        "licence": facts.get("licence", ""),
    }
