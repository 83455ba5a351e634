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

OUT = Path(__file__).parents[1] / "model" / "imagenet.json"
ABOUT = (
    "Labels and categories of the ImageNet-1k classes, derived from WordNet 3.0, Copyright 2006 by Princeton "
    "University. All rights reserved. THIS DATABASE IS PROVIDED 'AS IS' AND PRINCETON UNIVERSITY MAKES NO "
    "REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. WordNet licence: "
    "https://wordnet.princeton.edu/license-and-commercial-use. Made by bench/imagenet_categories.py."
)

# A category's name: the synsets that stand for it.
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "animal": ("00015388",),
    "mammal": ("01861778",),
    "dog": ("02084071",),
    "hound": ("02087551",),
    "terrier": ("02092468",),
    "spaniel": ("02101108",),
    "retriever": ("02099029",),
    "shepherd dog": ("02104523",),
    "toy dog": ("02085374",),
    "spitz": ("02111626",),
    "poodle": ("02113335",),
    "wolf": ("02114100",),
    "fox": ("02118333",),
    "feline": ("02120997",),
    "cat": ("02121808",),
    "big cat": ("02127808",),
    "bear": ("02131653",),
    "weasel family": ("02441326",),
    "rodent": ("02329401",),
    "rabbit or hare": ("02323902",),
    "primate": ("02469914",),
    "monkey": ("02484322",),
    "ape": ("02470325",),
    "hoofed animal": ("02370806",),
    "sea mammal": ("02062017",),
    "marsupial": ("01874434",),
    "elephant": ("02503517",),
    "bird": ("01503061",),
    "bird of prey": ("01604330",),
    "parrot": ("01816887",),
    "fowl": ("01789386",),
    "wading bird": ("02000954",),
    "water bird": ("01844917",),
    "songbird": ("01525720",),
    "reptile": ("01661091",),
    "snake": ("01726692",),
    "lizard": ("01674464",),
    "turtle": ("01662784",),
    "amphibian": ("01627424",),
    "frog": ("01639765",),
    "salamander": ("01629276",),
    "fish": ("02512053",),
    "shark": ("01482330",),
    "invertebrate": ("01905661",),
    "insect": ("02159955",),
    "beetle": ("02164464",),
    "butterfly": ("02274259",),
    "arachnid": ("01769347",),
    "spider": ("01772222",),
    "crustacean": ("01974773",),
    "crab": ("01976957",),
    "mollusc": ("01940736",),
    "person": ("00007846",),
    "plant": ("00017222", "13086908"),
    "flower": ("11669921",),
    "fungus": ("12992868",),
    "food": ("00021265", "07555863"),
    "fruit": ("07705931",),
    "vegetable": ("07707451",),
    "prepared dish": ("07557434",),
    "bread": ("07679356",),
    "dessert": ("07609840",),
    "drink": ("07881800",),
    "vehicle": ("04524313", "03100490"),
    "car": ("02958343",),
    "truck": ("04490091",),
    "bus": ("02924116",),
    "bicycle": ("02834778",),
    "motorcycle": ("03790512",),
    "watercraft": ("04530566",),
    "ship": ("04194289",),
    "boat": ("02858304",),
    "aircraft": ("02686568",),
    "train": ("04468005",),
    "clothing": ("03051540", "03419014"),
    "hat": ("03497657",),
    "headgear": ("03502509",),
    "footwear": ("03380867",),
    "coat": ("03057021",),
    "skirt": ("04230808",),
    "swimwear": ("04371563",),
    "armour": ("02739668",),
    "furniture": ("03405725", "03405265"),
    "seat": ("04161981",),
    "table": ("04379243",),
    "bed": ("02818832",),
    "musical instrument": ("03800933",),
    "wind instrument": ("04586932",),
    "string instrument": ("04338517",),
    "percussion instrument": ("03915437",),
    "keyboard instrument": ("03614532",),
    "device": ("03183080", "03294048"),
    "electronics": ("03278248",),
    "computer": ("03082979",),
    "telephone": ("04401088",),
    "camera": ("02942699",),
    "household appliance": ("03528263",),
    "lamp": ("04263760",),
    "timepiece": ("04437953",),
    "measuring instrument": ("03733925",),
    "weapon": ("04565375",),
    "gun": ("03467984",),
    "tool": ("04451818",),
    "machine": ("03699975",),
    "container": ("03094503",),
    "bottle": ("02876657",),
    "bag": ("02773037",),
    "box": ("02883344",),
    "kitchenware": ("03621049", "03101986", "04381994"),
    "sports equipment": ("04285146", "03414162"),
    "ball": ("02778669",),
    "toy": ("03964744",),
    "toiletries": ("04447443",),
    "textile": ("03309808",),
    "structure": ("04341686",),
    "building": ("02913152",),
    "shop": ("04202417", "03748162"),
    "bridge": ("02898711",),
    "barrier": ("02796623",),
    "landscape": ("09287968",),
}


# Categories that WordNet does not have, or whose place there is not where people look, with what lies above them.
ABOVE: Mapping[str, str | None] = {
    "armour": "clothing",
    "bathroom fixture": "furniture",
    "eyewear": "clothing",
    "flower": "plant",
    "fruit": "food",
    "fungus": None,
    "gun": "weapon",
    "headgear": "clothing",
    "household appliance": "device",
    "household item": None,
    "kitchenware": None,
    "lamp": None,
    "medical equipment": None,
    "sports equipment": None,
    "stationery": None,
    "vegetable": "food",
    "weapon": None,
}
# Classes that WordNet files under something nobody would look for, by the category that people would.
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "armour": ("breastplate",),
    "bag": ("wallet",),
    "bathroom fixture": ("bathtub", "soap dispenser", "toilet seat", "tub", "washbasin"),
    "building": ("castle", "cliff dwelling", "lumbermill", "mobile home", "prison", "yurt"),
    "clothing": (
        "bib",
        "buckle",
        "Christmas stocking",
        "cloak",
        "diaper",
        "feather boa",
        "hair slide",
        "knee pad",
        "mask",
        "necklace",
        "ski mask",
        "wig",
    ),
    "container": ("holster", "scabbard"),
    "device": ("chain", "lens cap", "reel"),
    "electronics": (
        "cassette",
        "computer keyboard",
        "hard disc",
        "home theater",
        "joystick",
        "loudspeaker",
        "microphone",
        "mouse",
        "photocopier",
        "projector",
        "radio",
        "remote control",
        "screen",
        "space bar",
        "television",
    ),
    "elephant": ("tusker",),
    "eyewear": ("sunglass", "sunglasses"),
    "fungus": ("mushroom",),
    "furniture": ("plate rack",),
    "headgear": ("gasmask", "pickelhaube"),
    "household appliance": ("electric fan", "hand blower", "radiator", "space heater", "stove"),
    "household item": (
        "birdhouse",
        "bottlecap",
        "fire screen",
        "lampshade",
        "lighter",
        "matchstick",
        "nipple",
        "shoji",
        "toilet tissue",
        "umbrella",
        "window screen",
        "window shade",
    ),
    "kitchenware": (
        "beer glass",
        "can opener",
        "cocktail shaker",
        "coffee mug",
        "corkscrew",
        "Dutch oven",
        "goblet",
        "ladle",
        "measuring cup",
        "mixing bowl",
        "mortar",
        "pitcher",
        "saltshaker",
        "soup bowl",
        "strainer",
        "wooden spoon",
    ),
    "lamp": ("table lamp",),
    "measuring instrument": ("slide rule",),
    "medical equipment": (
        "Band Aid",
        "crutch",
        "neck brace",
        "oxygen mask",
        "pill bottle",
        "stethoscope",
        "stretcher",
        "syringe",
    ),
    "motorcycle": ("motor scooter",),
    "musical instrument": ("drumstick", "whistle"),
    "aircraft": ("parachute", "space shuttle", "wing"),
    "plant": ("hay",),
    "prepared dish": ("carbonara", "guacamole", "mashed potato", "plate"),
    "sports equipment": ("paddle", "puck", "racket", "ski", "snorkel"),
    "stationery": (
        "ballpoint",
        "binder",
        "book jacket",
        "comic book",
        "crossword puzzle",
        "envelope",
        "fountain pen",
        "menu",
        "pencil box",
        "pencil sharpener",
        "quill",
        "rubber eraser",
    ),
    "structure": (
        "bell cote",
        "carousel",
        "dock",
        "dome",
        "drilling platform",
        "flagpole",
        "manhole cover",
        "maypole",
        "maze",
        "parking meter",
        "pier",
        "pole",
        "spider web",
        "stage",
        "street sign",
        "thatch",
        "tile roof",
        "traffic light",
        "vault",
        "water tower",
    ),
    "textile": ("doormat", "mosquito net", "pillow", "prayer rug", "quilt", "shower curtain", "theater curtain"),
    "tool": ("broom", "chain saw", "paintbrush", "potter's wheel", "power drill", "spindle", "swab"),
    "toy": ("bubble", "jigsaw puzzle"),
    "train": ("electric locomotive", "freight car", "passenger car", "steam locomotive"),
    "vehicle": ("golfcart",),
}
# First words that are no help alone, or are those of two classes.
LABELS: Mapping[str, str] = {
    "n01514668": "rooster",
    "n01608432": "kite (bird)",
    "n01847000": "drake (duck)",
    "n02012849": "crane (bird)",
    "n02113023": "Pembroke Welsh corgi",
    "n02113186": "Cardigan Welsh corgi",
    "n02108089": "boxer (dog)",
    "n02123045": "tabby cat",
    "n02231487": "stick insect",
    "n02389026": "sorrel horse",
    "n02704792": "amphibious vehicle",
    "n02747177": "trash can",
    "n02814860": "lighthouse",
    "n02817516": "bearskin hat",
    "n02840245": "ring binder",
    "n02879718": "bow (weapon)",
    "n02892201": "brass plaque",
    "n03014705": "chest (box)",
    "n03126707": "crane (machine)",
    "n03337140": "filing cabinet",
    "n03594734": "jeans",
    "n03673027": "ocean liner",
    "n03710637": "maillot (tights)",
    "n03710721": "maillot (swimsuit)",
    "n03793489": "computer mouse",
    "n03825788": "baby bottle teat",
    "n03832673": "notebook computer",
    "n03854065": "pipe organ",
    "n03877472": "pajamas",
    "n03947888": "pirate ship",
    "n03954731": "carpenter's plane",
    "n03991062": "flowerpot",
    "n04037443": "race car",
    "n04118776": "ruler",
    "n04141076": "saxophone",
    "n04152593": "screen (display)",
    "n04243546": "slot machine",
    "n04515003": "upright piano",
    "n04606251": "shipwreck",
    "n07579787": "plate of food",
    "n10148035": "bridegroom",
    "n12768682": "buckeye (nut)",
    "n12620546": "rose hip",
    "n13133613": "ear of corn",
}


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
