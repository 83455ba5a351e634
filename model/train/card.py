"""The page that a bundle says about itself."""

from collections.abc import Mapping
from typing import Any

from model.bundle import Manifest


def card(manifest: Manifest, counts: dict[str, int]) -> str:
    """Markdown: what the model knows, where it comes from, what was measured on validation photos, and its limits."""
    plain, varied = manifest.figures["validation"], manifest.figures["varied"]
    lines = manifest.thresholds
    rows = "\n".join(
        f"| {label} | {counts[label]:,} | {found['precision']:.1%} | {found['recall']:.1%} | {found['f1']:.1%} |"
        for label, found in plain["per_label"].items()
    )
    measured = "\n".join(
        f"| {name} | {_percent(plain, key)} | {_percent(varied, key)} |"
        for name, key in (
            ("accuracy", "accuracy"),
            ("expected calibration error, 15 bins", "calibration_error"),
            ("the same before temperature scaling", "uncalibrated_error"),
            ("accepted by all guards together", "coverage"),
            ("accuracy of the accepted", "accepted_accuracy"),
        )
    )
    return f"""# {manifest.name}, version {manifest.version}

{manifest.knows}

Architecture: timm `{manifest.architecture}`, reading {manifest.input_size} x {manifest.input_size} pixels.
Licence: {manifest.licence}

## Training data

{manifest.training_data}

## Measured on {plain["photos"]:,} validation photos

| figure | as they are | copies of other resolution, sharpness and JPEG quality |
|---|---|---|
{measured}

| label | training photos | precision | recall | F1 |
|---|---|---|---|---|
{rows}

## Guards

A photo is accepted when three things hold:

- its picture statistics are those of photos;
- its first tag has a calibrated confidence of at least {lines.confidence:.3f} (temperature {manifest.temperature:.3f});
- its novelty, the relative and the plain Mahalanobis distance of its normalised features, is at most
  {lines.novelty_normal:.3f}, or {lines.novelty_strict:.3f} when the job asks for strict.

These lines were drawn on the validation photos and their copies alone; no picture from outside had a say.
"""


def _percent(figures: Mapping[str, Any], key: str) -> str:
    return f"{figures[key]:.1%}"
