import numpy as np
import pytest

from model.confidence import ece, fit_temperature, rank, softmax, tags
from model.verdict import Options, Tag

LABELS = ("forest", "sea", "street")


def test_probabilities_sum_to_one_even_for_huge_logits():
    probabilities = softmax(np.asarray([[1e4, 0, -1e4], [0, 0, 0]], np.float32))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[0, 0] == 1


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_spoilt_the_logits_is_found(temperature):
    random = np.random.default_rng(1)
    honest = random.normal(size=(4000, 5)).astype(np.float32) * 2
    targets = np.asarray([random.choice(5, p=row / row.sum()) for row in softmax(honest).astype(float)])
    assert fit_temperature(honest * temperature, targets) == pytest.approx(temperature, rel=0.06)


def test_calibrating_on_nothing_is_an_error():
    with pytest.raises(ValueError, match="held-out"):
        fit_temperature(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))


def test_calibration_error_is_the_gap_between_belief_and_truth():
    probabilities = np.tile(np.asarray([[0.9, 0.1]], np.float32), (10, 1))
    assert ece(probabilities, np.zeros(10, np.int64)) == pytest.approx(0.1, abs=1e-6)
    assert ece(probabilities, np.asarray([1] + [0] * 9)) == pytest.approx(0, abs=1e-6)
    assert ece(np.asarray([[1.0, 0.0]], np.float32), np.zeros(1, np.int64)) == 0


def test_ranking_keeps_calibrated_probabilities_within_what_is_allowed():
    row = np.asarray([0.7, 0.2, 0.1], np.float32)
    ranked = rank(row, LABELS, Options(allow=frozenset({"sea", "street"}), deny=frozenset({"street"})))
    assert [(tag.label, round(tag.confidence, 3)) for tag in ranked] == [("sea", 0.2)]
    assert rank(row, LABELS, Options(deny=frozenset(LABELS))) == ()


def test_further_tags_need_a_tenth_and_a_place_among_the_first():
    ranked = (Tag("sea", 0.6), Tag("street", 0.32), Tag("forest", 0.08))
    assert tags(ranked, Options()) == ranked[:2]
    assert tags(ranked, Options(top_k=1)) == ranked[:1]
    assert tags((Tag("sea", 0.05),), Options()) == (Tag("sea", 0.05),)
