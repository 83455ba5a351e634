"""The models that commands are told of: the shelf, one of it opened, and what goes wrong with them in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.context import settings
from cli.output import REFUSED, USAGE, Failure

if TYPE_CHECKING:
    from model.bundle import Bundle
    from model.shelf import Shelf


def open_shelf() -> "Shelf":
    """The models that are installed here."""
    from model.shelf import Shelf

    given = settings()
    return Shelf(given.bundle_folders, given.model)


def open_bundle(text: str | None) -> "Bundle":
    """The model in the folder ``text``, or the installed one called so, also ``name@version``; ``None``: the default.

    Raises `Failure`.
    """
    from model.bundle import MANIFEST, Bundle

    with in_words():
        folder = None if text is None else Path(text).expanduser()
        if folder is not None and (folder / MANIFEST).is_file():
            return Bundle.open(folder)
        return Bundle.open(open_shelf().find(text).path)


@contextmanager
def in_words() -> Iterator[None]:
    """Makes a `Failure` of what bundles and the shelf raise, and of a disk that is full or may not be written to."""
    from model.bundle import BundleDamaged, BundleInvalid, BundleMissing
    from model.shelf import ShelfRefused

    try:
        yield
    except BundleMissing as error:
        raise Failure(str(error)) from error
    except (BundleDamaged, BundleInvalid, ShelfRefused) as error:
        raise Failure(str(error), REFUSED) from error
    except OSError as error:
        raise Failure(f"{error.filename or 'the models'}: {error.strerror or error}") from error


def must_fit(name: str | None = None, version: str | None = None) -> None:
    """Raises `Failure` for what can be no model's name or version; ``None`` is not looked at."""
    from model.bundle import NAME, VERSION

    if name is not None and not NAME.fullmatch(name):
        raise Failure(f"--name may hold small letters, digits and . _ - only, not {name!r}", USAGE)
    if version is not None and not VERSION.fullmatch(version):
        raise Failure(f"--version may hold letters, digits and . _ + - only, not {version!r}", USAGE)
