"""Where no label is sure enough, the nearest category that is becomes the tag."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model import categories
from model.backends.base import Outputs
from model.bundle import Bundle, Thresholds
from model.categories import Categories
from model.guard import Guard
from model.verdict import Decision, Options, Reason, Score, Tag, Verdict

LABELS = ("beagle", "basset", "golden retriever", "tabby", "oak", "sofa")
PARENTS = {
    "beagle": "hound",
    "basset": "hound",
    "hound": "dog",
    "golden retriever": "dog",
    "dog": "animal",
    "tabby": "animal",
    "oak": "plant",
}
HOUND = [0.45, 0.40, 0.05, 0.04, 0.03, 0.03]
DOG = [0.33, 0.22, 0.30, 0.08, 0.04, 0.03]


@pytest.fixture
def guard(tiny_bundle: Bundle) -> Guard:
    """Six labels under two levels of categories, with 0.6 as the least confidence."""
    bundle = replace(
        tiny_bundle, labels=LABELS, parents=PARENTS, temperature=1.0, thresholds=Thresholds(confidence=0.6)
    )
    return Guard(bundle, None, None, Categories.of(bundle))


def judge(guard: Guard, probabilities: list[float], **asked: object) -> Verdict:
    options = Options(**{k: frozenset(v) if k in ("allow", "deny") else v for k, v in asked.items()})  # type: ignore
    [verdict] = guard.judge(Outputs(np.log(np.asarray([probabilities], np.float32)), None), [options])
    return verdict


def told(verdict: Verdict) -> tuple[str, float] | Reason | None:
    """The only tag, or the reason."""
    if verdict.decision is not Decision.ACCEPTED:
        return verdict.reason
    [tag] = verdict.tags
    return tag.label, round(tag.confidence, 4)


def test_the_nearest_category_that_is_sure_enough_is_the_tag(guard: Guard) -> None:
    verdict = judge(guard, HOUND)
    assert told(verdict) == ("hound", 0.85)
    assert verdict.reason is None
    assert verdict.scores["confidence"] == Score(verdict.tags[0].confidence, 0.6)
    assert verdict.scores["label:beagle"].value == pytest.approx(0.45)
    assert verdict.explanation == (
        "This looks like a kind of hound (85 %); which kind is uncertain: the best guess is beagle (45 %)."
    )


def test_a_category_of_categories_is_next(guard: Guard) -> None:
    assert told(judge(guard, DOG)) == ("dog", 0.85)
    assert told(judge(guard, [0.3, 0.1, 0.15, 0.35, 0.05, 0.05])) == ("animal", 0.9)


def test_a_jobs_own_least_confidence_counts_for_categories_too(guard: Guard) -> None:
    assert told(judge(guard, DOG, min_confidence=0.9)) == ("animal", 0.93)
    assert told(judge(guard, DOG, min_confidence=0.95)) is Reason.LOW_CONFIDENCE
    assert judge(guard, DOG, min_confidence=0.9).scores["confidence"].threshold == 0.9


def test_a_sum_that_meets_the_threshold_exactly_is_enough(guard: Guard) -> None:
    assert guard.categories is not None
    half = np.asarray([0.5, 0.25, 0.25, 0, 0, 0], np.float32)
    assert guard.categories.sure(Tag("beagle", 0.5), half, 0.75, Options()) == Tag("hound", 0.75)
    assert guard.categories.sure(Tag("beagle", 0.5), half, 0.7501, Options()) == Tag("dog", 1.0)


def test_without_a_category_that_is_sure_the_picture_is_rejected_as_ever(guard: Guard) -> None:
    nothing_above = judge(guard, [0.1, 0.1, 0.1, 0.1, 0.1, 0.5])
    assert told(nothing_above) is Reason.LOW_CONFIDENCE
    assert nothing_above.scores["confidence"].value == pytest.approx(0.5)
    assert "sofa" in nothing_above.explanation
    assert told(judge(guard, [0.1, 0.1, 0.1, 0.1, 0.5, 0.1])) is Reason.LOW_CONFIDENCE


def test_a_sure_label_gets_no_categories_beside_it(guard: Guard) -> None:
    verdict = judge(guard, [0.7, 0.2, 0.02, 0.02, 0.03, 0.03])
    assert [tag.label for tag in verdict.tags] == ["beagle", "basset"]
    assert set(verdict.scores) == {"confidence", "novelty"}


def test_what_a_job_denies_adds_nothing(guard: Guard) -> None:
    assert told(judge(guard, HOUND, deny=["basset"])) is Reason.LOW_CONFIDENCE  # 0.54 of animals are left
    assert told(judge(guard, DOG, deny=["basset"])) == ("dog", 0.63)
    assert told(judge(guard, DOG, deny=["tabby"])) == ("dog", 0.85)


def test_a_denied_category_denies_everything_beneath_it(guard: Guard) -> None:
    sure = [0.9, 0.02, 0.02, 0.02, 0.02, 0.02]
    for denied in ("beagle", "hound", "dog", "animal"):
        assert told(judge(guard, sure, deny=[denied])) is Reason.LOW_CONFIDENCE
    assert told(judge(guard, [0.2, 0.2, 0.5, 0.04, 0.03, 0.03], deny=["hound"])) is Reason.LOW_CONFIDENCE
    assert told(judge(guard, [0.1, 0.1, 0.4, 0.35, 0.03, 0.02], deny=["hound"])) == ("animal", 0.75)


def test_an_allowed_category_allows_everything_beneath_it_and_nothing_above(guard: Guard) -> None:
    assert told(judge(guard, HOUND, allow=["dog"])) == ("hound", 0.85)
    assert told(judge(guard, DOG, allow=["dog"])) == ("dog", 0.85)
    assert told(judge(guard, DOG, allow=["hound"])) is Reason.LOW_CONFIDENCE
    assert told(judge(guard, [0.9, 0.02, 0.02, 0.02, 0.02, 0.02], allow=["animal"])) == ("beagle", 0.9)
    assert told(judge(guard, HOUND, allow=["animal"], deny=["dog"])) is Reason.LOW_CONFIDENCE


def test_allowed_labels_alone_bring_no_category(guard: Guard) -> None:
    assert told(judge(guard, HOUND, allow=["beagle", "basset"])) is Reason.LOW_CONFIDENCE
    none = judge(guard, HOUND, allow=["street"])
    assert (told(none), none.scores["confidence"].value) == (Reason.LOW_CONFIDENCE, 0.0)


def test_what_is_strange_is_strange_however_sure_a_category_is(guard: Guard) -> None:
    strict = replace(guard.bundle, thresholds=Thresholds(confidence=0.6, gen_normal=0.1))
    assert told(judge(replace(guard, bundle=strict), HOUND)) is Reason.OUT_OF_DISTRIBUTION


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_fails_alone(guard: Guard, bad: float) -> None:
    logits = np.log(np.asarray([HOUND, HOUND, DOG], np.float32))
    logits[1, 5] = bad
    verdicts = guard.judge(Outputs(logits, None), [Options()] * 3)
    assert [told(verdict) for verdict in verdicts] == [("hound", 0.85), Reason.INTERNAL_ERROR, ("dog", 0.85)]


def test_each_picture_is_judged_by_its_own_options(guard: Guard) -> None:
    logits = np.log(np.asarray([HOUND] * 3, np.float32))
    options = [Options(), Options(deny=frozenset({"hound"})), Options(min_confidence=0.88)]
    found = [told(verdict) for verdict in guard.judge(Outputs(logits, None), options)]
    assert found == [("hound", 0.85), Reason.LOW_CONFIDENCE, ("dog", 0.9)]


def test_without_categories_nothing_changes(guard: Guard) -> None:
    plain = replace(guard.bundle, parents={})
    assert Categories.of(plain) is None
    logits = np.random.default_rng(5).normal(size=(300, 6)).astype(np.float32) * 2
    options = [Options(deny=frozenset({"oak"}))] * 300
    with_, without = (
        guard.judge(Outputs(logits, None), options),
        Guard(plain, None, None, None).judge(Outputs(logits, None), options),
    )
    changed = [(a, b) for a, b in zip(with_, without, strict=True) if a != b]
    assert 30 < len(changed) < 200
    assert all(b.reason is Reason.LOW_CONFIDENCE and a.tags[0].label not in LABELS for a, b in changed)


def test_categories_of_imagenet(tiny_bundle: Bundle) -> None:
    known = json.loads((Path(categories.__file__).parent / "imagenet.json").read_text())
    parents = known["parents"]
    labels = tuple(known["labels"])
    assert set(labels) <= set(parents), "no label is without a category"
    bundle = replace(tiny_bundle, labels=labels, parents=parents, thresholds=Thresholds(confidence=0.6))
    bundle.check()
    found = Categories.of(bundle)
    assert found is not None
    assert found.over["golden retriever"] == ("retriever", "dog", "animal")
    assert set(found.rows) == set(parents.values()), "no category is empty"
    assert all(len(rows) == len(found.family[name] & set(labels)) for name, rows in found.rows.items())
    dogs = found.rows["dog"]
    assert len(dogs) > 100
    spread = np.zeros(1000, np.float32)
    spread[dogs] = 0.9 / len(dogs)
    best = Tag("golden retriever", float(spread[labels.index("golden retriever")]))
    sure = found.sure(best, spread, 0.6, Options())
    assert sure is not None and (sure.label, round(sure.confidence, 4)) == ("dog", 0.9)
