"""Does a backend judge as float32 does? Probabilities, first labels and the guards' decisions, on the same pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from model import selfcheck
from model.backends.base import BackendMissing, Outputs
from model.backends.choose import SETTLED, missing
from model.bundle import REFERENCE, Bundle
from model.confidence import softmax
from model.guard import Guard
from model.turns import open_all
from model.verdict import Options

NEEDED = 0.995
"""The least share of pictures with the same first label, and with the same decision."""
REFERENCES = ("torch", "onnxruntime", "openvino-fp32")
"""What others are compared with: the first that is installed. All compute in float32, and are held to the bundle's
reference figures, which torch made."""


@dataclass(frozen=True, slots=True)
class Parity:
    """One backend beside ``reference`` on ``pictures`` pictures, or why there is nothing to compare (``problem``).

    ``probability`` is the largest difference of a calibrated probability. ``labels`` and ``decisions`` count the
    pictures with another first label, and with another decision of the guards after the network.
    """

    backend: str
    reference: str
    pictures: int = 0
    probability: float = 0.0
    labels: int = 0
    decisions: int = 0
    problem: str | None = None

    @property
    def same_labels(self) -> float:
        """The share of pictures with the same first label."""
        return 1 - self.labels / self.pictures if self.pictures else 0.0

    @property
    def same_decisions(self) -> float:
        """The share of pictures with the same decision."""
        return 1 - self.decisions / self.pictures if self.pictures else 0.0

    @property
    def passed(self) -> bool:
        """Whether both shares are at least `NEEDED`; of fewer than 200 pictures one may differ."""
        allowed = max(1, int((1 - NEEDED) * self.pictures + 1e-9))
        return self.pictures > 0 and max(self.labels, self.decisions) <= allowed

    @property
    def words(self) -> str:
        """All of it in a line."""
        if self.problem is not None:
            return f"{self.backend}: {self.problem}"
        return (
            f"{self.backend} gives {self.same_labels:.2%} of {self.pictures:,} photos the same label "
            f"and {self.same_decisions:.2%} the same decision"
        )

    def figures(self) -> dict[str, Any]:
        """As plain JSON, for the figures of a bundle: under ``parity`` and the backend's name."""
        return {
            "photos": self.pictures,
            "same_labels": round(self.same_labels, 4),
            "same_decisions": round(self.same_decisions, 4),
            "probability": round(self.probability, 4),
            "passed": self.passed,
        }

    def __add__(self, more: "Parity") -> "Parity":
        """Both together: the same backends on further pictures."""
        return Parity(
            self.backend,
            self.reference,
            self.pictures + more.pictures,
            max(self.probability, more.probability),
            self.labels + more.labels,
            self.decisions + more.decisions,
        )


def compare(guard: Guard, name: str, found: Outputs, reference: str, wanted: Outputs) -> Parity:
    """``found`` of the backend ``name`` beside ``wanted``, what the backend ``reference`` gave for the same pictures.

    The guards before the network see pixels alone, so they decide alike for all and are left out.
    """
    temperature = guard.bundle.temperature
    one, other = softmax(found.logits, temperature), softmax(wanted.logits, temperature)
    options = [Options()] * len(one)
    decided = zip(guard.judge(found, options), guard.judge(wanted, options), strict=True)
    apart = np.abs(one - other)
    return Parity(
        name,
        reference,
        len(one),
        float(np.where(np.isfinite(apart), apart, 1.0).max()),
        int((one.argmax(axis=1) != other.argmax(axis=1)).sum()),
        sum(mine.decision is not yours.decision for mine, yours in decided),
    )


def parity(
    bundle: Bundle,
    batches: Iterable[NDArray[np.uint8]],
    names: Sequence[str] = SETTLED,
    threads: int | None = None,
) -> list[Parity]:
    """A `Parity` for each of ``names``, in that order, on the processor; ``batches`` are uint8 [N, S, S, 3].

    Raises `BackendMissing` where none of `REFERENCES` is installed, and `SelfCheckFailed` when the one that is does not
    repeat the bundle's reference figures.
    """
    guard = Guard.of(bundle)
    reference = next((name for name in REFERENCES if missing(name, bundle) is None), None)
    if reference is None:
        raise BackendMissing("there is nothing to compare with: install openvino or onnxruntime")
    opened, problems = open_all(tuple(dict.fromkeys((reference, *names))), bundle, "cpu", threads)
    try:
        if reference not in opened:
            raise BackendMissing(problems[reference])
        selfcheck.check(opened[reference], bundle)
        sums = {name: Parity(name, reference) for name in names if name in opened}
        for batch in batches:
            wanted = opened[reference].run(batch)
            for name in sums:
                outputs = wanted if name == reference else opened[name].run(batch)
                sums[name] += compare(guard, name, outputs, reference, wanted)
    finally:
        for backend in opened.values():
            backend.close()
    return [sums[name] if name in sums else Parity(name, reference, problem=problems[name]) for name in names]


def drawn(bundle: Bundle, count: int = 64) -> NDArray[np.uint8]:
    """Pictures uint8 [count, S, S, 3] for where there are no photos: the bundle's reference pictures, and blends of two
    of them under soft colour clouds. The same for the same bundle."""
    random = np.random.default_rng(0)
    known = load_file(bundle.path / REFERENCE)["inputs"]
    size = bundle.input_size
    made = [np.asarray(picture) for picture in known[:count]]
    while len(made) < count:
        one, other = (np.rot90(known[random.integers(len(known))], int(random.integers(4))) for _ in range(2))
        share = random.uniform(0.2, 0.8)
        blend = (share * one + (1 - share) * other[:, ::-1]) * random.uniform(0.5, 1.1)
        clouds = np.kron(random.uniform(-60, 60, (4, 4, 3)), np.ones((-(-size // 4), -(-size // 4), 1)))
        made.append(np.clip(blend + clouds[:size, :size], 0, 255).astype(np.uint8))
    return np.stack(made)


def in_batches(pictures: Iterable[NDArray[np.uint8]], size: int = 16) -> Iterator[NDArray[np.uint8]]:
    """Pictures uint8 [S, S, 3] as batches [N, S, S, 3] of ``size``, the last of what is left."""
    batch: list[NDArray[np.uint8]] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
