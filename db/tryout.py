"""Database and uploads, tried once when a process starts: what cannot be used is better said than logged for ever."""

from errno import EDQUOT, ENOSPC

from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from configuration import WrongSettings, refusal
from db.blobs import open_blobs
from db.database import Database
from settings import Settings


def try_out(settings: Settings, *, uploads: bool = True, writes: bool = True) -> None:
    """Connects to the database, opens the place for ``uploads`` and, where the program ``writes`` any, begins one.

    Raises `WrongSettings`; a full disk is none.
    """
    lines = []
    if why := _database(settings.database):
        name = "database_url" if settings.database_url else "data_dir"
        lines.append(refusal(name, getattr(settings, name), f"the database {why}"))
    if uploads and (why := _uploads(settings.blobs, writes)):
        name = "blobs_url" if settings.blobs_url else "data_dir"
        lines.append(refusal(name, getattr(settings, name), f"the place for uploads {why}"))
    if lines:
        raise WrongSettings("\n".join(lines))


def _database(url: str) -> str:
    try:
        database = Database(url)
    except (ArgumentError, ValueError):
        return "has an address that cannot be read"  # the error's own text may have the password
    except OSError as error:
        return f"cannot be made there ({error.strerror})"
    try:
        database.engine.connect().close()
    except SQLAlchemyError as error:
        return f"does not answer ({' '.join(str(getattr(error, 'orig', None) or error).split())})"
    finally:
        database.close()
    return ""


def _uploads(url: str, writes: bool) -> str:
    try:
        blobs = open_blobs(url)
        if writes:
            blobs.probe()
    except ValueError as error:
        return f"has an address that cannot be read ({error})"
    except OSError as error:
        return "" if error.errno in (ENOSPC, EDQUOT) else f"cannot be used ({error.strerror})"
    return ""
