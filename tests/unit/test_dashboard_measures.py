"""A model's figures, and how two models differ."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from client.values import Item, JobView
from dashboard import measures
from dashboard.page.system import said as limit
from dashboard.parts.benchmark import sentence
from dashboard.parts.keys import EVERYTHING, mistake
from dashboard.parts.keys import said as may
from dashboard.parts.model_compare import reruns
from dashboard.parts.work import said as waits

AT = datetime(2026, 1, 31, tzinfo=UTC).isoformat()


def item(name: str, label: str | None, position: int = 0, job: str = "A") -> Item:
    decision = "rejected" if label is None else "accepted"
    tags = [] if label is None else [{"label": label, "confidence": 0.9}]
    data = {"id": f"{job}-{position}", "job": job, "position": position, "name": name, "decision": decision}
    more = {"reason": None, "explanation": "", "label": label, "confidence": None, "tags": tags}
    return Item.from_json({**data, **more, "model": {"name": "tiny", "version": "1"}})


def job(name: str, model: str, version: str, retry_of: str | None = None, state: str = "completed") -> JobView:
    counts = dict.fromkeys(("total", "pending", "accepted", "rejected", "failed", "canceled", "skipped"), 0)
    data: dict[str, Any] = {"id": name, "state": state, "outcome": None, "error": None, "counts": counts, "rate": None}
    data |= {"model": {"name": model, "version": version}, "eta_seconds": None, "retry_of": retry_of}
    return JobView.from_json(data | {"started_at": AT, "finished_at": AT})


def test_figures_come_from_the_validation_where_there_is_one() -> None:
    assert measures.headline({"accuracy": 0.9}) == {"accuracy": 0.9}
    nested = {"validation": {"accuracy": 0.94, "coverage": 0.96, "photos": 100}, "accuracy": 0.1}
    assert measures.headline(nested) == {"accuracy": 0.94, "coverage": 0.96}
    assert (measures.photos(nested), measures.photos({})) == (100, None)
    assert measures.headline({}) == {}


def test_a_report_goes_before_the_validation() -> None:
    per_label = {"sea": {"f1": 0.5}}
    model = {"figures": {"validation": {"per_label": {"sea": {"f1": 0.9}}}}, "report": None}
    assert measures.scores(model) == {"sea": 0.9}
    assert measures.scores(model | {"report": {"classification": {"per_label": per_label}}}) == {"sea": 0.5}
    assert measures.scores({"figures": {}}) == {}


def test_the_most_confused_pairs_come_first() -> None:
    found = measures.confused([[8, 2], [5, 5]], ["sea", "sky"], 5)
    assert [(pair["given"], pair["guess"], pair["photos"], pair["share"]) for pair in found] == [
        ("sky", "sea", 5, 0.5),
        ("sea", "sky", 2, 0.2),
    ]


def test_differences_are_of_shared_labels_the_largest_gain_first() -> None:
    found = measures.differences({"a": 0.5, "b": 0.9, "only": 1.0}, {"a": 0.7, "b": 0.8, "new": 1.0})
    assert list(found) == ["a", "b"]
    assert round(found["a"], 6) == 0.2 and round(found["b"], 6) == -0.1


LABELS = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["sea", "sky", None])), max_size=15)


@given(LABELS)
def test_a_job_agrees_with_itself(rows: list[tuple[str, str | None]]) -> None:
    items = [item(name, label, place) for place, (name, label) in enumerate(rows)]
    pairs = measures.paired(items, items)
    assert all(one is other for one, other in pairs) and len(pairs) == len(items)
    said = measures.agreement(pairs)
    assert said["same tag"] + said["both not tagged"] == len(items)


def test_names_that_are_not_in_both_as_often_are_left_out() -> None:
    first = [item("a", "sea", 0), item("a", "sky", 1), item("b", None, 2)]
    second = [item("a", "sea", 0, "B"), item("b", "sea", 1, "B"), item("c", "sea", 2, "B")]
    pairs = measures.paired(first, second)
    assert [(one.name, other.name) for one, other in pairs] == [("b", "b")]
    assert measures.agreement(pairs)["only the second tags"] == 1


def test_reruns_are_given_in_the_order_of_the_models() -> None:
    jobs = [job("C", "new", "1", "A"), job("B", "new", "1", "A", "running"), job("A", "old", "1"), job("D", "old", "1")]
    old, new = ("old", "1"), ("new", "1")
    assert [(a.id, b.id) for a, b in reruns(jobs, old, new)] == [("A", "C")]
    assert [(a.id, b.id) for a, b in reruns(jobs, new, old)] == [("C", "A")]
    assert reruns(jobs, old, ("other", "1")) == []


def test_the_fastest_is_named() -> None:
    one = {"name": "quick", "batch_milliseconds": 2.0, "speedup": 4.5}
    assert sentence({"fastest": "quick", "backends": [one]}) == (
        "The fastest here is **quick**: 2 ms a photo, 4.5 times as quick as the slowest."
    )
    assert sentence({"fastest": None, "backends": []}) == "No backend ran."


def test_the_queue_is_said_in_a_sentence() -> None:
    lanes = {"interactive": {"items_ready": 1}, "bulk": {"items_ready": 2000}}
    still = {"ready": 0, "leased": 0, "uploads_waiting": 0, "lanes": lanes}
    assert waits(still) == "Nothing of yours waits or is being judged."
    assert "1 of theirs wait, and 2,000 of larger jobs" in waits(still | {"leased": 1})


def test_a_wish_for_a_key_is_checked_in_words() -> None:
    assert mistake("phone", "anna", ["read"]) is None
    assert mistake("phone", "", ["read"]) is None
    assert "what the key is for" in str(mistake(" ", "", ["read"]))
    assert "letters, digits" in str(mistake("phone", "anna smith", ["read"]))
    assert "at least one" in str(mistake("phone", "", []))
    assert may(["admin", "read"]) == EVERYTHING
    assert may(["review", "submit"]) == "send photos, say which tags are right"


def test_limits_have_units() -> None:
    told = {"max_pixels": 120_000_000.0, "decode_seconds": 10.0, "keep_uploads_days": 30.0, "max_file_bytes": 2e6}
    assert [limit(name, value) for name, value in told.items()] == ["120,000,000", "10 s", "30 days", "2.0 MB"]
    assert (limit("blobs_quota_bytes", 0), limit("blobs_quota_bytes", 5e9)) == ("no limit", "5.0 GB")
