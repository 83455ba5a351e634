"""From a bundle and photos to report.html and report.json."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from model import selfcheck
from model.automatic import quickest
from model.backends.choose import open_backend
from model.bundle import Bundle
from model.cores import cores
from model.limits import Limits
from model.report.findings import SHEET, findings
from model.report.judged import Judged, decoded, judge
from model.report.page import page
from model.report.pictures import NoPictures, Pictures, careful
from model.sandbox import DecodePool
from model.train.data import DataError, PhotoSet
from model.train.progress import Progress, quiet
from model.verdict import Unreadable

PAGE, FINDINGS = "report.html", "report.json"
THUMBNAIL = 220
"""Pixels of a thumbnail's longer side."""


def make_report(
    bundle: Bundle,
    title: str,
    photos: PhotoSet,
    outside: Sequence[Pictures],
    folder: Path,
    *,
    backend: str = "auto",
    device: str = "auto",
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Judges labelled ``photos`` and pictures from ``outside``, writes `PAGE` and `FINDINGS` into ``folder``, and
    returns the findings. ``progress`` hears each set's title and how many of its pictures are judged.

    The page holds small copies of some of the pictures. Raises ``DataError`` for labels that the bundle does not have,
    a folder inside the bundle, or no readable photo; `NoPictures` for a set without a readable picture; and what
    `open_backend` and `selfcheck.check` raise.
    """
    if folder.resolve().is_relative_to(bundle.path.resolve()):
        raise DataError("The report holds small copies of photos: it cannot be written into the model's own folder.")
    targets = dict(zip(photos.names, _targets(bundle, photos), strict=True))
    known_set = Pictures(title, photos.names, photos.read)
    sets = [known_set, *_apart(title, outside)]
    # One thread: the guards' matrices are small, and the cores are the decoders'.
    with threadpool_limits(limits=1, user_api="blas"), DecodePool(cores(), Limits()) as pool:
        network = open_backend(quickest(bundle, device) if backend == "auto" else backend, bundle, device)
        try:
            selfcheck.check(network, bundle)
            judged = [_judge(bundle, network, pool, each, progress) for each in sets]
        finally:
            network.close()
        known = judged[0]
        found = findings(
            bundle,
            network,
            title,
            known,
            np.array([targets[name] for name in known.names], dtype=np.int64),
            {each.title: answers for each, answers in zip(sets[1:], judged[1:], strict=True)},
        )
        thumbnails = _thumbnails(pool, sets, found)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FINDINGS).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(found, thumbnails), encoding="utf-8")
    return found


def _targets(bundle: Bundle, photos: PhotoSet) -> NDArray[np.int64]:
    """The photos' labels as numbers in the bundle, which may know more of them."""
    strangers = [label for label in photos.labels if label not in bundle.labels]
    if strangers:
        raise DataError(
            f"The model {bundle.name} has no label {', '.join(strangers)}; it has {', '.join(bundle.labels)}. "
            "Pictures that it does not know go into a folder of their own (--ood)."
        )
    places = np.array([bundle.labels.index(label) for label in photos.labels], dtype=np.int64)
    return np.asarray(places[photos.targets], dtype=np.int64)


def _apart(title: str, outside: Sequence[Pictures]) -> Iterable[Pictures]:
    """The sets under titles that differ: a second ``drawn`` becomes ``drawn (2)``."""
    taken = {title}
    for each in outside:
        name, number = each.title, 2
        while name in taken:
            name, number = f"{each.title} ({number})", number + 1
        taken.add(name)
        yield Pictures(name, each.names, each.read)


def _judge(bundle: Bundle, network: Any, pool: DecodePool, pictures: Pictures, progress: Progress) -> Judged:
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        progress(pictures.title, done, len(pictures.names))

    seen(0)
    judged = judge(bundle, network, decoded(pool, bundle.input_size, pictures.names, pictures.read), seen)
    if not judged.names:
        raise NoPictures(f"none of the {len(pictures.names)} files of {pictures.title} could be read as a picture")
    return judged


def _thumbnails(pool: DecodePool, sets: Sequence[Pictures], found: Mapping[str, Any]) -> dict[tuple[str, str], bytes]:
    """Small JPEGs without metadata of all pictures on the sheets, by set and name."""
    known = [picture["name"] for picture in (*found["mistakes"], *found["label_errors"]["photos"][:SHEET])]
    wanted = [known, *([picture["name"] for picture in each["misread"]] for each in found["outside"].values())]
    made: dict[tuple[str, str], bytes] = {}
    for each, names in zip(sets, wanted, strict=True):
        for name in dict.fromkeys(names):
            try:
                made[each.title, name] = pool.preview(careful(each.read, name), THUMBNAIL)
            except Unreadable:  # it was readable a moment ago; the page shows a blank
                continue
    return made
