"""Which sidecars were written for a job, and which words were added: kept in the data directory for `shoebox undo`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from cli.output import USAGE, Failure
from xmp.marks import Words

FOLDER = "sidecars"
_JOB = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Entry:
    """The words that are ours in one sidecar, and whether the whole file was our making."""

    added: Words
    own_file: bool

    def __or__(self, other: "Entry") -> "Entry":
        """What either says."""
        return Entry(self.added | other.added, self.own_file or other.own_file)


class Record:
    """A job's record: one line for each sidecar. Raises `Failure` for what is no job's id.

    A line is written before its sidecar is: what breaks off in between leaves a line too many, never one too few.
    """

    def __init__(self, home: Path, job: str) -> None:
        if not _JOB.fullmatch(job):
            raise Failure(f"{job} is no job's id", USAGE)
        self.path = home / FOLDER / f"{job}.jsonl"
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = self.path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self.path.stat().st_size == 0:
            self.path.unlink()

    def add(self, sidecar: Path, entry: Entry) -> None:
        """Notes a sidecar that is about to be written; the record must have been entered."""
        assert self._file is not None
        self._file.write(_line(sidecar.absolute(), entry))

    def entries(self) -> dict[Path, Entry]:
        """What was noted of each sidecar; empty where nothing was."""
        found: dict[Path, Entry] = {}
        try:
            with self.path.open(encoding="utf-8") as lines:
                for line in _whole(lines):
                    path, before = Path(line["sidecar"]), found.get(Path(line["sidecar"]))
                    added = Words(*(tuple(line["added"][name]) for name in ("subjects", "hierarchical", "tags_list")))
                    entry = Entry(added, line["own_file"])
                    # Written twice: where our namespace was lost in between, the second time found the first's words
                    # there and took them for another's.
                    found[path] = entry if before is None else before | entry
        except FileNotFoundError:
            pass
        return found

    def keep(self, entries: Mapping[Path, Entry]) -> None:
        """Forgets all but these, in one step: who breaks off in between has the whole record still."""
        if not entries:
            self.path.unlink(missing_ok=True)
            return
        partial = self.path.with_suffix(".part")
        partial.write_text("".join(_line(path, entry) for path, entry in entries.items()), encoding="utf-8")
        partial.replace(self.path)


def _line(sidecar: Path, entry: Entry) -> str:
    line = {"sidecar": str(sidecar), "added": asdict(entry.added), "own_file": entry.own_file}
    return json.dumps(line) + "\n"


def _whole(lines: IO[str]) -> Iterator[dict[str, Any]]:
    """All lines but one that a loss of power cut off."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue
