"""A sidecar's XML: read with care, written as it was read."""

import codecs
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

from lxml import etree

from xmp.names import RDF, X

ENVELOPES = (f"{{{X}}}xmpmeta", f"{{{X}}}xapmeta")
RDF_ROOT = f"{{{RDF}}}RDF"


class NotXmp(Exception):
    """The file is no XMP that can be edited safely; the text says why."""


@dataclass(slots=True)
class Packet:
    """A parsed sidecar: its root element, the rdf:RDF in it, and the bytes ``before`` and ``after`` the root."""

    root: "etree._Element"
    rdf: "etree._Element"
    before: bytes
    after: bytes
    codec: str = "utf-8"
    windows_lines: bool = False

    def written(self) -> bytes:
        """The whole file, in the encoding and with the line ends it came with; outside the root as it was."""
        text = etree.tostring(self.root, encoding="unicode", with_tail=False)
        if self.windows_lines:
            text = text.replace("\n", "\r\n")
        return self.before + text.encode(self.codec, "xmlcharrefreplace") + self.after


def parse(data: bytes) -> Packet:
    """Reads a sidecar. Raises NotXmp for broken XML, other XML, and XML with a document type.

    Entities are declared in a document type, which XMP never has: nothing is ever expanded or fetched.
    """
    codec = _codec(data)
    start, end = _span(data, codec)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, strip_cdata=False, recover=False
    )
    try:
        root = etree.fromstring(data, parser)
        codec = codec or codecs.lookup(root.getroottree().docinfo.encoding or "utf-8").name
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise _broken(error) from error
    rdf = root if root.tag == RDF_ROOT else root.find(RDF_ROOT) if root.tag in ENVELOPES else None
    if rdf is None:
        raise NotXmp("it is XML, but no XMP")
    return Packet(root, rdf, data[:start], data[end:], codec, "\r\n".encode(codec) in data)


def _codec(data: bytes) -> str:
    """UTF-16 by its first bytes; empty: as the declaration says."""
    if data.startswith(codecs.BOM_UTF16_LE) or data[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if data.startswith(codecs.BOM_UTF16_BE) or data[:1] == b"\0" else ""


def _span(data: bytes, codec: str) -> tuple[int, int]:
    """Where the root element begins and ends. Raises NotXmp, for a document type before anything in it is read."""
    at: list[int] = []
    depth = 0

    def opened(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            at.append(parser.CurrentByteIndex)

    def closed(_: object) -> None:
        nonlocal depth
        depth -= 1
        if depth == 0:
            at.append(parser.CurrentByteIndex)

    def doctype(*_: object) -> NoReturn:
        raise NotXmp("it has a document type, which XMP never has")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = opened, closed, doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _broken(error) from error
    start, last = at
    bracket = ">".encode(codec or "ascii")
    if not data.startswith("</".encode(codec or "ascii"), last):
        raise NotXmp("it is XML, but there is nothing in it")
    # An end tag holds no > but its own.
    return start, data.index(bracket, last) + len(bracket)


def _broken(error: Exception) -> NotXmp:
    return NotXmp(f"it is no well-formed XML ({(str(error) or 'nothing in it').splitlines()[0]})")
