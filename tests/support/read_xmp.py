"""Reads a sidecar with Exiv2 and prints its properties as JSON: a program of its own, for no code of ours links it.

A list is a list of words, all else a text. Exiv2 knows a sidecar by its first bytes alone: what stands before the root
is left out for it, UTF-16 and Latin-1 become UTF-8, and an rdf:RDF without x:xmpmeta around it gets one.
"""

import json
import sys
import tempfile
from pathlib import Path

import exiv2

ENVELOPE = '<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>'


def plain(data: bytes) -> str:
    """The packet from its root on."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = data.decode("latin-1" if b'"ISO-8859-1"' in data[:60] else encoding)
    envelope = text.find("<x:xmpmeta")
    return text[envelope:] if envelope >= 0 else ENVELOPE.format(text[text.index("<rdf:RDF") :])


def properties(path: str) -> dict[str, object]:
    """The XMP properties of a file by their Exiv2 keys. Raises exiv2.Exiv2Error for what is no XMP."""
    image = exiv2.ImageFactory.open(path)
    image.readMetadata()
    found: dict[str, object] = {}
    for datum in image.xmpData():
        value = datum.getValue()
        many = datum.typeId() in (exiv2.TypeId.xmpBag, exiv2.TypeId.xmpSeq, exiv2.TypeId.xmpAlt)
        found[datum.key()] = [str(value.toString(n)) for n in range(value.count())] if many else str(value)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "sidecar.xmp")
        copy.write_text(plain(Path(sys.argv[1]).read_bytes()), encoding="utf-8")
        print(json.dumps(properties(str(copy))))
