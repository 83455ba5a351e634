"""Sidecars as bytes: made, added to, and cleared of what was added."""

from dataclasses import dataclass

from lxml import etree

from xmp import lists, ours, tree
from xmp.marks import Marks, Words
from xmp.names import HIERARCHICAL, PREFIXES, RDF, SUBJECT, TAGS_LIST, X
from xmp.packet import ENVELOPES, RDF_ROOT, Packet, parse

_LISTS = (SUBJECT, HIERARCHICAL, TAGS_LIST)
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
_END = b'\n<?xpacket end="w"?>\n'


@dataclass(frozen=True, slots=True)
class Edited:
    """A sidecar's new bytes, the words in it that are ours, and whether we made the whole file."""

    data: bytes
    added: Words
    own_file: bool


@dataclass(frozen=True, slots=True)
class Cleared:
    """A sidecar without our words; ``data`` is ``None`` where nothing is left of a file that we made."""

    data: bytes | None


def fresh(marks: Marks) -> Edited:
    """A sidecar that holds the tags and nothing else."""
    root = etree.Element(ENVELOPES[0], {f"{{{X}}}xmptk": "Shoebox"}, nsmap={"x": X})
    rdf = etree.SubElement(root, RDF_ROOT, nsmap={"rdf": RDF})
    root.text, rdf.text, rdf.tail = "\n ", "\n ", "\n"
    added = _put_in(rdf, marks, own_file=True)
    rdf[0].tail = "\n "
    return Edited(Packet(root, rdf, _BEGIN, _END).written(), added, True)


def merged(data: bytes, marks: Marks) -> Edited:
    """A sidecar that exists, with the tags; those that an earlier job added are taken out first. Raises NotXmp."""
    packet = parse(data)
    before = ours.read(packet.rdf)
    own_file = before is not None and before.own_file
    if before is not None:
        _take_out(packet.rdf, before.added)
    added = _put_in(packet.rdf, marks, own_file=own_file)
    return Edited(packet.written(), added, own_file)


def cleared(data: bytes, job: str | None, remembered: Words | None = None, *, own_file: bool = False) -> Cleared | None:
    """A sidecar without the words that ``job`` added, or any job when it is ``None``; ``None`` where it has none.

    ``remembered`` and ``own_file`` are what was noted elsewhere: they serve where another program has dropped our
    namespace from the file. Raises NotXmp.
    """
    packet = parse(data)
    found = ours.read(packet.rdf)
    if found is None:
        there = [set(lists.words(packet.rdf, name)) for name in _LISTS]
        if remembered is None or not any(
            set(mine) & words for mine, words in zip(_each(remembered), there, strict=True)
        ):
            return None
        found = ours.Ours(job or "", remembered, own_file)
    elif job is not None and found.job != job:
        return None
    # What we wrote before another program dropped our namespace is noted in the record alone.
    _take_out(packet.rdf, found.added | (remembered or Words()))
    if found.own_file and all(isinstance(node.tag, str) and lists.bare(node) for node in packet.rdf):
        return Cleared(None)
    return Cleared(packet.written())


def job_in(data: bytes) -> str | None:
    """The job whose tags the sidecar holds. Raises NotXmp."""
    found = ours.read(parse(data).rdf)
    return None if found is None else found.job


def photo_in(data: bytes) -> str | None:
    """The name of the photo whose tags the sidecar holds. Raises NotXmp."""
    found = ours.read(parse(data).rdf)
    return None if found is None else found.photo


def _put_in(rdf: "etree._Element", marks: Marks, *, own_file: bool) -> Words:
    home = etree.Element(f"{{{RDF}}}Description", {lists.ABOUT[0]: _about(rdf)}, nsmap=PREFIXES)
    added = Words(*(lists.add(rdf, home, name, words) for name, words in zip(_LISTS, _each(marks.words), strict=True)))
    ours.write(home, marks, added, own_file=own_file)
    etree.indent(home, space=" ", level=2)
    home.tail = None
    tree.append(rdf, home)
    return added


def _take_out(rdf: "etree._Element", added: Words) -> None:
    ours.erase(rdf)
    for name, words in zip(_LISTS, _each(added), strict=True):
        lists.take(rdf, name, words)


def _about(rdf: "etree._Element") -> str:
    """What the packet is about: all descriptions must name the same, which old programs give an identifier."""
    for node in lists.descriptions(rdf):
        for name in lists.ABOUT:
            if name in node.attrib:
                return str(node.get(name))
    return ""


def _each(words: Words) -> tuple[tuple[str, ...], ...]:
    return words.subjects, words.hierarchical, words.tags_list
