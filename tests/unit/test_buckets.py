"""Durations in buckets: near enough, whatever they are."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.buckets import WIDTH, bucket_of, middle_of, percentile

durations = st.floats(min_value=1e-3, max_value=1e7, allow_nan=False)


@given(durations)
def test_a_bucket_is_within_half_its_width(milliseconds: float) -> None:
    assert middle_of(bucket_of(milliseconds)) == pytest.approx(milliseconds, rel=WIDTH / 2)
    assert WIDTH <= 0.1


@given(durations, durations)
def test_longer_is_never_a_lower_bucket(one: float, other: float) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


@pytest.mark.parametrize("odd", [0.0, -1.0, 1e-9, 1e12, float("inf")])
def test_what_lies_beyond_goes_to_an_end(odd: float) -> None:
    assert bucket_of(odd) in (bucket_of(1e-3), bucket_of(1e7))


@given(st.lists(durations, min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_is_that_of_the_durations(found: list[float], share: float) -> None:
    exact = next(each for n, each in enumerate(sorted(found), 1) if n >= share * len(found) - 1e-9)
    told = percentile(Counter(map(bucket_of, found)), share)
    assert told == pytest.approx(exact, rel=WIDTH / 2)


def test_no_duration_has_no_percentile() -> None:
    assert percentile({}, 0.5) is None
