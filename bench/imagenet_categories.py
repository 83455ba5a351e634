"""Makes model/imagenet.json: a readable label for each of ImageNet-1k's 1,000 classes, and the categories above them.

    python -m bench.imagenet_categories /usr/share/wordnet/data.noun

The class numbers of ImageNet are noun synsets of WordNet 3.0 (Debian package wordnet-base), so that the nearest of the
chosen hypernyms below is a class's category. The choice, and the few classes and categories that WordNet files under
something nobody would look for, are ours.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from timm.data import ImageNetInfo

from bench.imagenet_synsets import ABOVE, CATEGORIES
from bench.imagenet_words import LABELS, MEMBERS

OUT = Path(__file__).parents[1] / "model" / "imagenet.json"
ABOUT = (
    "Labels and categories of the ImageNet-1k classes, derived from WordNet 3.0, Copyright 2006 by Princeton "
    "University. All rights reserved. THIS DATABASE IS PROVIDED 'AS IS' AND PRINCETON UNIVERSITY MAKES NO "
    "REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. WordNet licence: "
    "https://wordnet.princeton.edu/license-and-commercial-use. Made by bench/imagenet_categories.py."
)


def main() -> None:
    """Writes the table and prints how much is in it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nouns", type=Path, help="WordNet 3.0's data.noun")
    above = _hypernyms(parser.parse_args().nouns)
    chosen = {synset: name for name, synsets in CATEGORIES.items() for synset in synsets}
    filed = {word: name for name, words in MEMBERS.items() for word in words}
    info = ImageNetInfo("imagenet-1k")
    classes = []
    for index, wnid in enumerate(info.label_names()):
        word = info.index_to_description(index).partition(",")[0]
        classes.append((LABELS.get(wnid, word), filed.pop(word, None) or _nearest(wnid[1:], above, chosen, "")))
    assert not filed, f"no class is called {', '.join(filed)}"
    parents = {
        name: ABOVE[name] if name in ABOVE else _nearest(s[0], above, chosen, name) for name, s in CATEGORIES.items()
    }
    parents |= ABOVE
    document = {
        "about": ABOUT,
        "labels": [label for label, _ in classes],
        "parents": {**dict(classes), **{name: parent for name, parent in parents.items() if parent is not None}},
    }
    OUT.write_text(json.dumps(document, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    sizes = Counter(parent for _, parent in classes)
    print(f"{len(classes)} classes in {len(sizes)} categories, {OUT.stat().st_size:,} bytes")
    for name, count in sizes.most_common():
        print(f"{count:4} {name} < {parents.get(name)}")


def _hypernyms(path: Path) -> dict[str, list[str]]:
    """Each noun synset's hypernyms (the format is described in wndb(5WN))."""
    above: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith(" "):
            continue
        parts = line.partition(" | ")[0].split()
        pointers = 4 + 2 * int(parts[3], 16)
        each = (parts[pointers + 1 + 4 * k :][:2] for k in range(int(parts[pointers])))
        above[parts[0]] = [to for kind, to in each if kind in ("@", "@i")]
    return above


def _nearest(synset: str, above: Mapping[str, Iterable[str]], chosen: Mapping[str, str], own: str) -> str | None:
    """The category fewest steps above a synset, other than its ``own``."""
    reached = [synset]
    while reached:
        for each in reached:
            if chosen.get(each, own) != own:
                return chosen[each]
        reached = [higher for each in reached for higher in above[each]]
    return None


if __name__ == "__main__":
    main()
