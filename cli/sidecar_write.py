"""The tags of a job, written into sidecars beside the photos of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import sidecar_problems
from cli.output import amount, plain, say
from cli.progress import counting
from cli.sidecar_photos import Photos
from cli.sidecar_record import Entry, Record
from xmp import edit, files
from xmp.marks import Marks, Tag, above
from xmp.names import Naming
from xmp.packet import NotXmp

if TYPE_CHECKING:
    from client.client import Client
    from client.values import Item, JobView

SHOWN = sidecar_problems.SHOWN


@dataclass(slots=True)
class Written:
    """What became of the sidecars. ``cleared``: an earlier job's tags taken out of a photo that has none any more."""

    made: int = 0
    merged: int = 0
    unchanged: int = 0
    cleared: int = 0
    missing: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def tell(self) -> None:
        """Says it to a person."""
        counts = (
            (self.made, "made"),
            (self.merged, "added to"),
            (self.unchanged, "unchanged"),
            (self.cleared, "cleared"),
        )
        words = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        say(f"sidecars: {words or 'none, for no photo has a tag'}")
        for names, why in (
            (self.missing, "no longer there"),
            (self.shared, "without a sidecar, for another photo of the same stem has it"),
        ):
            if names:
                say(f"{amount(len(names), 'photo')} {why}: {plain(', '.join(names[:SHOWN]))}{_more(len(names))}")
        sidecar_problems.tell(self.problems)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "made": self.made,
            "merged": self.merged,
            "unchanged": self.unchanged,
            "cleared": self.cleared,
            "missing": self.missing,
            "shared": self.shared,
            "problems": sidecar_problems.as_json(self.problems),
        }


class Writer:
    """Writes sidecars beside the photos at ``place``, a folder or a single photo. ``home`` keeps the record."""

    def __init__(self, client: "Client", place: Path, home: Path, root: str, naming: Naming) -> None:
        self._client, self._photos, self._home = client, Photos(place), home
        self._root, self._naming = root, naming
        self._given: set[Path] = set()
        self.written = Written()

    def write(self, job: "JobView") -> None:
        """All photos of a finished job. A photo that was rejected loses the tags that an earlier job gave it."""
        parents = self._parents(job)
        with Record(self._home, job.id) as record, counting("writing sidecars", job.counts.done) as tell:
            for done, item in enumerate(self._client.items(job.id), 1):
                if item.decision != "failed":
                    self._item(item, parents, record)
                tell(done)

    def _item(self, item: "Item", parents: Mapping[str, str], record: Record) -> None:
        photo = self._photos.find(item.name)
        if photo is None:
            if item.tags:
                self.written.missing.append(item.name)
            return
        path = files.beside(photo, self._naming)
        try:
            if item.tags:
                self._tagged(path, item, _marks(item, parents, self._root, photo.name), record)
            else:
                self._untagged(path, photo)
        except (files.Untouchable, NotXmp) as error:
            self.written.problems[str(path)] = str(error)

    def _tagged(self, path: Path, item: "Item", marks: Marks, record: Record) -> None:
        sidecar = files.read(path)
        if path in self._given or self._another_has(sidecar, path.with_name(marks.photo)):
            self.written.shared.append(item.name)
            return
        edited = edit.fresh(marks) if sidecar.data is None else edit.merged(sidecar.data, marks)
        record.add(path, Entry(edited.added, edited.own_file))
        if edited.data == sidecar.data:
            self.written.unchanged += 1
        else:
            files.write(sidecar, edited.data)
            if sidecar.data is None:
                self.written.made += 1
            else:
                self.written.merged += 1
        if self._naming is Naming.STEM:
            self._given.add(path)

    def _untagged(self, path: Path, photo: Path) -> None:
        sidecar = files.read(path)
        if path in self._given or self._another_has(sidecar, photo):
            return
        found = None if sidecar.data is None else edit.cleared(sidecar.data, None)
        if found is None:
            return
        if found.data is None:
            files.delete(sidecar)
        else:
            files.write(sidecar, found.data)
        self.written.cleared += 1

    def _another_has(self, sidecar: files.Sidecar, photo: Path) -> bool:
        """Whether another photo of the same stem, which is still there, got the sidecar in an earlier run."""
        if self._naming is not Naming.STEM or sidecar.data is None:
            return False
        other = Path(edit.photo_in(sidecar.data) or "").name
        return other not in ("", photo.name) and photo.with_name(other).exists()

    def _parents(self, job: "JobView") -> Mapping[str, str]:
        """The categories of the job's model; none when the server has removed it."""
        from client.errors import Refused

        try:
            found: Mapping[str, str] = self._client.model(f"{job.model}@{job.version}").get("parents", {})
        except Refused:
            return {}
        return found


def _marks(item: "Item", parents: Mapping[str, str], root: str, photo: str) -> Marks:
    tags = tuple(Tag(tag.label, tag.confidence, above(tag.label, parents)) for tag in item.tags)
    return Marks(item.job, item.model, item.version, item.raw["model"]["checksum"], tags, root, photo)


def _more(count: int) -> str:
    return " …" if count > SHOWN else ""
