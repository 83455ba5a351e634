import numpy as np
import pytest

from model import figures
from model.train.calibrate import ACCEPT, ACCEPT_STRICT, Scored, accepted, rejected_by, thresholds, together


def scored(count: int, seed: int = 0) -> Scored:
    random = np.random.default_rng(seed)
    return Scored(
        known=random.random(count) > 0.01,
        confidence=random.beta(8, 1, count).astype(np.float32),
        novelty=random.normal(0, 1, count).astype(np.float32),
        gen=random.normal(0, 1, count).astype(np.float32),
    )


def test_the_layers_together_accept_what_they_should() -> None:
    photos = scored(4000)
    lines = thresholds(photos)
    share = float(accepted(photos, lines).mean())
    assert ACCEPT <= share < ACCEPT + 0.005


def test_strict_accepts_less_and_says_how_much() -> None:
    photos = scored(4000)
    lines = thresholds(photos)
    assert lines.novelty_strict is not None
    assert lines.novelty_normal is not None
    assert lines.novelty_strict < lines.novelty_normal
    kept = photos.known & (photos.confidence >= lines.confidence) & (photos.novelty <= lines.novelty_strict)
    assert float(kept.mean()) == pytest.approx(ACCEPT_STRICT, abs=0.002)


def test_no_layer_is_favoured() -> None:
    photos = scored(4000)
    shares = rejected_by(photos, thresholds(photos))
    assert shares["confidence"] == pytest.approx(shares["novelty"], abs=0.002)
    assert shares["statistics"] == pytest.approx(0.01, abs=0.005)


def test_two_sets_become_one() -> None:
    both = together(scored(10), scored(20, seed=1))
    assert [len(part) for part in (both.known, both.confidence, both.novelty, both.gen)] == [30] * 4


def test_auroc_and_fpr95_of_plain_cases() -> None:
    known = np.arange(100, dtype=np.float32)
    assert figures.auroc(known, known + 1000) == 1.0
    assert figures.auroc(known, known) == pytest.approx(0.5)
    assert figures.auroc(known, known - 1000) == 0.0
    assert figures.fpr95(known, known + 1000) == 0.0
    assert figures.fpr95(known, known) == pytest.approx(0.95)


def test_aurc_is_the_mean_risk_over_coverage() -> None:
    sure = np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32)
    assert figures.aurc(sure, np.array([True, True, True, True])) == 0.0
    assert figures.aurc(sure, np.array([True, True, False, False])) == pytest.approx((1 / 3 + 2 / 4) / 4)


def test_classification_figures_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3]], dtype=np.float32)
    found = figures.classification(probabilities, np.array([0, 0, 1, 1]), ("cat", "dog"))
    assert found["accuracy"] == 0.75
    assert found["confusion"] == [[2, 0], [1, 1]]
    assert found["per_label"]["cat"] == {"precision": 0.6667, "recall": 1.0, "f1": 0.8}
    assert found["per_label"]["dog"] == {"precision": 1.0, "recall": 0.5, "f1": 0.6667}


def test_accuracy_of_the_accepted() -> None:
    right, kept = np.array([True, False, True, True]), np.array([True, False, False, True])
    assert figures.selective(right, kept) == {"coverage": 0.5, "accepted_accuracy": 1.0}
    assert figures.selective(right, ~right & right) == {"coverage": 0.0, "accepted_accuracy": 0.0}
