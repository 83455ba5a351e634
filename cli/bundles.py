"""The model that a command is told of, opened."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.context import settings
from cli.output import Failure

if TYPE_CHECKING:
    from model.bundle import Bundle


def open_bundle(text: str) -> "Bundle":
    """The model in the folder ``text``, or the installed one called so, also ``name@version``. Raises `Failure`."""
    from model.bundle import MANIFEST, Bundle, BundleDamaged, BundleInvalid, BundleMissing
    from model.shelf import Shelf

    folder = Path(text).expanduser()
    try:
        if (folder / MANIFEST).is_file():
            return Bundle.open(folder)
        given = settings()
        return Bundle.open(Shelf(given.bundle_folders, given.model).find(text).path)
    except (BundleMissing, BundleDamaged, BundleInvalid) as error:
        raise Failure(str(error)) from error
