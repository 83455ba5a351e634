"""The shipped model's figures on pictures it has never seen: python -m bench.model_figures DATA.

DATA holds scenes-test.zip, ood-textures.zip, ood-objects.zip and photos.zip (camera photos, labelled by hand below).
Run once, at the end: nothing is chosen on these pictures.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bench.judged import Judged, judge_all, read_zip
from model import figures
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle
from model.train.data import open_photos
from model.verdict import Reason

# The scenes among the camera photos, and what may be said of them; the others show flowers, a bird, machines, a chart.
CAMERA_SCENES = {
    "library/Snow-Capped Mountain.jpg": {"mountain", "glacier"},
    "library/Sunset by the Pier.jpg": {"sea"},
    "library/Morskie Oko.jpg": {"forest"},
    "library/Viktor Forgacs.jpg": {"buildings"},
    "formats/denali.webp": {"mountain"},
    "formats/8bit-sRGB.avif": {"forest", "sea"},
    **{f"orientation/Landscape_{i}.jpg": {"mountain", "glacier", "sea"} for i in range(9)},
}
STATISTICS = (Reason.BLANK, Reason.UNNATURAL_STATISTICS)


def known(bundle: Bundle, judged: Judged, targets: Any) -> dict[str, Any]:
    """Figures on photos of the known scenes."""
    right = judged.guesses == targets
    return {
        **figures.classification(judged.probabilities, targets, bundle.labels),
        **figures.selective(right, judged.accepted),
        **reasons(judged),
    }


def unknown(judged: Judged, scenes: Judged) -> dict[str, Any]:
    """How well pictures from outside are told from the scenes, by score, and what the shipped thresholds reject."""
    scores = {
        "relative Mahalanobis++": (scenes.novelty, judged.novelty),
        "GEN": (scenes.gen, judged.gen),
        "1 - confidence": (1 - scenes.probabilities.max(axis=1), 1 - judged.probabilities.max(axis=1)),
    }
    return {
        "pictures": len(judged.verdicts),
        **{
            name: {"auroc": round(figures.auroc(*pair), 3), "fpr95": round(figures.fpr95(*pair), 3)}
            for name, pair in scores.items()
        },
        "rejected": round(float(1 - judged.accepted.mean()), 4),
        **reasons(judged),
    }


def reasons(judged: Judged) -> dict[str, float]:
    """The share rejected by each layer (the first that objects decides)."""
    return {
        "rejected_statistics": round(judged.share(*STATISTICS), 4),
        "rejected_novelty": round(judged.share(Reason.OUT_OF_DISTRIBUTION), 4),
        "rejected_confidence": round(judged.share(Reason.LOW_CONFIDENCE), 4),
    }


def main() -> None:
    """Prints the figures, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", type=Path, default=BUILT_IN / "scenes")
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    backend = open_backend(given.backend, bundle, "cpu", given.threads)
    print(f"{bundle.name} {bundle.version}, {backend.name} in {backend.precision}")

    photos = open_photos(given.data / "scenes-test.zip", bundle.labels)
    scenes = judge_all(bundle, backend, (photos.read(name) for name in photos.names))
    show("scenes-test", known(bundle, scenes, photos.targets))
    for name in ("ood-textures", "ood-objects"):
        pictures = read_zip(given.data / f"{name}.zip")
        show(name, unknown(judge_all(bundle, backend, pictures.values()), scenes))

    pictures = read_zip(given.data / "photos.zip")
    judged = judge_all(bundle, backend, pictures.values())
    camera = [name in CAMERA_SCENES for name in pictures]
    for name, guess, verdict in zip(pictures, judged.guesses, judged.verdicts, strict=True):
        label = bundle.labels[guess]
        mark = "" if name not in CAMERA_SCENES else "right" if label in CAMERA_SCENES[name] else "wrong"
        print(f"  {name}: {label} {mark}, {verdict.decision} {verdict.reason or ''}")
    refused = [verdict.reason in STATISTICS for verdict in judged.verdicts]
    print(
        f"camera scenes: {sum(camera)}, rejected for their statistics: {int(np.sum(np.logical_and(camera, refused)))}"
    )
    backend.close()


def show(name: str, found: dict[str, Any]) -> None:
    """One figure a line."""
    print(name)
    for key, value in found.items():
        print(f"  {key}: {value}")


if __name__ == "__main__":
    main()
