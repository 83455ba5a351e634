"""What things are called: XML namespaces, and sidecars beside their photos."""

import re
from enum import StrEnum

X = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
SHOEBOX = "urn:shoebox:xmp:1.0/"
PREFIXES = {"rdf": RDF, "dc": DC, "lr": LIGHTROOM, "digiKam": DIGIKAM, "shoebox": SHOEBOX}

SUBJECT = f"{{{DC}}}subject"
HIERARCHICAL = f"{{{LIGHTROOM}}}hierarchicalSubject"
TAGS_LIST = f"{{{DIGIKAM}}}TagsList"

ROOT = "Shoebox"
# Lightroom parts the levels of a keyword by |, digiKam by /; a control character is no part of a keyword.
ROOT_PATTERN = r"^[^|/\x00-\x1f\x7f]{1,64}$"
SUFFIX = ".xmp"
_SEPARATORS = re.compile(r"[/\\]+")


class Naming(StrEnum):
    """``full``: IMG.jpg.xmp; ``stem``: IMG.xmp."""

    FULL = "full"
    STEM = "stem"


def sidecar_name(photo: str, naming: Naming) -> str:
    """The sidecar's name for a photo's, without folders."""
    stem, dot, _ = photo.rpartition(".")
    return (stem if naming is Naming.STEM and dot and stem else photo) + SUFFIX


def safe_parts(name: str) -> tuple[str, ...]:
    """A name out of an archive as the parts of a path that stays below its folder; empty when nothing is left of it.

    Both kinds of slashes part it; what leads out of the folder (``..``, a drive, a leading slash) is left out.
    """
    parts = [part.replace(":", "_").replace("\0", "_") for part in _SEPARATORS.split(name)]
    return tuple(part for part in parts if part.strip(" .") != "")
