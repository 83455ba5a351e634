"""Every layer's answer on a set of pictures, for the figures: rejected pictures keep their scores too."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Backend
from model.bundle import Bundle
from model.confidence import softmax
from model.decode import Decoded
from model.guard import Guard
from model.novelty import gen
from model.report.pictures import careful
from model.sandbox import DecodePool
from model.verdict import Decision, Novelty, Options, Reason, Unreadable, Verdict

BATCH = 32
AHEAD = 64
ODD, STRANGE, UNSURE = "statistics", "novelty", "confidence"
LAYERS = {
    ODD: (Reason.BLANK, Reason.UNNATURAL_STATISTICS),
    STRANGE: (Reason.OUT_OF_DISTRIBUTION,),
    UNSURE: (Reason.LOW_CONFIDENCE,),
}
"""The guards that need the model, in the order in which they object, with their reasons."""


@dataclass(frozen=True, slots=True)
class Judged:
    """N pictures with the answers of all layers, and the others.

    ``probabilities`` and ``uncalibrated`` (temperature 1) are float32 [N, C]; ``novelty`` is the score that the guard
    holds against its threshold, ``gen`` the generalised entropy, both float32 [N]. ``verdicts`` are those of normal
    strictness. ``alone`` maps each of `LAYERS` to what it objects to by itself, ``kept`` each strictness to what all
    layers accept, both bool [N]. ``limits`` maps a strictness to its novelty threshold. ``lost`` names the pictures
    that have no answer: unreadable files, and what went wrong on our side. ``categories`` are the tags of those that
    have a category instead of a label, else empty; it has no entries for a model without categories.
    """

    names: tuple[str, ...]
    probabilities: NDArray[np.float32]
    uncalibrated: NDArray[np.float32]
    novelty: NDArray[np.float32]
    gen: NDArray[np.float32]
    verdicts: tuple[Verdict, ...]
    alone: Mapping[str, NDArray[np.bool_]]
    kept: Mapping[Novelty, NDArray[np.bool_]]
    limits: Mapping[Novelty, float | None]
    lost: tuple[tuple[str, Verdict], ...]
    categories: tuple[str, ...] = ()

    @property
    def guesses(self) -> NDArray[np.int64]:
        """The likeliest label's number, int64 [N], rejected or not."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The likeliest label's probability, float32 [N]."""
        return np.asarray(self.probabilities.max(axis=1), dtype=np.float32)

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Which pictures passed every guard at normal strictness, bool [N]."""
        return self.kept[Novelty.NORMAL]

    def share(self, *reasons: Reason) -> float:
        """The share of the N pictures rejected for one of ``reasons``."""
        return sum(verdict.reason in reasons for verdict in self.verdicts) / len(self.verdicts)


def decoded(
    pool: DecodePool, size: int, names: Iterable[str], read: Callable[[str], bytes]
) -> Iterator[tuple[str, Decoded | Unreadable]]:
    """Each named picture, in order, or why it cannot be read; the pool works a few dozen pictures ahead."""
    ahead: deque[tuple[str, Future[Decoded]]] = deque()

    def first() -> tuple[str, Decoded | Unreadable]:
        name, future = ahead.popleft()
        try:
            return name, future.result()
        except Unreadable as refusal:
            return name, refusal

    try:
        for name in names:
            ahead.append((name, pool.submit(partial(careful, read, name), size)))
            if len(ahead) > AHEAD:
                yield first()
        while ahead:
            yield first()
    finally:
        for _, future in ahead:
            future.cancel()


def judge(
    bundle: Bundle,
    backend: Backend,
    pictures: Iterable[tuple[str, Decoded | Unreadable]],
    seen: Callable[[int], None] = lambda count: None,
) -> Judged:
    """Runs the network on every readable picture and asks every layer. ``seen`` hears how many more are done."""
    tally = _Tally(bundle, backend, Guard.of(bundle))
    waiting: list[tuple[str, Decoded]] = []
    for name, picture in pictures:
        if isinstance(picture, Unreadable):
            tally.lost.append((name, picture.verdict()))
            seen(1)
            continue
        waiting.append((name, picture))
        if len(waiting) == BATCH:
            tally.add(waiting)
            seen(len(waiting))
            waiting = []
    if waiting:
        tally.add(waiting)
        seen(len(waiting))
    return tally.judged()


@dataclass(slots=True)
class _Tally:
    bundle: Bundle
    backend: Backend
    guard: Guard
    names: list[str] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    looks: list[Verdict | None] = field(default_factory=list)
    verdicts: dict[Novelty, list[Verdict]] = field(default_factory=lambda: {strictness: [] for strictness in Novelty})
    lost: list[tuple[str, Verdict]] = field(default_factory=list)

    def add(self, batch: Sequence[tuple[str, Decoded]]) -> None:
        """Judges a batch at each strictness. A picture whose answer is not finite is lost."""
        outputs = self.backend.run(np.stack([picture.pixels for _, picture in batch]))
        answers = {
            strictness: self.guard.judge(outputs, [Options(novelty=strictness)] * len(batch)) for strictness in Novelty
        }
        for row, (name, picture) in enumerate(batch):
            if answers[Novelty.NORMAL][row].decision is Decision.FAILED:
                self.lost.append((name, answers[Novelty.NORMAL][row]))
                continue
            self.names.append(name)
            self.logits.append(outputs.logits[row])
            self.looks.append(self.guard.look(picture.statistics)[0])
            for strictness in Novelty:
                self.verdicts[strictness].append(answers[strictness][row])

    def judged(self) -> Judged:
        """All batches as one."""
        logits = np.stack(self.logits) if self.logits else np.empty((0, len(self.bundle.labels)), np.float32)
        normal = self.verdicts[Novelty.NORMAL]
        natural = np.array([look is None for look in self.looks], dtype=np.bool_)
        probabilities = softmax(logits, self.bundle.temperature) if len(logits) else logits
        strange = [verdict.scores[STRANGE] for verdict in normal]
        sure = [verdict.scores[UNSURE] for verdict in self.verdicts[Novelty.OFF]]
        return Judged(
            names=tuple(self.names),
            probabilities=probabilities,
            uncalibrated=softmax(logits) if len(logits) else logits,
            novelty=np.array([score.value for score in strange], dtype=np.float32),
            gen=gen(probabilities),
            verdicts=tuple(look or verdict for look, verdict in zip(self.looks, normal, strict=True)),
            alone={
                ODD: ~natural,
                STRANGE: np.array([s.threshold is not None and s.value > s.threshold for s in strange], dtype=np.bool_),
                UNSURE: np.array([s.threshold is not None and s.value < s.threshold for s in sure], dtype=np.bool_),
            },
            kept={
                strictness: natural & np.array([v.decision is Decision.ACCEPTED for v in verdicts], dtype=np.bool_)
                for strictness, verdicts in self.verdicts.items()
            },
            limits={
                strictness: verdicts[0].scores[STRANGE].threshold if verdicts else None
                for strictness, verdicts in self.verdicts.items()
            },
            lost=tuple(self.lost),
            categories=tuple(map(self._category, self.verdicts[Novelty.OFF])) if self.bundle.parents else (),
        )

    def _category(self, verdict: Verdict) -> str:
        tag = verdict.tags[0].label if verdict.tags else ""
        return "" if tag in self.bundle.labels else tag
