"""What a person points at: a ZIP, a folder or one image."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import USAGE, Failure

if TYPE_CHECKING:
    from client.upload import Upload


def upload_of(photos: Path) -> "Upload":
    """The upload of ``photos``. Raises `Failure` when there is nothing to send."""
    from client.upload import of_path

    try:
        found = of_path(photos)
    except FileNotFoundError as error:
        raise Failure(f"there is no file or folder {photos}", USAGE) from error
    except OSError as error:
        raise Failure(f"{photos} cannot be read: {error.strerror}", USAGE) from error
    if photos.is_dir() and found.estimate == 0:
        raise Failure(f"there are no photos in {photos}", USAGE)
    return found


def results_folder(photos: Path, out: Path | None) -> Path:
    """Where the results go: ``out``, else ``NAME.shoebox`` in the current folder. It need not exist yet.

    Raises `Failure` when it could not be written to: better before the work than after it.
    """
    folder = out.expanduser() if out is not None else Path(f"{photos.resolve().stem or 'photos'}.shoebox")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Failure(f"the results cannot be written to {folder}", USAGE)
    return folder
