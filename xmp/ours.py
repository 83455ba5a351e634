"""Our own namespace in a packet: which job and model added what, so that it can be taken out to the word."""

from dataclasses import dataclass

from lxml import etree

from xmp import lists
from xmp.marks import Marks, Words, writable
from xmp.names import RDF, SHOEBOX

# No names that photos have too: programs that copy by name would take our model for the camera's.
_JOB, _MODEL, _VERSION, _CHECKSUM = (
    f"{{{SHOEBOX}}}{name}" for name in ("JobId", "ModelName", "ModelVersion", "ModelChecksum")
)
_OWN_FILE, _TAGS = f"{{{SHOEBOX}}}OwnFile", f"{{{SHOEBOX}}}JudgedTags"
_PHOTO = f"{{{SHOEBOX}}}JudgedPhoto"
_LABEL, _CONFIDENCE = f"{{{SHOEBOX}}}Label", f"{{{SHOEBOX}}}Confidence"
_SUBJECTS = f"{{{SHOEBOX}}}AddedSubjects"
_HIERARCHICAL = f"{{{SHOEBOX}}}AddedHierarchicalSubjects"
_TAGS_LIST = f"{{{SHOEBOX}}}AddedTagsList"


@dataclass(frozen=True, slots=True)
class Ours:
    """What a packet says of us: the job, the words we added, whether the whole file is our making, the photo's name."""

    job: str
    added: Words
    own_file: bool
    photo: str | None = None


def read(rdf: "etree._Element") -> Ours | None:
    """``None`` where we added nothing."""
    job = _value(rdf, _JOB)
    if job is None:
        return None
    added = Words(*(tuple(lists.words(rdf, name)) for name in (_SUBJECTS, _HIERARCHICAL, _TAGS_LIST)))
    return Ours(job, added, _value(rdf, _OWN_FILE) == "True", _value(rdf, _PHOTO))


def write(home: "etree._Element", marks: Marks, added: Words, *, own_file: bool) -> None:
    """Writes it into the description ``home``."""
    for name, text in (
        (_JOB, marks.job),
        (_MODEL, marks.model),
        (_VERSION, marks.version),
        (_CHECKSUM, marks.checksum),
        (_OWN_FILE, str(own_file)),
        (_PHOTO, marks.photo),
    ):
        if text is not None:
            etree.SubElement(home, name).text = writable(text)
    tags = etree.SubElement(etree.SubElement(home, _TAGS), lists.SEQ)
    for tag in marks.tags:
        item = etree.SubElement(tags, lists.LI, {f"{{{RDF}}}parseType": "Resource"})
        etree.SubElement(item, _LABEL).text = writable(tag.label)
        etree.SubElement(item, _CONFIDENCE).text = f"{tag.confidence:.4f}"
    for name, words in (
        (_SUBJECTS, added.subjects),
        (_HIERARCHICAL, added.hierarchical),
        (_TAGS_LIST, added.tags_list),
    ):
        if words:
            container = etree.SubElement(etree.SubElement(home, name), lists.BAG)
            for word in words:
                etree.SubElement(container, lists.LI).text = word


def erase(rdf: "etree._Element") -> None:
    """Takes it out, wherever another program may have moved it."""
    for node in lists.descriptions(rdf):
        mine = [child for child in node if isinstance(child.tag, str) and child.tag.startswith(f"{{{SHOEBOX}}}")]
        names = [name for name in map(str, node.attrib) if name.startswith(f"{{{SHOEBOX}}}")]
        for name in names:
            del node.attrib[name]
        for child in mine:
            lists.drop(child)
        if names and node.getparent() is not None:
            lists.drop_bare(node)


def _value(rdf: "etree._Element", name: str) -> str | None:
    """A single text, written as an element or as an attribute."""
    return next(iter(lists.words(rdf, name)), None)
