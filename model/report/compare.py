"""Two models on the same pictures: what the new one fixes, what it breaks, and whether that is more than chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
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
from model.lineage import above
from model.report.judged import Judged, decoded, judge
from model.report.paired import holm, mcnemar
from model.report.pictures import NoPictures, Pictures, open_pictures
from model.sandbox import DecodePool
from model.train.data import open_photos
from model.verdict import Decision

LIMIT = 0.05
"""The chance below which a difference counts as more than chance, for all tests together."""

BETTER, WORSE, MIXED, SAME = "better", "worse", "mixed", "same"
GOOD = {
    "right": "photos whose likeliest label is right",
    "tagged": "photos that are accepted with the right tag",
    "misled": "photos that are not given a wrong tag",
    "refused": "pictures from outside that are refused",
}
"""What is tested, each as something of which more is better."""

Progress = Callable[[str, int, int], None]
"""Hears what is judged, how many pictures are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures whose right label is known: ``labels`` maps each name to it."""

    pictures: Pictures
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Side:
    """One model's answers on N pictures in a given order; ``tags`` is the first tag, empty for a rejected picture."""

    guesses: NDArray[np.str_]
    tags: NDArray[np.str_]
    ends: tuple[str, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        return np.asarray(self.tags != "", dtype=np.bool_)


def open_labelled(path: Path, labels: tuple[str, ...]) -> Labelled:
    """The pictures of a folder or ZIP that lie in a folder each, whose name is their label; or an ``.npz``'s test part.

    ``labels`` names the numbers of an ``.npz``. Raises `NoPictures`, and ``DataError`` for arrays that do not fit.
    """
    if path.suffix.lower() == ".npz":
        arrays = open_photos(path, part="test", labels=labels)
        named = dict(zip(arrays.names, (arrays.labels[i] for i in arrays.targets), strict=True))
        return Labelled(Pictures(path.stem, arrays.names, arrays.read), named)
    found = open_pictures(path)
    named = {name: PurePosixPath(name).parent.name for name in found.names if PurePosixPath(name).parent.name}
    if not named:
        raise NoPictures(f"the pictures of {path} lie in no folders; the name of its folder is a photo's label")
    return Labelled(Pictures(found.title, tuple(named), found.read), named)


def compare(
    old: Bundle,
    new: Bundle,
    photos: Labelled,
    outside: Sequence[Pictures] = (),
    *,
    backend: str = "auto",
    device: str = "auto",
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Any]:
    """Judges everything with both models and returns the findings as plain JSON.

    Pictures that either model has no answer for are listed and left out. Raises `NoPictures` where none is left, and
    what `open_backend` and `selfcheck.check` raise.
    """
    sets = [photos.pictures, *outside]
    # One thread: the guards' matrices are small, and the cores are the decoders'.
    with threadpool_limits(limits=1, user_api="blas"), DecodePool(cores(), Limits()) as pool:
        before = _judge(old, sets, pool, backend, device, progress)
        after = _judge(new, sets, pool, backend, device, progress)
    pairs = [_paired(old, new, one, other) for one, other in zip(before, after, strict=True)]
    for each, (names, _, _) in zip(sets, pairs, strict=True):
        if not names:
            raise NoPictures(f"none of the {len(each.names)} files of {each.title} could be read as a picture")
    return _findings(old, new, photos, outside, pairs, _lost(sets, before, after))


def _judge(
    bundle: Bundle, sets: Sequence[Pictures], pool: DecodePool, backend: str, device: str, progress: Progress
) -> list[Judged]:
    network = open_backend(quickest(bundle, device) if backend == "auto" else backend, bundle, device)
    total, done = sum(len(each.names) for each in sets), 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        progress(f"{bundle.name} {bundle.version}", done, total)

    try:
        selfcheck.check(network, bundle)
        return [judge(bundle, network, decoded(pool, bundle.input_size, s.names, s.read), seen) for s in sets]
    finally:
        network.close()


def _paired(old: Bundle, new: Bundle, before: Judged, after: Judged) -> tuple[tuple[str, ...], _Side, _Side]:
    """The names that both have an answer for, and both sides' answers in that order."""
    both = {*before.names} & {*after.names}
    names = tuple(name for name in before.names if name in both)
    return names, _side(old, before, names), _side(new, after, names)


def _side(bundle: Bundle, judged: Judged, names: tuple[str, ...]) -> _Side:
    place = {name: i for i, name in enumerate(judged.names)}
    rows = [place[name] for name in names]
    verdicts = [judged.verdicts[i] for i in rows]
    tags = [v.tags[0].label if v.decision is Decision.ACCEPTED else "" for v in verdicts]
    return _Side(
        np.array([bundle.labels[judged.guesses[i]] for i in rows], dtype=np.str_),
        np.array(tags, dtype=np.str_),
        tuple("accepted" if v.reason is None else v.reason.value for v in verdicts),
    )


def _findings(
    old: Bundle,
    new: Bundle,
    photos: Labelled,
    outside: Sequence[Pictures],
    pairs: Sequence[tuple[tuple[str, ...], _Side, _Side]],
    lost: list[dict[str, str]],
) -> dict[str, Any]:
    names, before, after = pairs[0]
    truth = np.array([photos.labels[name] for name in names], dtype=np.str_)
    right = before.guesses == truth, after.guesses == truth
    tagged = _tagged(old, before, truth), _tagged(new, after, truth)
    tests = {
        "right": _test(*right),
        "tagged": _test(*tagged),
        "misled": _test(~before.accepted | tagged[0], ~after.accepted | tagged[1]),
    }
    if outside:
        refused = [(~one.accepted, ~other.accepted) for _, one, other in pairs[1:]]
        tests["refused"] = _test(*(np.concatenate(side) for side in zip(*refused, strict=True)))
    raised = holm([test["chance"] for test in tests.values()])
    for test, chance in zip(tests.values(), raised, strict=True):
        test["raised"] = chance
    verdict = _verdict(list(tests.values()))
    found = {
        "old": _model(old, before, truth, right[0], tagged[0]),
        "new": _model(new, after, truth, right[1], tagged[1]),
        "data": {"title": photos.pictures.title, "photos": len(names), "lost": lost},
        "per_label": {label: _label(label, truth, before, after) for label in sorted({*truth.tolist()})},
        "tests": tests,
        "outside": {
            each.title: {
                "pictures": len(pair[0]),
                "old_refused": _share(~pair[1].accepted),
                "new_refused": _share(~pair[2].accepted),
            }
            for each, pair in zip(outside, pairs[1:], strict=True)
        },
        "fixed": _changes(names, truth, before, after, ~right[0] & right[1]),
        "broken": _changes(names, truth, before, after, right[0] & ~right[1]),
        "verdict": verdict,
    }
    return found | {"sentence": sentence(found)}


def _tagged(bundle: Bundle, side: _Side, truth: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Whether each picture is accepted with its label, or with a category that its label belongs to, bool [N]."""
    fits = {label: {label, *above(label, bundle.parents)} for label in set(truth.tolist())}
    return np.array([tag in fits[label] for tag, label in zip(side.tags, truth, strict=True)], dtype=np.bool_)


def _test(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, Any]:
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return {
        "old": _share(before),
        "new": _share(after),
        "gained": gained,
        "lost": lost,
        "chance": mcnemar(gained, lost),
    }


def _verdict(tests: Sequence[Mapping[str, Any]]) -> str:
    """Better where a difference is more than chance and all such go one way; mixed where they do not."""
    sure = [test["gained"] > test["lost"] for test in tests if test["raised"] < LIMIT]
    if not sure:
        return SAME
    return BETTER if all(sure) else MIXED if any(sure) else WORSE


def _model(
    bundle: Bundle, side: _Side, truth: NDArray[np.str_], right: NDArray[np.bool_], tagged: NDArray[np.bool_]
) -> dict[str, Any]:
    kept = side.accepted
    return {
        "name": bundle.name,
        "version": bundle.version,
        "checksum": bundle.checksum,
        "accuracy": _share(right),
        "coverage": _share(kept),
        "accepted_accuracy": _share(tagged[kept]) if kept.any() else None,
        "unknown_labels": sorted({*truth.tolist()} - {*bundle.labels}),
    }


def _label(label: str, truth: NDArray[np.str_], before: _Side, after: _Side) -> dict[str, Any]:
    own = truth == label
    scores = []
    for side in (before, after):
        said = side.guesses == label
        scores.append(round(2 * float((said & own).sum()) / float(said.sum() + own.sum()), 4))
    return {"photos": int(own.sum()), "old_f1": scores[0], "new_f1": scores[1]}


def _changes(
    names: tuple[str, ...], truth: NDArray[np.str_], before: _Side, after: _Side, chosen: NDArray[np.bool_]
) -> list[dict[str, str]]:
    return [
        {
            "name": names[i],
            "label": str(truth[i]),
            "old": str(before.guesses[i]),
            "old_end": before.ends[i],
            "new": str(after.guesses[i]),
            "new_end": after.ends[i],
        }
        for i in np.flatnonzero(chosen)
    ]


def _lost(sets: Sequence[Pictures], before: Sequence[Judged], after: Sequence[Judged]) -> list[dict[str, str]]:
    """What has no answer, once each, with the reason."""
    found = []
    for each, one, other in zip(sets, before, after, strict=True):
        reasons = {name: str(verdict.reason) for name, verdict in (*one.lost, *other.lost)}
        found += [{"set": each.title, "name": name, "reason": reason} for name, reason in reasons.items()]
    return found


def _share(chosen: NDArray[np.bool_]) -> float:
    return round(float(chosen.mean()), 4)


def chance(value: float) -> str:
    """A chance in words."""
    if value < 0.001:
        return "less than 1 in 1,000"
    return f"{100 * value:.1f} %" if value < 0.0995 else f"{100 * value:.0f} %"


def sentence(found: Mapping[str, Any]) -> str:
    """What the findings come to, for a person who has to decide."""
    photos, tests = found["data"]["photos"], found["tests"]
    sure = {name: test for name, test in tests.items() if test["raised"] < LIMIT}
    up = [_said(name, test) for name, test in sure.items() if test["gained"] > test["lost"]]
    down = [_said(name, test) for name, test in sure.items() if test["gained"] < test["lost"]]
    pictures = f"{photos:,} photo" + ("s" if photos != 1 else "")
    if found["verdict"] == SAME:
        right = tests["right"]
        changed = right["gained"] + right["lost"]
        these = "this" if photos == 1 else "these"
        return (
            f"no difference that {these} {pictures} could show: {changed:,} changed between right and wrong, "
            f"{right['gained']:,} for the better, which may well be chance"
        )
    if found["verdict"] == MIXED:
        return f"the new model is better in {_joined(up)}, but worse in {_joined(down)}: look at the photos and decide"
    return f"the new model is {found['verdict']} on {pictures}: {_joined(up or down)}"


def _said(name: str, test: Mapping[str, Any]) -> str:
    return f"{GOOD[name]} ({100 * test['new']:.1f} % instead of {100 * test['old']:.1f} %)"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
