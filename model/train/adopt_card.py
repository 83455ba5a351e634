"""The page that a bundle says about itself when somebody else trained its network."""

from model.bundle import Manifest
from model.train.adopt_labels import Labels
from model.train.adopt_lines import ACCEPT, ACCEPT_STRICT, DEFAULT, DEFAULT_STRICT

SHOWN = 50


def adopted_card(manifest: Manifest, labels: Labels, origin: str) -> str:
    """Markdown: what the model knows, where it comes from, and how its guards were set."""
    count = len(manifest.labels)
    categories = len(set(manifest.parents.values()))
    listed = "" if count > SHOWN else "\n\n" + "\n".join(f"- {label}" for label in manifest.labels)
    above = f" in {categories:,} categories" if categories else ""
    return f"""# {manifest.name}, version {manifest.version}

{manifest.knows}

Architecture: timm `{manifest.architecture}`, reading {manifest.input_size} x {manifest.input_size} pixels.
Licence: {manifest.licence}

## Where it comes from

Weights and classifier: {origin}. Others trained it; Shoebox measured nothing on it but what stands below.

## Tags

{count:,} tags{above}. Their names: {labels.origin}.{listed}

## Guards

{_guards(manifest)}
"""


def _guards(manifest: Manifest) -> str:
    lines, found = manifest.thresholds, manifest.figures["calibration"]
    sure = f"""No labelled photos were at hand, so the confidence is the network's own (temperature 1): a ranking, not a
measured probability. A first tag needs {lines.confidence:.2f}: more likely than all others together."""
    if found.get("default"):
        return f"""This model has not been calibrated: its lines are Shoebox's defaults.

{sure}

A picture counts as unknown when its probability is spread more widely, by generalised entropy, than in a picture whose
first label has {DEFAULT:.0%} and the rest is spread evenly over the next 99 labels (all others where there are fewer):
beyond {lines.gen_normal:.2f}. Where a job asks for strict it is {DEFAULT_STRICT:.0%}: {lines.gen_strict:.2f}.
Nothing checks whether a picture looks like a photo at all.

Photos of yours make better lines: add the model again with `--calibrate PHOTOS`.
"""
    return f"""Its lines were drawn on {found["photos"]:,} photos of the person who added it, none of them labelled.

{sure}

Picture statistics and generalised entropy were set so that together they accept {ACCEPT:.0%} of those photos
({found["accepted"]:.1%} in fact), or {ACCEPT_STRICT:.0%} where a job asks for strict ({found["accepted_strict"]:.1%}).
Of all, {found["sure"]:.1%} also have a first tag that is sure enough. No picture from outside had a say.
"""
