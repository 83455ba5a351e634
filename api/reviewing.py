"""What a reviewer's answer means for a verdict."""

from api.catalog import Catalog, UnknownModel
from api.schemas_more import ReviewIn
from db.schema import Item
from model.lineage import above


class BadReview(Exception):
    """The review says nothing, or contradicts itself."""


def truth_of(item: Item, said: ReviewIn, catalog: Catalog) -> tuple[str | None, bool]:
    """The right label (None: none of the model's fits) and whether the verdict was right. Raises BadReview.

    A rejected photo has no label of its own: "none of these" agrees with it. A category was right for every label
    beneath it.
    """
    if said.correct is None and "label" not in said.model_fields_set:
        raise BadReview("Please give either `label` (null for none of these) or `correct: true`.")
    if said.correct is False and "label" not in said.model_fields_set:
        raise BadReview("Please say which label is right (`label`, null for none of these).")
    label = said.label if "label" in said.model_fields_set else item.label
    correct = label == item.label or _is_above(item, label, catalog)
    if said.correct is not None and said.correct != correct:
        raise BadReview("`label` and `correct` contradict each other.")
    if label is not None and not correct:
        _check_known(item, label, catalog)
    return label, correct


def _is_above(item: Item, label: str | None, catalog: Catalog) -> bool:
    if item.label is None or label is None:
        return False
    try:
        parents = catalog.find(f"{item.model}@{item.version}").facts.get("parents", {})
    except UnknownModel:
        return False
    return item.label in above(label, parents)


def _check_known(item: Item, label: str, catalog: Catalog) -> None:
    try:
        model = catalog.find(item.model)
    except UnknownModel:
        return  # the model was removed since: its labels cannot be held against the reviewer
    if label not in model.labels:
        raise BadReview(f"The model {model.name} has no label {label!r}; null stands for none of its labels.")
