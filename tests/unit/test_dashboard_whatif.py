"""What other lines would change, and histograms, against plain counting."""

from hypothesis import example, given
from hypothesis import strategies as st

from dashboard import guards, words
from dashboard.bins import BINS, histogram, span
from dashboard.whatif import Measured, change, measured, tagged_with, usual

SCORE = st.floats(0, 1, allow_nan=False)
NOVELTY = st.floats(-50, 200, allow_nan=False)
PHOTOS = st.lists(st.tuples(SCORE, NOVELTY | st.none(), st.booleans()), max_size=30).map(
    lambda rows: [Measured(f"photo-{place}", *row) for place, row in enumerate(rows)]
)


@given(PHOTOS, SCORE, NOVELTY | st.none())
def test_a_change_adds_up(photos: list[Measured], least: float, most: float | None) -> None:
    found = change(photos, least, most)
    assert found.before == sum(photo.tagged for photo in photos)
    assert found.after == found.before + len(found.gained) - len(found.lost)
    by_id = {photo.id: photo for photo in photos}
    assert all(not by_id[one].tagged and tagged_with(by_id[one], least, most) for one in found.gained)
    assert all(by_id[one].tagged and not tagged_with(by_id[one], least, most) for one in found.lost)


@given(PHOTOS, SCORE, SCORE, NOVELTY)
def test_a_stricter_line_never_tags_more(photos: list[Measured], one: float, other: float, most: float) -> None:
    loose, strict = sorted((one, other))
    assert change(photos, strict, most).after <= change(photos, loose, most).after
    assert change(photos, loose, most - 1).after <= change(photos, loose, most).after
    assert change(photos, loose, most).after <= change(photos, loose, None).after


def test_a_photo_on_the_line_is_tagged() -> None:
    """As the guards themselves have it: confidence at the line is enough, and novelty at the line is not too much."""
    assert tagged_with(Measured("on", 0.58, 65.0, False), 0.58, 65.0)
    assert not tagged_with(Measured("unsure", 0.5799, 65.0, True), 0.58, 65.0)
    assert not tagged_with(Measured("strange", 0.58, 65.01, True), 0.58, 65.0)


def test_scores_of_both_guards_are_joined_by_photo() -> None:
    confidence = {
        "items": ["c", "b", "a"],
        "values": [0.9, 0.4, 0.8],
        "decisions": ["accepted", "rejected", "accepted"],
    }
    novelty = {"items": ["c", "b"], "values": [3.0, 4.0], "complete": False}
    assert measured(confidence, novelty) == [Measured("c", 0.9, 3.0, True), Measured("b", 0.4, 4.0, False)]
    everything = measured(confidence, novelty | {"complete": True})
    assert everything[2] == Measured("a", 0.8, None, True)


def test_the_usual_line_is_that_of_most_photos() -> None:
    assert usual([0.6, None, 0.8, 0.6]) == 0.6
    assert usual([None, None]) is None


@given(st.lists(st.tuples(NOVELTY, st.sampled_from(["accepted", "rejected"])), min_size=1), NOVELTY | st.none())
@example([(5e-324, "accepted")], 0.0)
def test_a_histogram_holds_every_value_once(rows: list[tuple[float, str]], line: float | None) -> None:
    values, kinds = [row[0] for row in rows], [row[1] for row in rows]
    low, high = span(values, line)
    assert low < high
    assert line is None or low <= line <= high
    found = histogram(values, kinds, low, high)
    for kind in set(kinds):
        assert sum(row["count"] for row in found if row["kind"] == kind) == kinds.count(kind)
    assert all(low <= row["from"] < row["to"] for row in found)
    assert len({row["from"] for row in found}) <= BINS


def test_a_value_stands_in_its_own_bar() -> None:
    found = histogram([0.0, 0.149, 0.15, 1.0], ["accepted"] * 4, 0.0, 1.0, bins=10)
    assert [(round(row["from"], 3), row["count"]) for row in found] == [(0.0, 1), (0.1, 2), (0.9, 1)]


def test_every_reason_has_a_guard_and_a_sentence() -> None:
    for reason in words.REASONS:
        assert guards.sentence(reason).endswith(".")
    assert guards.behind("low_confidence") == "confidence"
    assert guards.behind("corrupt_image") == "file"
