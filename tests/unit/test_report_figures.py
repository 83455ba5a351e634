"""The figures of a report against small cases worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model import figures
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.report import label_errors
from model.report.findings import findings
from model.report.judged import Judged
from model.verdict import Decision, Novelty, Reason, Score, Tag, Verdict


def two(*first: float) -> NDArray[np.float32]:
    """Probabilities [N, 2] from the first label's."""
    return np.array([[p, 1 - p] for p in first], dtype=np.float32)


def test_reliability_says_how_right_each_part_is() -> None:
    probabilities = two(0.9, 0.95, 0.4, 0.55)  # sure of 0, 0, 1, 0 at 0.9, 0.95, 0.6, 0.55
    parts = figures.reliability(probabilities, np.array([0, 1, 1, 1]), bins=5)
    assert [part["photos"] for part in parts] == [0, 0, 1, 1, 2]
    assert parts[0] == {"photos": 0, "confidence": None, "accuracy": None}
    assert parts[2]["confidence"] == pytest.approx(0.55)
    assert parts[2]["accuracy"] == 0.0
    assert parts[3]["accuracy"] == 1.0
    assert parts[4]["confidence"] == pytest.approx(0.925)
    assert parts[4]["accuracy"] == 0.5


def test_risk_grows_with_coverage() -> None:
    sure = np.array([0.6, 0.9, 0.8, 0.7], dtype=np.float32)
    right = np.array([False, True, True, False])
    assert figures.risk_coverage(sure, right).tolist() == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert figures.aurc(sure, right) == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_confident_learning_by_hand() -> None:
    # Thresholds: (0.9 + 0.8 + 0.1) / 3 = 0.6 and (0.8 + 0.7 + 0.3) / 3 = 0.6.
    found = label_errors.find(two(0.9, 0.8, 0.1, 0.2, 0.3, 0.7), np.array([0, 0, 0, 1, 1, 1]))
    assert found.joint == pytest.approx(np.array([[2, 1], [1, 2]]) / 6)
    assert found.share == pytest.approx(1 / 3)
    assert found.photos.tolist() == [2, 5]  # 0.9 against 0.1, then 0.7 against 0.3
    assert found.likely.tolist() == [1, 0]


def test_what_reaches_no_threshold_is_not_counted_but_its_label_is() -> None:
    # Thresholds 0.7 and 0.85: the second and the fourth photo reach neither.
    found = label_errors.find(two(0.9, 0.5, 0.1, 0.2), np.array([0, 0, 1, 1]))
    assert found.joint == pytest.approx(np.array([[0.5, 0], [0, 0.5]]))
    assert found.photos.tolist() == []


def test_a_label_without_photos_is_nobodys_likely_label() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7], [0.1, 0.6, 0.3], [0.1, 0.8, 0.1]], dtype=np.float32)
    found = label_errors.find(probabilities, np.array([0, 1, 1]))
    assert found.joint.sum() == pytest.approx(1)
    assert found.joint[:, 2].tolist() == [0, 0, 0]
    assert found.photos.tolist() == []


def verdict(reason: Reason | None = None) -> Verdict:
    if reason is None:
        return Verdict(Decision.ACCEPTED, None, "", (Tag("sunset", 0.9),), {"novelty": Score(1.0, 2.0)})
    return Verdict(reason.decision, reason, "")


def judged(names: str, probabilities: list[list[float]], novelty: list[float], reasons: list[Reason | None]) -> Judged:
    """Pictures as the layers would have left them, with a novelty limit of 2 and a confidence limit of 0.6."""
    beliefs = np.array(probabilities, dtype=np.float32)
    kept = np.array([reason is None for reason in reasons])
    return Judged(
        names=tuple(names),
        probabilities=beliefs,
        uncalibrated=beliefs,
        novelty=np.array(novelty, dtype=np.float32),
        gen=np.array(novelty, dtype=np.float32),
        verdicts=tuple(map(verdict, reasons)),
        alone={
            "statistics": np.array([reason is Reason.BLANK for reason in reasons]),
            "novelty": np.array(novelty) > 2,
            "confidence": beliefs.max(axis=1) < 0.6,
        },
        kept=dict.fromkeys(Novelty, kept),
        limits={Novelty.NORMAL: 2.0, Novelty.STRICT: 1.5, Novelty.OFF: None},
        lost=(("broken.jpg", Verdict(Decision.REJECTED, Reason.CORRUPT_IMAGE, "It is damaged.")),),
    )


def test_a_category_above_the_right_label_is_a_right_tag(tiny_bundle: Bundle) -> None:
    known = judged(
        "abc",
        [[0.4, 0.5, 0.1], [0.4, 0.5, 0.1], [0.1, 0.1, 0.8]],
        [0.0, 0.0, 0.0],
        [None, None, None],
    )
    land = replace(tiny_bundle, parents={"sunset": "land", "forest": "land"})
    targets = np.array([0, 2, 2])

    plain = findings(land, FakeBackend(land), "photos", known, targets, {})
    assert plain["strictness"]["normal"]["accepted_accuracy"] == 0.3333
    told = findings(land, FakeBackend(land), "photos", replace(known, categories=("land", "land", "")), targets, {})
    assert told["strictness"]["normal"]["accepted_accuracy"] == 0.6667
    assert told["classification"] == plain["classification"], "labels are counted as before"


def test_findings_by_hand(tiny_bundle: Bundle) -> None:
    known = judged(
        "abcd",
        [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]],
        [0.0, 1.0, 3.0, 1.0],
        [None, None, Reason.OUT_OF_DISTRIBUTION, None],
    )
    outside = judged(
        "wxyz",
        [[0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.95, 0.05, 0.0], [0.5, 0.5, 0.0]],
        [4.0, 5.0, 1.0, 1.0],
        [Reason.BLANK, Reason.OUT_OF_DISTRIBUTION, None, Reason.LOW_CONFIDENCE],
    )
    targets = np.array([0, 0, 0, 2])

    found = findings(tiny_bundle, FakeBackend(tiny_bundle), "photos", known, targets, {"odd": outside})

    assert found["classification"]["accuracy"] == 0.75
    assert found["strictness"]["normal"] == {"coverage": 0.75, "accepted_accuracy": 0.6667}
    assert found["layers"]["photos"]["first"] == {"statistics": 0, "novelty": 0.25, "confidence": 0}
    assert found["layers"]["photos"]["alone"] == {"statistics": 0, "novelty": 0.25, "confidence": 0.25}
    assert found["layers"]["odd"]["first"] == {"statistics": 0.25, "novelty": 0.25, "confidence": 0.25}
    assert found["layers"]["odd"]["alone"] == {"statistics": 0.25, "novelty": 0.5, "confidence": 0.5}
    assert found["outside"]["odd"]["rejected"]["normal"] == 0.75
    # Of the 16 pairs the picture from outside is the stranger in 4 + 4 + 2 x (1 + 2 ties).
    assert found["outside"]["odd"]["told_apart"]["novelty"]["auroc"] == pytest.approx((8 + 2 * (1 + 2 / 2)) / 16)
    assert [picture["name"] for picture in found["outside"]["odd"]["misread"]] == ["y"]
    assert [(picture["name"], picture["given"], picture["guess"]) for picture in found["mistakes"]] == [
        ("b", "sunset", "forest")
    ]
    assert found["data"]["per_label"] == {"sunset": 3, "forest": 0, "sea": 1}
    assert [file["name"] for file in found["data"]["lost"]] == ["broken.jpg"]
    assert sum(found["novelty"]["known"]) == sum(found["novelty"]["outside"]["odd"]) == 4
