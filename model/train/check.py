"""The first half of a run: photos opened, read, and looked at, before anything is trained."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.train import twins
from model.train.config import TrainConfig
from model.train.data import open_photos, split
from model.train.prepare import Facts, Prepared, prepare, refuse
from model.train.progress import Progress, quiet
from model.train.survey import summary, survey
from model.train.survey_page import FINDINGS, PAGE, write


def check(config: TrainConfig, report: Callable[[str], None], progress: Progress = quiet) -> tuple[Prepared, Prepared]:
    """Reads the training and validation photos, writes the survey into the workspace and reports it in words.

    Where no validation photos are given, a share of the others is set apart, the same every time, with twins on one
    side. Raises ``DataError`` for data that cannot be trained on: at once where that shows without reading, else after
    the survey is written.
    """
    photos = open_photos(config.data, labels=config.labels)
    if config.validation is None:

        def parted(facts: Facts) -> Sequence[NDArray[np.int64]]:
            same = twins.find(tuple(facts.digest.tolist()), facts.hash, facts.thumb).groups(len(photos))
            return split(photos.targets, config.validation_share, config.seed, same)

        named = f"split {config.validation_share} {config.seed}"
        parts = prepare(photos, config.size, config.workspace, progress, parted, named)
    else:
        # Opened before the first is read: what is wrong with it is said at once.
        apart = open_photos(config.validation, photos.labels)
        parts = tuple(prepare(each, config.size, config.workspace, progress)[0] for each in (photos, apart))
    found = survey(parts, config.size)
    page = write(config.workspace, parts, found, config.stages[-1], config.seed)
    for line in summary(found.findings):
        report(line)
    report(f"more about the data, with samples: {page}")
    refuse(*parts)
    known, held = parts
    return known, held


def findings(config: TrainConfig) -> dict[str, Any]:
    """What `check` found, as it stands in the workspace's ``data.json``, and the ``page`` about it."""
    found: dict[str, Any] = json.loads((config.workspace / FINDINGS).read_text(encoding="utf-8"))
    return {"page": str(config.workspace / PAGE), **found}
