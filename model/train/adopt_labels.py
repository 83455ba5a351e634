"""What the classes of somebody else's network are called, and which categories lie above them."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGENET = Path(__file__).parents[1] / "imagenet.json"
SYNSET = re.compile(r"n\d{8}")
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Labels:
    """A label for each class in order, all different; ``parents`` as in the manifest; where they come from, in words;
    and one sentence for people: what the model knows."""

    names: tuple[str, ...]
    parents: Mapping[str, str]
    origin: str
    knows: str


def labels_of(config: Mapping[str, Any], classes: int) -> Labels:
    """The labels of a hub's ``config``: ImageNet's own for its numbers or 1,000 nameless classes, else the config's.

    Classes without a name are called ``class 0`` and so on; of several with one name each gets its number.
    """
    given = _given(config, classes)
    if classes == 1000 and (not given or all(SYNSET.fullmatch(name) for name in given)):
        known = json.loads(IMAGENET.read_text(encoding="utf-8"))
        return Labels(
            tuple(known["labels"]),
            known["parents"],
            "1,000 nameless classes are taken for ImageNet-1k's in their usual order; words and categories are derived "
            "from WordNet 3.0 (Copyright 2006 by Princeton University)",
            "It knows the 1,000 kinds of things of ImageNet-1k: animals, vehicles, clothing, food, furniture, devices "
            "and other objects, and few landscapes.",
        )
    if not given:
        names = tuple(f"class {number}" for number in range(classes))
        return Labels(
            names,
            {},
            "the model does not say them, so they are numbers",
            f"It knows {classes:,} classes whose names it does not say.",
        )
    counts = Counter(given)
    names = tuple(name if counts[name] == 1 else f"{name} ({number})" for number, name in enumerate(given))
    more = f" and {classes - SHOWN:,} more" if classes > SHOWN else ""
    return Labels(names, {}, "those of the model's own config", f"It knows: {', '.join(names[:SHOWN])}{more}.")


def _given(config: Mapping[str, Any], classes: int) -> tuple[str, ...]:
    """The names in the config, a list or an object from number to name; none where they are not all there."""
    about = config.get("pretrained_cfg") or {}
    names = next((part[key] for part in (config, about) for key in ("label_names", "labels") if part.get(key)), None)
    if isinstance(names, Mapping):
        names = [names.get(str(number)) for number in range(classes)]
    if not isinstance(names, list) or len(names) != classes or not all(isinstance(name, str) for name in names):
        return ()
    stripped = tuple(name.strip() for name in names)
    return stripped if all(stripped) else ()
