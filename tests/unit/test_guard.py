import numpy as np
import pytest

from model import explain
from model.backends.base import Outputs
from model.bundle import Bundle
from model.confidence import softmax
from model.guard import Guard
from model.statistics import NAMES
from model.verdict import Decision, Novelty, Options, Reason, Score, Tag, Verdict


@pytest.fixture
def guard(tiny_bundle: Bundle) -> Guard:
    return Guard.of(tiny_bundle)


def known(guard: Guard) -> np.ndarray:
    """Features [192] that lie on the first class mean."""
    assert guard.novelty is not None
    step = guard.novelty.classes[0] / guard.novelty.scale
    return guard.novelty.mean + np.linalg.lstsq(guard.novelty.directions.T, step, rcond=None)[0]


def judge(guard: Guard, logits: list[float], features: np.ndarray | None, options: Options | None = None) -> Verdict:
    rows = None if features is None else np.asarray([features], np.float32)
    [verdict] = guard.judge(Outputs(np.asarray([logits], np.float32), rows), [options or Options()])
    return verdict


def test_a_sure_guess_on_known_ground_is_accepted(guard):
    verdict = judge(guard, [12, 0, 0], known(guard))
    assert verdict.decision is Decision.ACCEPTED
    assert [tag.label for tag in verdict.tags] == ["sunset"]
    assert verdict.scores["confidence"] == Score(verdict.tags[0].confidence, 0.6)
    assert verdict.scores["novelty"].value < verdict.scores["novelty"].threshold
    assert set(verdict.scores) == {"confidence", "novelty"}
    assert verdict.explanation == "This looks like sunset (over 99 %)."


def test_confidence_is_calibrated_by_the_bundles_temperature(guard):
    verdict = judge(guard, [2.0, 0.5, 0.1], known(guard))
    assert verdict.scores["confidence"].value == pytest.approx(
        float(softmax(np.asarray([[2.0, 0.5, 0.1]], np.float32), 1.5)[0, 0])
    )


def test_an_unsure_guess_is_no_tag_but_stands_in_the_scores(guard):
    verdict = judge(guard, [1.0, 0.9, 0.8], known(guard))
    assert (verdict.decision, verdict.reason, verdict.tags) == (Decision.REJECTED, Reason.LOW_CONFIDENCE, ())
    assert verdict.scores["label:sunset"] == Score(verdict.scores["confidence"].value)
    assert "sunset" in verdict.explanation and "60 %" in verdict.explanation


def test_strange_features_are_out_of_distribution_however_sure_the_guess(guard):
    verdict = judge(guard, [12, 0, 0], -known(guard))
    assert verdict.reason is Reason.OUT_OF_DISTRIBUTION
    assert verdict.scores["novelty"].value > verdict.scores["novelty"].threshold
    assert "label:sunset" in verdict.scores
    assert "knows drawn sunsets" in verdict.explanation


def test_what_is_both_strange_and_unsure_is_out_of_distribution(guard):
    assert judge(guard, [1.0, 0.9, 0.8], -known(guard)).reason is Reason.OUT_OF_DISTRIBUTION


def test_the_novelty_guard_is_as_strict_as_the_job_asks(guard):
    limits = {
        strictness: judge(guard, [12, 0, 0], -known(guard), Options(novelty=strictness)) for strictness in Novelty
    }
    assert limits[Novelty.OFF].decision is Decision.ACCEPTED
    assert limits[Novelty.OFF].scores["novelty"].threshold is None
    assert limits[Novelty.OFF].scores["novelty"].value == limits[Novelty.NORMAL].scores["novelty"].value
    assert limits[Novelty.STRICT].scores["novelty"].threshold < limits[Novelty.NORMAL].scores["novelty"].threshold


def test_without_features_generalised_entropy_takes_over(guard):
    sure, lost = judge(guard, [20, 0, 0], None), judge(guard, [0, 0, 0], None)
    assert sure.decision is Decision.ACCEPTED
    assert (lost.reason, lost.scores["novelty"].threshold) == (Reason.OUT_OF_DISTRIBUTION, 2.2)


def test_a_job_may_raise_the_least_confidence_but_not_lower_it(guard):
    row = [3.0, 0.9, 0.8]
    assert judge(guard, row, known(guard), Options(min_confidence=0.1)).scores["confidence"].threshold == 0.6
    assert judge(guard, row, known(guard), Options(min_confidence=0.9)).reason is Reason.LOW_CONFIDENCE


def test_labels_that_a_job_leaves_out_are_never_given(guard):
    verdict = judge(guard, [12, 0, 0], known(guard), Options(deny=frozenset({"sunset"})))
    assert verdict.reason is Reason.LOW_CONFIDENCE
    assert "label:sunset" not in verdict.scores
    none = judge(guard, [12, 0, 0], known(guard), Options(allow=frozenset({"street"})))
    assert (none.reason, none.scores["confidence"].value) == (Reason.LOW_CONFIDENCE, 0.0)
    assert "none of this model's labels" in none.explanation


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_fails_alone(guard, bad):
    logits = np.asarray([[12, 0, 0], [bad, 0, 0], [0, 12, 0], [0, 0, 12]], np.float32)
    features = np.asarray([known(guard)] * 4, np.float32)
    features[3, 5] = bad
    verdicts = guard.judge(Outputs(logits, features), [Options(novelty=Novelty.OFF)] * 4)
    assert [v.decision for v in verdicts] == [Decision.ACCEPTED, Decision.FAILED, Decision.ACCEPTED, Decision.FAILED]
    assert verdicts[1].reason is Reason.INTERNAL_ERROR
    assert verdicts[1].scores == {}


def test_statistics_decide_before_the_network(guard):
    assert guard.ranges is not None
    ordinary = {name: guard.ranges.by_name[name].centre for name in NAMES}
    verdict, scores = guard.look(list(ordinary.values()))
    assert verdict is None and len(scores) == 1
    flat, scores = guard.look(list((ordinary | {"spread": 0.5}).values()))
    assert flat is not None and flat.reason is Reason.BLANK
    assert scores == flat.scores == {"statistics.spread": Score(0.5, 6.0)}
    noise, _ = guard.look(list((ordinary | {"coupling": 0.4}).values()))
    assert noise is not None and noise.reason is Reason.UNNATURAL_STATISTICS
    assert noise.explanation == "This does not look like a photo: its colours change independently, as in noise."


def test_sentences_name_every_tag_and_never_round_up_to_certainty():
    tags = (Tag("sea", 0.72), Tag("glacier", 0.21))
    assert explain.accepted(tags) == "This looks like sea (72 %); also glacier (21 %)."
    assert [explain.percent(share) for share in (0.9999, 0.994, 0.5, 0.001)] == [
        "over 99 %",
        "99 %",
        "50 %",
        "under 1 %",
    ]


def test_every_statistic_has_words_of_its_own():
    assert all("outside" not in explain.statistics(Reason.UNNATURAL_STATISTICS, name) for name in NAMES[1:])
