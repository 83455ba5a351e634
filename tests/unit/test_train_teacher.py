from pathlib import Path

import numpy as np
import pytest
import torch

from model.bundle import Bundle
from model.train.config import TrainConfig
from model.train.data import DataError
from model.train.loop import Loop, Photos
from model.train.network import SMALL_CNN, as_images, create, judge, normalised
from model.train.teacher import Teacher, unexplained

SIZE = 32


def noisy(count: int, seed: int) -> Photos:
    random = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    pixels = random.integers(0, 120, (count, SIZE, SIZE, 3)) + 65 * targets[:, None, None, None]
    return Photos(pixels.astype(np.uint8), targets.astype(np.int64))


def pupil(tmp_path: Path, bundle: Bundle, outliers: bool = False, **changes: object) -> tuple[Loop, Teacher]:
    given: dict[str, object] = {
        "data": tmp_path,
        "out": tmp_path / "bundle",
        "architecture": SMALL_CNN,
        "size": SIZE,
        "sizes": (SIZE,),
        "batch": 12,
        "head_epochs": 0,
        "epochs": 10,
        "rate": 3e-3,
        "ema": 0.5,
        "drop": 0.0,
        "device": "cpu",
    }
    config = TrainConfig(**(given | changes))  # type: ignore[arg-type]
    torch.manual_seed(config.seed)
    teacher = Teacher.open(bundle.path, bundle.labels)
    strange = np.random.default_rng(9).integers(0, 255, (40, SIZE, SIZE, 3)).astype(np.uint8) if outliers else None
    network = create(SMALL_CNN, len(bundle.labels))
    return Loop(config, network, noisy(48, 0), noisy(12, 1), lambda words: None, teacher, strange), teacher


def gap(loop: Loop, teacher: Teacher) -> float:
    """What the pupil's features leave unexplained of the teacher's, on other pictures of the classes."""
    images = as_images(torch.from_numpy(noisy(33, 5).pixels))
    with torch.no_grad():
        own = judge(loop.average.module.eval(), normalised(images, loop.network))[1]
    return float(unexplained(own, teacher.judge(images)[1]))


@pytest.mark.parametrize("outliers", [False, True])
def test_a_pupil_grows_like_its_teacher_when_it_is_asked_to(
    tmp_path: Path, tiny_bundle: Bundle, outliers: bool
) -> None:
    asked, teacher = pupil(tmp_path / "asked", tiny_bundle, outliers, teacher_features=1.0)
    free, _ = pupil(tmp_path / "free", tiny_bundle, outliers, teacher_features=0.0)
    before = gap(asked, teacher)
    asked.run()
    free.run()
    assert gap(asked, teacher) < 0.5 * min(before, gap(free, teacher))


def test_nothing_is_left_to_explain_where_both_agree() -> None:
    taught = torch.rand(8, 5)
    assert float(unexplained(taught, taught)) == 0
    assert float(unexplained(taught.mean(0).expand(8, 5), taught)) == pytest.approx(1.0)


def test_a_teacher_of_other_labels_or_features_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="knows sunset, forest, sea, not cat, dog"):
        Teacher.open(tiny_bundle.path, ("cat", "dog"))
    with pytest.raises(DataError, match="has 192 features where 1280"):
        Teacher.open(tiny_bundle.path, tiny_bundle.labels, 1280)
    with pytest.raises(DataError, match="cannot be used"):
        Teacher.open(tmp_path, tiny_bundle.labels)
