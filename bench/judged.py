"""Every layer's answer on a set of pictures, for the figures: rejected pictures keep their scores too."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Backend
from model.bundle import Bundle
from model.confidence import softmax
from model.decode import decode
from model.guard import Guard
from model.limits import Limits
from model.novelty import gen
from model.verdict import Decision, Options, Reason, Verdict

BATCH = 32


@dataclass(frozen=True, slots=True)
class Judged:
    """N readable pictures: calibrated probabilities [N, C], novelty and GEN scores [N] and the final verdicts."""

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]
    gen: NDArray[np.float32]
    verdicts: tuple[Verdict, ...]

    @property
    def guesses(self) -> NDArray[np.int64]:
        """The likeliest label's number, int64 [N], rejected or not."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Which pictures passed every guard, bool [N]."""
        return np.array([verdict.decision is Decision.ACCEPTED for verdict in self.verdicts])

    def share(self, *reasons: Reason) -> float:
        """The share of pictures rejected for one of ``reasons``."""
        return sum(verdict.reason in reasons for verdict in self.verdicts) / len(self.verdicts)


def judge_all(bundle: Bundle, backend: Backend, pictures: Iterable[bytes], *, full: bool = False) -> Judged:
    """Decodes (``full``: every pixel, without the decoder's own scaling) and judges; all must be readable."""
    guard = Guard.of(bundle)
    looks, pixels = [], []
    for data in pictures:
        seen = decode(data, bundle.input_size, Limits(), full=full)
        looks.append(guard.look(seen.statistics)[0])
        pixels.append(seen.pixels)
    probabilities, far, entropy, verdicts = [], [], [], []
    for start in range(0, len(pixels), BATCH):
        outputs = backend.run(np.stack(pixels[start : start + BATCH]))
        probabilities.append(softmax(outputs.logits, bundle.temperature))
        assert guard.novelty is not None and outputs.features is not None
        far.append(guard.novelty.score(outputs.features))
        entropy.append(gen(probabilities[-1]))
        verdicts += guard.judge(outputs, [Options()] * len(outputs.logits))
    final = tuple(look or verdict for look, verdict in zip(looks, verdicts, strict=True))
    return Judged(np.concatenate(probabilities), np.concatenate(far), np.concatenate(entropy), final)


def read_zip(path: Path) -> dict[str, bytes]:
    """Every file of a ZIP, by name."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
