"""The guards that need the bundle: statistics before the network; novelty and confidence after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from model import explain, statistics
from model.backends.base import Outputs
from model.bundle import NOVELTY, Bundle, BundleInvalid
from model.categories import Categories
from model.confidence import rank, softmax, tags
from model.novelty import Novelty, gen
from model.statistics import Ranges
from model.verdict import Decision, Options, Reason, Score, Verdict
from model.verdict import Novelty as Strictness


@dataclass(frozen=True, slots=True)
class Guard:
    """A bundle's calibration, ready to judge. Each part but the bundle is ``None`` where the bundle has none."""

    bundle: Bundle
    ranges: Ranges | None
    novelty: Novelty | None
    categories: Categories | None

    @classmethod
    def of(cls, bundle: Bundle) -> "Guard":
        """Reads the bundle's ranges and feature statistics. Raises `BundleInvalid` when they do not fit."""
        path = bundle.file(NOVELTY)
        try:
            ranges = None if bundle.statistics is None else Ranges.from_json(bundle.statistics)
            novelty = None if path is None else Novelty.from_arrays(load_file(path))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleInvalid(f"{bundle.path} has guards that this version cannot read: {error}") from error
        return cls(bundle, ranges, novelty, Categories.of(bundle))

    def look(self, measured: Sequence[float]) -> tuple[Verdict | None, dict[str, Score]]:
        """What `statistics.measure` found in a picture: a rejection or ``None``, and the score nearest its limit."""
        if self.ranges is None:
            return None, {}
        found = statistics.check(tuple(measured), self.ranges)
        scores = {f"statistics.{found.name}": Score(found.value, found.threshold)}
        if found.reason is None:
            return None, scores
        sentence = explain.statistics(found.reason, found.name)
        return Verdict(found.reason.decision, found.reason, sentence, scores=scores), scores

    def judge(self, outputs: Outputs, options: Sequence[Options]) -> list[Verdict]:
        """A verdict for each row of ``outputs``. A row that is not finite fails alone, as `internal_error`.

        Where no label is sure enough, the nearest category above the best that is becomes the tag.
        """
        whole = np.hstack([outputs.logits, outputs.logits[:, :0] if outputs.features is None else outputs.features])
        rows = [row for row in range(len(whole)) if np.isfinite(whole[row]).all()]
        verdicts = [failure(Reason.INTERNAL_ERROR)] * len(whole)
        probabilities = softmax(outputs.logits[rows], self.bundle.temperature)
        if self.novelty is not None and outputs.features is not None:
            strangeness, limits = self.novelty.score(outputs.features[rows], probabilities), self._feature_limits()
        else:
            strangeness, limits = gen(probabilities), self._gen_limits()
        spread = {} if self.categories is None else {one: self.categories.spread(one) for one in set(options)}
        for row, belief, strange in zip(rows, probabilities, strangeness, strict=True):
            novelty = Score(float(strange), limits[options[row].novelty])
            verdicts[row] = self._decide(belief, novelty, spread.get(options[row], options[row]))
        return verdicts

    def _decide(self, belief: NDArray[np.float32], novelty: Score, options: Options) -> Verdict:
        """One picture's verdict; a picture that is both strange and unsure is out of distribution."""
        ranked = rank(belief, self.bundle.labels, options, max(options.top_k, 1))
        best = ranked[0] if ranked else None
        threshold = max(self.bundle.thresholds.confidence, options.min_confidence or 0.0)
        scores = {"confidence": Score(0.0 if best is None else best.confidence, threshold), "novelty": novelty}
        guess = {} if best is None else {f"label:{best.label}": Score(best.confidence)}
        if novelty.threshold is not None and novelty.value > novelty.threshold:
            reason, sentence = Reason.OUT_OF_DISTRIBUTION, explain.out_of_distribution(best, self.bundle.knows)
        elif best is not None and best.confidence >= threshold:
            given = tags(ranked, options)
            return Verdict(Decision.ACCEPTED, None, explain.accepted(given), given, scores)
        elif best and self.categories and (wider := self.categories.sure(best, belief, threshold, options)):
            scores |= {"confidence": Score(wider.confidence, threshold)} | guess
            return Verdict(Decision.ACCEPTED, None, explain.category(wider, best), (wider,), scores)
        else:
            reason, sentence = Reason.LOW_CONFIDENCE, explain.low_confidence(best, threshold)
        return Verdict(reason.decision, reason, sentence, scores=scores | guess)

    def _feature_limits(self) -> dict[Strictness, float | None]:
        limits = self.bundle.thresholds
        return {
            Strictness.STRICT: limits.novelty_strict,
            Strictness.NORMAL: limits.novelty_normal,
            Strictness.OFF: None,
        }

    def _gen_limits(self) -> dict[Strictness, float | None]:
        limits = self.bundle.thresholds
        return {Strictness.STRICT: limits.gen_strict, Strictness.NORMAL: limits.gen_normal, Strictness.OFF: None}


def failure(reason: Reason) -> Verdict:
    """The verdict for what went wrong on our side."""
    return Verdict(reason.decision, reason, explain.failed(reason))
