import numpy as np
import pytest

from model.novelty import Novelty, fit, gen, normalise


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    centres = random.normal(size=(4, 24)) * 2
    targets = np.repeat(np.arange(4), 150)
    return (centres[targets] + random.normal(size=(600, 24)) * 0.4).astype(np.float32), targets


def relative_mahalanobis(features, targets, others):
    """The definition, with both covariances in full."""
    rows, others = normalise(features).astype(float), normalise(others).astype(float)
    mean = rows.mean(axis=0)
    classes = np.stack([rows[targets == label].mean(axis=0) for label in range(targets.max() + 1)])
    inner = rows - classes[targets]
    within = inner.T @ inner / len(rows)
    ridge = (np.trace(within) / len(within) + 1e-12) * np.eye(len(within))
    within, total = np.linalg.inv(within + ridge), np.linalg.inv(np.cov(rows.T, bias=True) + ridge)
    own = np.stack([np.einsum("ni,ij,nj->n", others - centre, within, others - centre) for centre in classes])
    return own.min(axis=0) - np.einsum("ni,ij,nj->n", others - mean, total, others - mean)


def test_the_discriminants_alone_give_the_full_relative_distance(clusters):
    features, targets = clusters
    others = np.random.default_rng(4).normal(size=(50, 24)).astype(np.float32)
    expected = relative_mahalanobis(features, targets, others)
    own = relative_mahalanobis(features, targets, features)
    found = fit(features, targets, absolute=0).distance(others)
    np.testing.assert_allclose(found * own.std(), expected, rtol=0.02, atol=0.02 * expected.std())


def test_the_plain_distance_sees_what_parts_no_classes(clusters):
    features, targets = clusters
    flat = np.hstack([features, np.random.default_rng(8).normal(size=(600, 8)).astype(np.float32) * 0.1])
    strange = flat.copy()
    strange[:, -1] += 3
    scores = {weight: fit(flat, targets, absolute=weight) for weight in (0.0, 1.0)}
    gap = {
        weight: np.median(known.distance(strange)) - np.median(known.distance(flat)) for weight, known in scores.items()
    }
    assert gap[1.0] > 5 > abs(gap[0.0])


def test_strangers_score_higher_than_the_learnt(clusters):
    features, targets = clusters
    novelty = fit(features, targets)
    strangers = np.random.default_rng(5).normal(size=(200, 24)).astype(np.float32) * 2
    assert np.median(novelty.distance(strangers)) > np.quantile(novelty.distance(features), 0.99)


def test_the_length_of_a_feature_vector_says_nothing(clusters):
    features, targets = clusters
    novelty = fit(features, targets)
    np.testing.assert_allclose(novelty.distance(features * 7), novelty.distance(features), rtol=1e-3, atol=1e-3)


def test_stored_statistics_score_the_same_and_stay_small(clusters):
    features, targets = clusters
    novelty = fit(features, targets)
    arrays = novelty.to_arrays()
    np.testing.assert_array_equal(Novelty.from_arrays(arrays).distance(features), novelty.distance(features))
    assert sum(array.nbytes for array in arrays.values()) < 4000


def test_a_thousand_classes_fit_in_the_bundle():
    random = np.random.default_rng(6)
    targets = np.arange(1200) % 600
    features = random.normal(size=(1200, 300)).astype(np.float32)
    novelty = fit(features, targets)
    assert novelty.directions.shape == (300, 192 + 128)
    assert np.isfinite(novelty.distance(features)).all()


def test_a_class_without_pictures_is_refused():
    with pytest.raises(ValueError, match="every class"):
        fit(np.ones((4, 3), np.float32), np.array([0, 0, 2, 2]))


def test_gen_grows_with_doubt():
    sure, torn, lost = [0.998, 0.001, 0.001], [0.5, 0.499, 0.001], [1 / 3] * 3
    scores = gen(np.asarray([sure, torn, lost], np.float32))
    assert scores[0] < scores[1] < scores[2]
    assert gen(np.asarray([[1.0, 0.0]], np.float32))[0] == 0
    assert gen(np.full((1, 1000), 0.001, np.float32), top=10)[0] == pytest.approx(10 * (0.001 * 0.999) ** 0.1, rel=1e-3)
