"""Where the results of what a person points at go."""

import os
from pathlib import Path

from cli.output import USAGE, Failure


def results_folder(photos: Path, out: Path | None) -> Path:
    """Where the results go: ``out``, else ``NAME.shoebox`` in the current folder. It need not exist yet.

    Raises `Failure` when it could not be written to: better before the work than after it.
    """
    folder = out.expanduser() if out is not None else Path(f"{photos.resolve().stem or 'photos'}.shoebox")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Failure(f"the results cannot be written to {folder}", USAGE)
    return folder
