"""What a reviewer's answer means where a photo was tagged with a category."""

from pathlib import Path

import pytest

from api.catalog import Catalog
from api.reviewing import BadReview, truth_of
from api.schemas_more import ReviewIn
from db.schema import Item
from model.bundle import Bundle
from model.bundle_write import write_bundle


@pytest.fixture
def catalog(tiny_bundle: Bundle, tmp_path: Path) -> Catalog:
    """The tiny model, whose sea and forest are nature."""
    parents = {"sea": "water", "water": "nature", "forest": "nature"}
    files: dict[str, bytes | Path] = {file: tiny_bundle.path / file for file in tiny_bundle.files}
    write_bundle(tmp_path / "tiny", tiny_bundle.manifest(parents=parents), files)
    return Catalog([tmp_path], "tiny")


@pytest.mark.parametrize(
    ("tagged", "label", "correct"),
    [
        ("nature", "nature", True),
        ("nature", "sea", True),
        ("nature", "water", True),
        ("water", "sea", True),
        ("water", "forest", False),
        ("nature", "sunset", False),
        ("nature", None, False),
        ("sea", "water", False),
        (None, "sea", False),
    ],
)
def test_a_category_was_right_for_every_label_beneath_it(
    catalog: Catalog, tagged: str | None, label: str | None, correct: bool
) -> None:
    item = Item(label=tagged, model="tiny", version="1")
    assert truth_of(item, ReviewIn(label=label), catalog) == (label, correct)


def test_of_a_model_that_is_gone_only_the_same_word_is_right(catalog: Catalog) -> None:
    item = Item(label="nature", model="gone", version="1")
    assert truth_of(item, ReviewIn(label="sea"), catalog) == ("sea", False)
    assert truth_of(item, ReviewIn(correct=True), catalog) == ("nature", True)


def test_a_right_category_cannot_be_called_wrong_by_its_label(catalog: Catalog) -> None:
    with pytest.raises(BadReview, match="contradict"):
        truth_of(Item(label="nature", model="tiny", version="1"), ReviewIn(label="sea", correct=False), catalog)
