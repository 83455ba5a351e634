"""What was promoted, on disk: ``current.json`` says which version of a name is current, and which name the default."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CURRENT = "current.json"


@dataclass(slots=True)
class Promoted:
    """``default`` is the name promoted last, ``versions`` the version of each name; ``problem``: why neither counts."""

    default: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def read(folder: Path) -> Promoted:
    """What ``current.json`` in ``folder`` says; without one, or with one that is not ours, nothing is promoted."""
    try:
        said = json.loads((folder / CURRENT).read_bytes())
        default, versions = said["default"], dict(said["versions"])
        if not isinstance(default, str | None) or not all(isinstance(version, str) for version in versions.values()):
            raise TypeError("a name or version is not text")
    except FileNotFoundError:
        return Promoted()
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Promoted(problem=f"it cannot be read, so nothing counts as promoted ({error})")
    return Promoted(default, versions)


@contextmanager
def changing(folder: Path) -> Iterator[Promoted]:
    """What was promoted, to be changed in place: by one process at a time, and on disk in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        promoted = read(folder)
        yield promoted
        fresh = folder / f".{CURRENT}-{os.getpid()}"
        with fresh.open("w", encoding="utf-8") as file:
            said = {"default": promoted.default, "versions": promoted.versions}
            file.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / CURRENT)
    finally:
        os.close(lock)
