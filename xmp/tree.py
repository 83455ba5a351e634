"""Elements put in and taken out so that the white space around them is as if they had always, or never, been there."""

from lxml import etree


def append(parent: "etree._Element", child: "etree._Element") -> None:
    """Puts ``child`` behind the last child, on a line of its own where the others are."""
    last = parent[-1] if len(parent) else None
    if last is None:
        child.tail = parent.text
    else:
        child.tail, last.tail = last.tail, parent.text
    parent.append(child)


def remove(child: "etree._Element") -> None:
    """Takes ``child`` out of its parent; what stood behind the last child stands behind the one before it then."""
    parent, before = child.getparent(), child.getprevious()
    if parent is None:
        return
    if child.getnext() is None:
        if before is None:
            parent.text = child.tail
        else:
            before.tail = child.tail
    child.tail = None
    parent.remove(child)
