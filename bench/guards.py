"""Which novelty score is best? Every candidate on pictures that are in no test set:

    python -m bench.guards BUNDLE --train scenes-train.zip --validation scenes-val.zip --learn LEARN --choose CHOOSE

LEARN and CHOOSE are the folders that `bench.carve` made. Known are the validation photos and worse copies of them;
unknown are carved textures, carved things, and small pieces of validation photos, enlarged until they show no scene.
Prints a Markdown table: AUROC and FPR95 of each score on each kind. Nothing here sees a test set.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from bench.carve import STAMPS
from model import novelty
from model.bundle import WEIGHTS, Bundle
from model.confidence import softmax
from model.decode import decode
from model.figures import auroc, fpr95
from model.limits import Limits
from model.train.calibrate import varied
from model.train.data import open_photos
from model.train.network import as_images, create, judge, normalised

Floats = NDArray[np.float32]
PIECE = 6  # a piece's side is this part of the photo's
VARIED = 3000


class Answers:
    """What the network says of N pictures: logits [N, C], pooled features [N, F], and pooled maps of each stage."""

    def __init__(self, network: nn.Module, pixels: NDArray[np.uint8]) -> None:
        stages: list[torch.Tensor] = []
        blocks = getattr(network, "blocks", ())
        hooks = [block.register_forward_hook(lambda *given: stages.append(given[2].mean((2, 3)))) for block in blocks]
        rows: list[list[torch.Tensor]] = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for start in range(0, len(pixels), 64):
                stages.clear()
                images = as_images(torch.from_numpy(np.array(pixels[start : start + 64])))
                logits, features = judge(network, normalised(images, network))
                rows.append([part.float() for part in (logits, features, *stages)])
        for hook in hooks:
            hook.remove()
        parts = [torch.cat(list(part)).numpy() for part in zip(*rows, strict=True)]
        self.logits, self.features, self.stages = parts[0], parts[1], parts[2:]


Score = Callable[[Answers], Floats]


def scores(train: Answers, targets: NDArray[np.int64], learn: Answers, held: Answers, heat: float) -> dict[str, Score]:
    """Every candidate by name; each was fitted on training photos (and ``learn``, where it says so) alone."""

    def believed(seen: Answers) -> Floats:
        return softmax(seen.logits, heat)

    def spread(score: Score) -> float:
        return float(score(held).std())

    def together(*parts: tuple[float, Score]) -> Score:
        units = [(weight / spread(score), score) for weight, score in parts]
        return lambda seen: sum(unit * score(seen) for unit, score in units).astype(np.float32)

    def gen(seen: Answers) -> Floats:
        return novelty.gen(believed(seen))

    found: dict[str, Score] = {
        "1 - confidence": lambda seen: 1 - believed(seen).max(axis=1),
        "energy (not for this family)": lambda seen: -np.logaddexp.reduce(seen.logits, axis=1),
        "GEN": gen,
    }
    distances: dict[float, Score] = {}
    for weight in (0.0, 0.5, 1.0, 2.0, 4.0):
        fitted = novelty.fit(train.features, targets, absolute=weight)
        distances[weight] = lambda seen, fitted=fitted: fitted.distance(seen.features)
        found[f"relative Mahalanobis++ + {weight:g} plain" if weight else "relative Mahalanobis++"] = distances[weight]
    found["nearest neighbours, 10th of a class-balanced bank"] = _neighbours(train.features, targets)
    for number in range(len(train.stages)):
        found[f"plain Mahalanobis++ of stage {number + 1}"] = _stage(train.stages[number], number)
    for doubt in (0.5, 1.0, 2.0, 4.0):
        found[f"relative + 2 plain + {doubt:g} GEN"] = together((1.0, distances[2.0]), (doubt, gen))
    found["relative + 2 GEN"] = together((1.0, distances[0.0]), (2.0, gen))
    for number in range(2, len(train.stages) - 1):
        stage = found[f"plain Mahalanobis++ of stage {number + 1}"]
        found[f"relative + 2 plain + 2 GEN + 0.5 stage {number + 1}"] = together(
            (1.0, distances[2.0]), (2.0, gen), (0.5, stage)
        )
    line = _line(train.features, learn.features)
    found["a line between photos and LEARN"] = line
    for weight in (0.5, 1.0, 2.0):
        found[f"relative + 2 plain + 2 GEN + {weight:g} line"] = together(
            (1.0, distances[2.0]), (2.0, gen), (weight, line)
        )
    return found


def _neighbours(features: Floats, targets: NDArray[np.int64], each: int = 500, nth: int = 10) -> Score:
    random = np.random.default_rng(0)
    chosen = [random.permutation(np.flatnonzero(targets == label))[:each] for label in range(targets.max() + 1)]
    bank = novelty.normalise(features[np.concatenate(chosen)])

    def score(seen: Answers) -> Floats:
        likeness = novelty.normalise(seen.features) @ bank.T
        return 1 - np.partition(likeness, -nth, axis=1)[:, -nth]

    return score


def _stage(features: Floats, number: int) -> Score:
    """The plain distance to the mean of all training photos, in the 64 chief axes of a stage's pooled maps."""
    rows = novelty.normalise(features).astype(np.float64)
    mean = rows.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov((rows - mean).T))
    values, axes = values[::-1][:64], axes[:, ::-1][:, :64]
    return lambda seen: np.asarray(
        (np.square((novelty.normalise(seen.stages[number]) - mean) @ axes) / (values + 0.01 * values.mean())).sum(1),
        dtype=np.float32,
    )


def _line(known: Floats, unknown: Floats) -> Score:
    """Least squares with a ridge, both sides weighing the same."""
    one, other = novelty.normalise(known).astype(np.float64), novelty.normalise(unknown).astype(np.float64)
    mean = one.mean(axis=0)
    inner = (np.cov(one.T) + np.cov(other.T)) / 2
    direction = np.linalg.solve(inner + 0.1 * np.trace(inner) / len(inner) * np.eye(len(inner)), other.mean(0) - mean)
    return lambda seen: np.asarray((novelty.normalise(seen.features) - mean) @ direction, dtype=np.float32)


def pieces(photos: NDArray[np.uint8], count: int = 1000) -> NDArray[np.uint8]:
    """Small pieces of photos uint8 [N, S, S, 3], enlarged: uint8 [count, S, S, 3]."""
    random, size = np.random.default_rng(3), photos.shape[1]
    side = size // PIECE
    made = []
    for number in random.permutation(len(photos))[:count]:
        left, top = random.integers(0, size - side, 2)
        piece = Image.fromarray(photos[number, top : top + side, left : left + side])
        made.append(np.asarray(piece.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(made)


def read(paths: Iterable[Path], size: int) -> NDArray[np.uint8]:
    """Pictures as the judge reads them, uint8 [N, size, size, 3]."""
    return np.stack([decode(path.read_bytes(), size, Limits()).pixels for path in paths])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    for name in ("train", "validation", "learn", "choose"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    network = create(bundle.architecture, len(bundle.labels))
    weights = load_file(given.bundle / WEIGHTS)
    own = network.state_dict()
    network.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in weights.items()})
    network.eval().to(memory_format=torch.channels_last)

    photos = [open_photos(path, bundle.labels) for path in (given.train, given.validation)]
    size = bundle.input_size
    train, held = (np.stack([decode(part.read(name), size, Limits()).pixels for name in part.names]) for part in photos)
    some = np.sort(np.random.default_rng(7).permutation(len(train))[:VARIED])
    known = Answers(network, np.concatenate([train, varied(train[some], 7)]))
    targets = np.concatenate([photos[0].targets, photos[0].targets[some]])
    inside = Answers(network, np.concatenate([held, varied(held, 8)]))
    carved = sorted(given.choose.rglob("*.jpg"))
    things = [path for path in carved if path.parent.name.endswith(STAMPS)]
    outside = {
        "textures": Answers(network, read((path for path in carved if path not in set(things)), size)),
        "things": Answers(network, read(things, size)),
        "pieces": Answers(network, pieces(held)),
    }
    learn = Answers(network, read(sorted(given.learn.rglob("*.jpg")), size))
    print(f"| score | {' | '.join(f'{kind}: AUROC, FPR95' for kind in outside)} |")
    print(f"|---|{'---|' * len(outside)}")
    for name, score in scores(known, targets, learn, inside, bundle.temperature).items():
        ours = score(inside)
        cells = [(score(kind), ours) for kind in outside.values()]
        print(f"| {name} | {' | '.join(f'{auroc(b, a):.3f}, {fpr95(b, a):.1%}' for a, b in cells)} |", flush=True)


if __name__ == "__main__":
    main()
