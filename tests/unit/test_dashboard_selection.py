"""The history's choices as an address, as filters, and as counts."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from dashboard import words
from dashboard.selection import DECISIONS, FIELDS, REVIEWED, countable, counted, filters, options, read, write

TEXT = st.none() | st.text(min_size=1, max_size=40).map(str.strip).filter(bool)
CHOICES = st.fixed_dictionaries(
    {
        "from": st.none() | st.dates(),
        "to": st.none() | st.dates(),
        "label": TEXT,
        "decision": st.none() | st.sampled_from(DECISIONS),
        "reason": st.none() | st.sampled_from(sorted(words.REASONS)),
        "model": TEXT,
        "name": TEXT,
        "reviewed": st.none() | st.sampled_from(sorted(REVIEWED)),
    }
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "decision": st.sampled_from(DECISIONS),
            "reason": st.sampled_from(["", "blank", "low_confidence"]),
            "label": st.sampled_from(["", "sea", "forest"]),
            "model": st.sampled_from(["scenes", "fashion"]),
            "count": st.integers(1, 1000),
        }
    ),
    max_size=12,
)


@given(CHOICES)
def test_an_address_gives_the_choices_back(chosen: dict[str, object]) -> None:
    assert read(write(chosen)) == chosen


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=300)))
def test_any_address_is_read(address: dict[str, str]) -> None:
    chosen = read(address)
    assert set(chosen) == set(FIELDS)
    assert read(write(chosen)) == chosen


def test_nonsense_in_an_address_is_left_out() -> None:
    found = read({"decision": "eaten", "from": "yesterday", "reviewed": "maybe", "reason": "ugly", "label": "sea"})
    assert write(found) == {"label": "sea"}


def test_filters_are_those_of_the_client() -> None:
    asked = filters(read({"from": "2026-01-02", "reviewed": "no", "decision": "rejected", "name": "rome/"}))
    assert asked["from_"] == date(2026, 1, 2)
    assert asked["reviewed"] is False
    assert (asked["decision"], asked["name"], asked["label"]) == ("rejected", "rome/", None)


@given(ROWS, CHOICES)
def test_a_selection_counts_the_rows_that_fit(rows: list[dict[str, object]], chosen: dict[str, object]) -> None:
    found = counted(rows, chosen)
    wanted = {field: chosen[field] for field in ("decision", "reason", "label", "model") if chosen[field]}
    fitting = [row for row in rows if wanted.items() <= row.items()]
    assert found.total == sum(int(str(row["count"])) for row in fitting)
    assert found.accepted == sum(int(str(row["count"])) for row in fitting if row["decision"] == "accepted")
    assert found.done == found.total


def test_names_and_reviews_cannot_be_counted_from_totals() -> None:
    assert countable(read({"label": "sea"}))
    assert not countable(read({"name": "rome/"}))
    assert not countable(read({"reviewed": "no"}))


def test_options_are_what_there_is_and_what_is_chosen() -> None:
    rows = [{"label": "sea"}, {"label": ""}, {"label": "forest"}]
    assert options(rows, "label", "gone") == ["forest", "gone", "sea"]
