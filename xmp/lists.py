"""Lists of words in a packet (dc:subject and the like), in whichever form another program wrote them."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from lxml import etree

from xmp import tree
from xmp.names import RDF, TAGS_LIST

LI = f"{{{RDF}}}li"
BAG = f"{{{RDF}}}Bag"
ABOUT = (f"{{{RDF}}}about", "about")
SEQ = f"{{{RDF}}}Seq"
_CONTAINERS = (BAG, SEQ, f"{{{RDF}}}Alt")
# As digiKam itself and Exiv2 have it.
_ORDERED = frozenset({TAGS_LIST})
_VALUE = f"{{{RDF}}}value"


def descriptions(rdf: "etree._Element") -> list["etree._Element"]:
    """The nodes that hold properties."""
    return [node for node in rdf if isinstance(node.tag, str)]


def properties(rdf: "etree._Element", name: str) -> list["etree._Element"]:
    """The elements of a property; a packet should have one at most, but some have more."""
    return [found for node in descriptions(rdf) for found in node.findall(name)]


def words(rdf: "etree._Element", name: str) -> list[str]:
    """Every word of a list, also of one that was written as a single text."""
    found = [node.get(name, "") for node in descriptions(rdf)]
    for element in properties(rdf, name):
        items = list(_items(element))
        found += [_text(item) for item in items] if items else [(element.text or "").strip()]
    return [word for word in found if word]


def add(rdf: "etree._Element", home: "etree._Element", name: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Adds the words that the list lacks, and returns them. A list that is not there is made in ``home``."""
    there = {_same(word) for word in words(rdf, name)}
    missing = tuple(word for word in wanted if _same(word) not in there)
    if missing:
        container = _container(rdf, name)
        if container is None:
            container = etree.SubElement(etree.SubElement(home, name), SEQ if name in _ORDERED else BAG)
        for word in missing:
            item = etree.Element(LI)
            item.text = word
            tree.append(container, item)
    return missing


def take(rdf: "etree._Element", name: str, unwanted: Iterable[str]) -> None:
    """Takes each word out once. A list that is left without any goes, and so does a description that is left bare."""
    left = {_same(word) for word in unwanted}
    for element in properties(rdf, name):
        for item in reversed(list(_items(element))):
            if _same(_text(item)) in left:
                left.discard(_same(_text(item)))
                container = item.getparent()
                tree.remove(item)
                if container is not None and not len(container):
                    drop(element)


def drop(element: "etree._Element") -> None:
    """Takes a property out, and its description if that holds nothing else."""
    node = element.getparent()
    tree.remove(element)
    if node is not None:
        drop_bare(node)


def drop_bare(node: "etree._Element") -> None:
    """Takes a description out that holds nothing but the name of what it describes."""
    if bare(node):
        tree.remove(node)


def bare(node: "etree._Element") -> bool:
    """Whether a description says nothing."""
    return not len(node) and all(str(name) in ABOUT for name in node.attrib)


def _container(rdf: "etree._Element", name: str) -> "etree._Element | None":
    """The list's Bag, Seq or Alt; a single text becomes a Bag of that text first."""
    elements = properties(rdf, name)
    for element in elements:
        for child in element:
            if child.tag in _CONTAINERS:
                return child
    for node in descriptions(rdf):
        if name in node.attrib:
            return _bag(etree.SubElement(node, name), str(node.attrib.pop(name)))
    for element in elements:
        if not len(element):
            text, element.text = element.text, None
            return _bag(element, (text or "").strip())
    return None


def _bag(element: "etree._Element", text: str) -> "etree._Element":
    container = etree.SubElement(element, BAG)
    if text:
        etree.SubElement(container, LI).text = text
    return container


def _items(element: "etree._Element") -> Iterator["etree._Element"]:
    for container in element:
        if container.tag in _CONTAINERS:
            yield from container.findall(LI)


def _text(item: "etree._Element") -> str:
    """An entry's word, which stands in rdf:value where the entry has qualifiers."""
    value = item.find(_VALUE)
    if value is None:
        value = item.find(f"{{{RDF}}}Description/{_VALUE}")
    return ((item if value is None else value).text or "").strip()


def _same(word: str) -> str:
    # macOS writes an accent as a character of its own, others do not.
    return unicodedata.normalize("NFC", word)
