"""Ids: sortable, without a dash, and an item's id read back."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from db.ids import item_id, new_id, parse_item_id


def test_ids_are_ulids_and_never_the_same() -> None:
    ids = {new_id() for _ in range(5000)}
    assert len(ids) == 5000
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", each) for each in ids)


def test_ids_sort_by_their_making() -> None:
    ids = []
    for _ in range(5):
        ids.append(new_id())
        time.sleep(0.003)
    assert ids == sorted(ids)


@given(some.integers(0, 999_999_999))
def test_an_item_id_is_read_back(position: int) -> None:
    job = new_id()
    assert parse_item_id(item_id(job, position)) == (job, position)


@pytest.mark.parametrize(
    "text", ["", "-", "J", "J-", "J-x", "J--1", "J-1.0", "J- 1", "J-\u0663", "J-1\n", "J-1000000000"]
)
def test_other_texts_are_no_item_ids(text: str) -> None:
    with pytest.raises(ValueError, match="not an item id"):
        parse_item_id(text)
