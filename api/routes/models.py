"""Models that are installed."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from api.auth import Reader
from api.catalog import Model, UnknownModel
from api.lookup import NotFound
from api.parts import The
from api.schemas import Page
from api.schemas_more import ModelDetail, ModelOut

router = APIRouter(prefix="/v1/models", tags=["Models"])


@router.get("", summary="List models")
def list_models(parts: The, caller: Reader) -> Page[ModelOut]:
    """Every version of every model that can judge a job."""
    return Page(
        data=[ModelOut(**_said(model), figures=headline(model.facts["figures"])) for model in parts.catalog.models()],
        next=None,
    )


@router.get("/{name}", summary="Look at a model")
def get_model(name: str, parts: The, caller: Reader) -> ModelDetail:
    """A model (`name`: its current version, or `name@version`) with its thresholds, figures, card and report."""
    try:
        model = parts.catalog.find(name)
    except UnknownModel as error:
        raise NotFound("There is no such model.") from error
    facts = model.facts
    return ModelDetail(
        **_said(model),
        figures=facts["figures"],
        temperature=facts["temperature"],
        training_data=facts["training_data"],
        parents=facts.get("parents", {}),
        card=model.card,
        report=model.report,
    )


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are single numbers, at the top and one step down: no curves, no tables of each label."""
    single = {key: value for key, value in figures.items() if isinstance(value, int | float)}
    groups = {
        key: {name: number for name, number in value.items() if isinstance(number, int | float)}
        for key, value in figures.items()
        if isinstance(value, Mapping)
    }
    return single | {key: value for key, value in groups.items() if value}


def _said(model: Model) -> dict[str, Any]:
    facts = model.facts
    return {
        "name": model.name,
        "version": model.version,
        "current": model.current,
        "default": model.default,
        "built_in": model.built_in,
        "checksum": model.checksum,
        "architecture": facts["architecture"],
        "knows": facts["knows"],
        "labels": facts["labels"],
        "label_count": len(facts["labels"]),
        "categories": sorted(set(facts.get("parents", {}).values())),
        "input_size": facts["input_size"],
        "thresholds": facts["thresholds"],
        "licence": facts["licence"],
    }
