"""A job's tags, taken out of the sidecars again."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import sidecar_problems
from cli.output import say
from cli.sidecar_record import Entry, Record
from xmp import edit, files
from xmp.names import SUFFIX
from xmp.packet import NotXmp


@dataclass(slots=True)
class Undone:
    """What became of a job's sidecars. ``without``: none of the job's tags were in them any more."""

    job: str
    deleted: int = 0
    cleared: int = 0
    without: int = 0
    gone: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    def tell(self) -> None:
        """Says it to a person."""
        counts = (
            (self.deleted, "deleted, for they held nothing else"),
            (self.cleared, "cleared of its tags"),
            (self.without, "without tags of this job, left alone"),
            (self.gone, "no longer there"),
        )
        words = "; ".join(f"{count:,} {what}" for count, what in counts if count)
        say(f"job {self.job}: {words or 'no sidecar was written for it, or all is undone'}")
        sidecar_problems.tell(self.problems)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "job": self.job,
            "deleted": self.deleted,
            "cleared": self.cleared,
            "without": self.without,
            "gone": self.gone,
            "problems": sidecar_problems.as_json(self.problems),
        }


def undo(home: Path, job: str, folder: Path | None = None) -> Undone:
    """Takes the job's tags out of all sidecars on record, and of those below ``folder``, where photos may have moved.

    What could not be undone stays on record. Raises `Failure` for what is no job's id.
    """
    record, undone = Record(home, job), Undone(job)
    entries = record.entries()
    left: dict[Path, Entry] = {}
    for path, entry in entries.items():
        if not _one(path, entry, undone):
            left[path] = entry
    for path in _below(folder):
        if path not in entries:
            _one(path, None, undone)
    record.keep(left)
    return undone


def _one(path: Path, entry: Entry | None, undone: Undone) -> bool:
    """One sidecar; ``entry`` is what is on record of it. Returns whether there is nothing left to do."""
    try:
        sidecar = files.read(path)
        if sidecar.data is None:
            undone.gone += 1
            return True
        remembered, own_file = (entry.added, entry.own_file) if entry is not None else (None, False)
        found = edit.cleared(sidecar.data, undone.job, remembered, own_file=own_file)
        if found is None:
            undone.without += entry is not None
        elif found.data is None:
            files.delete(sidecar)
            undone.deleted += 1
        else:
            files.write(sidecar, found.data)
            undone.cleared += 1
    except (files.Untouchable, NotXmp) as error:
        # Of a file that merely lies in the folder nobody claimed that it is a sidecar of ours.
        if entry is not None:
            undone.problems[str(path)] = str(error)
        return False
    return True


def _below(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    for parent, _, names in os.walk(folder.absolute()):
        for name in names:
            if name.lower().endswith(SUFFIX):
                yield Path(parent, name)
