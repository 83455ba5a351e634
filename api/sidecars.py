"""XMP sidecars of a job's photos, as the files of a ZIP."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from api.catalog import Catalog, UnknownModel
from db.query.places import Place
from db.schema import Item, Job
from db.states import Kind
from model.verdict import Decision
from xmp.edit import fresh
from xmp.marks import Marks, Tag, above
from xmp.names import Naming, safe_parts, sidecar_name

NAMELESS = "photo"


def sidecars(
    items: Iterable[Item], places: Sequence[Place], parents: Mapping[str, str], root: str, naming: Naming
) -> Iterator[tuple[str, bytes]]:
    """A path and a sidecar for every accepted item, in order; ``parents`` are the model's categories.

    Paths are as in the upload. In a job of several ZIPs each has a folder of its own, named after it.
    """
    folders, names = _folders(places), Names()
    for item in items:
        if item.decision != Decision.ACCEPTED or not item.tags:
            continue
        *parts, name = safe_parts(item.name) or (NAMELESS,)
        folder = folders.get(item.source_id)
        path = "/".join([*([folder] if folder else []), *parts, sidecar_name(name, naming)])
        tags = tuple(Tag(tag["label"], tag["confidence"], above(tag["label"], parents)) for tag in item.tags)
        marks = Marks(item.job_id, item.model, item.version, item.checksum, tags, root, name)
        yield names.free(path), fresh(marks).data


def parents_of(catalog: Catalog, job: Job) -> Mapping[str, str]:
    """The categories of the job's model; none when it has been removed meanwhile."""
    try:
        found: Mapping[str, str] = catalog.find(f"{job.model}@{job.version}").facts.get("parents", {})
    except UnknownModel:
        return {}
    return found


class Names:
    """Paths that are given away once. Of each a number of 8 bytes is kept: about 7 MB for 100,000."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        # The last number tried for a path that came again: thousands of one name are not counted through each time.
        self._last: dict[int, int] = {}

    def free(self, path: str) -> str:
        """The path, or with a number before its ending where a file system might take it for one given away."""
        first = key = _alike(path)
        if key not in self._taken:
            self._taken.add(key)
            return path
        stem, dot, ending = path.rpartition(".")
        number, wanted = self._last.get(first, 1), path
        while key in self._taken:
            number += 1
            wanted = f"{stem} ({number}){dot}{ending}"
            key = _alike(wanted)
        self._last[first] = number
        self._taken.add(key)
        return wanted


def _alike(path: str) -> int:
    """The same number for paths that some file system takes for one."""
    return hash(unicodedata.normalize("NFC", path).casefold())


def _folders(places: Sequence[Place]) -> dict[str, str]:
    """A folder for each ZIP of a job that has several, by the source's id."""
    zips = [place for place in places if place.kind is Kind.ZIP]
    if len(zips) < 2:
        return {}
    names, folders = Names(), {}
    for place in zips:
        name = (safe_parts(place.name) or ("upload",))[-1]
        stem = name[: -len(".zip")] if name.lower().endswith(".zip") else name
        folders[place.source_id] = names.free(f"{stem or 'upload'}.").removesuffix(".")
    return folders
