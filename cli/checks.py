"""What `shoebox doctor` looks at: each part by itself, with a way to mend what is wrong."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from cli.port import holder
from cli.starting import ask_health
from cli.supervise import Supervisor
from settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One part's state. ``mend`` says what to do and is empty when the part is well."""

    part: str
    ok: bool
    detail: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at every part in turn. A check that fails itself is a finding too, never an exception."""
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("python", python),
        ("packages", packages),
        ("data directory", data_directory),
        ("key", key),
        ("port", port),
        ("redis", redis),
        ("database", database),
        ("uploads", uploads),
        ("model", model),
        ("backend", backend),
        ("decoders", decoders),
        ("stack", stack),
    )
    for part, check in checks:
        try:
            yield check(settings)
        except Exception as error:
            yield Finding(part, False, f"the check failed: {error}", "see: shoebox logs")


def python(settings: Settings) -> Finding:
    """The interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python", sys.version_info >= (3, 11), found, "" if sys.version_info >= (3, 11) else "use Python 3.11 or newer"
    )


def packages(settings: Settings) -> Finding:
    """Everything the package list of Shoebox names for this system, without an extra."""
    from packaging.requirements import Requirement

    missing = []
    listed = [Requirement(line) for line in requires("shoebox") or ()]
    needed = [one.name for one in listed if one.marker is None or one.marker.evaluate({"extra": ""})]
    for name in needed:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", False, f"missing: {', '.join(missing)}", "pip install -c constraints.txt -e .")
    return Finding("packages", True, f"{len(needed)} installed, Shoebox {version('shoebox')}")


def data_directory(settings: Settings) -> Finding:
    """Rights and free space."""
    home = settings.home
    if not home.exists():
        return Finding("data directory", False, f"{home} does not exist yet", "shoebox up")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data directory", False, f"{home} cannot be written to", "chown it, or set SHOEBOX_DATA_DIR")
    mode = home.stat().st_mode & 0o777
    if mode & 0o077:
        return Finding("data directory", False, f"{home} is open to others (mode {mode:o})", f"chmod 700 {home}")
    free = shutil.disk_usage(home).free
    if free < settings.min_free_bytes:
        return Finding(
            "data directory",
            False,
            f"{free / 1e9:.1f} GB free in {home}",
            "make room, or set SHOEBOX_DATA_DIR to another disk",
        )
    return Finding("data directory", True, f"{home}, {free / 1e9:.0f} GB free")


def key(settings: Settings) -> Finding:
    """The local key's file."""
    path = settings.key_path
    if not path.exists():
        return Finding("key", False, f"{path} does not exist", "shoebox up (makes a new one)")
    mode = path.stat().st_mode & 0o777
    if mode != 0o600:
        return Finding("key", False, f"{path} has mode {mode:o}", f"chmod 600 {path}")
    return Finding("key", True, str(path))


def port(settings: Settings) -> Finding:
    """Free, or held by our own API."""
    if ask_health(settings) is not None:
        return Finding("port", True, f"{settings.url} is Shoebox")
    who = holder(settings.host, settings.port)
    if who is None:
        return Finding("port", True, f"{settings.port} is free")
    return Finding("port", False, f"{settings.port} is taken by {who}", f"SHOEBOX_PORT={settings.port + 1} shoebox up")


def redis(settings: Settings) -> Finding:
    """A ping."""
    from redis import Redis, RedisError

    name = "embedded" if settings.embedded_redis else "SHOEBOX_REDIS_URL"
    with closing(Redis.from_url(settings.redis, socket_timeout=3, socket_connect_timeout=3)) as connection:
        try:
            connection.ping()
            found = str(dict(connection.info("server"))["redis_version"])  # type: ignore[arg-type]
        except RedisError as error:
            mend = "shoebox up" if settings.embedded_redis else "start it, or correct SHOEBOX_REDIS_URL"
            return Finding("redis", False, f"{name} does not answer: {error}", mend)
    return Finding("redis", True, f"{name}, version {found}")


def database(settings: Settings) -> Finding:
    """Reachable and migrated."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.database import Database
    from db.upgrade import is_current

    opened = Database(settings.database)
    kind = "SQLite" if opened.sqlite else opened.url.get_backend_name()
    try:
        current = is_current(opened)
    except SQLAlchemyError as error:
        return Finding(
            "database", False, f"{kind}: {getattr(error, 'orig', None) or error}", "correct SHOEBOX_DATABASE_URL"
        )
    finally:
        opened.close()
    if not current:
        return Finding(
            "database",
            False,
            f"{kind} does not have the newest tables",
            "shoebox db upgrade (shoebox up does it as well)",
        )
    return Finding("database", True, f"{kind}, newest tables")


def uploads(settings: Settings) -> Finding:
    """How much is kept, how old it is, and whether more may come."""
    from db.blobs import open_blobs
    from db.database import Database
    from db.query.uploads import oldest, stored
    from db.upgrade import is_current

    opened = Database(settings.database)
    try:
        if not is_current(opened):
            return Finding("uploads", False, "unknown without the newest tables", "shoebox up")
        with opened.read() as session:
            count, size = stored(session)
            days = oldest(session)
    finally:
        opened.close()
    try:
        blobs = open_blobs(settings.blobs)
        blobs.probe()
        # What lies in a folder is counted; of S3 each thousand would be a request.
        used = size if blobs.free_bytes() is None else sum(file.bytes for file in blobs.files())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        return Finding("uploads", False, f"the store cannot be used: {why}", "see: docs/deployment.md, Uploads in S3")
    quota = settings.blobs_quota_bytes
    kept = f"{settings.keep_uploads:g} days" if settings.keep_uploads else "for ever"
    age = "" if days is None else f", the oldest {days:.0f} days old"
    limit = f" of {quota / 1e9:.1f} GB" if quota else ""
    said = f"{count:,} kept in {blobs.place}, {used / 1e9:.2f} GB{limit}{age}; kept {kept} after their job"
    if quota and used >= 0.9 * quota:
        return Finding("uploads", False, said, "raise SHOEBOX_BLOBS_QUOTA_BYTES, delete jobs, or: shoebox db prune")
    return Finding("uploads", True, said)


def model(settings: Settings) -> Finding:
    """The bundle that judges jobs which name none, every checksum of it."""
    from model.bundle import Bundle, BundleDamaged, BundleInvalid, BundleMissing
    from model.shelf import Shelf

    try:
        bundle = Bundle.open(Shelf(settings.bundle_folders, settings.model).find().path)
    except BundleMissing as error:
        mend = "set SHOEBOX_MODEL to one that is there" if settings.model else "shoebox model promote NAME"
        return Finding("model", False, str(error), mend)
    except (BundleDamaged, BundleInvalid) as error:
        return Finding("model", False, str(error), "install the model again")
    return Finding("model", True, f"{bundle.name}, version {bundle.version}: {len(bundle.labels)} tags, files intact")


def backend(settings: Settings) -> Finding:
    """What runs the network."""
    from model.backends.choose import available

    here = [name for name in available() if name != "fake"]
    if settings.backend not in ("auto", "fake", *here):
        return Finding("backend", False, f"{settings.backend} is not installed", "set SHOEBOX_BACKEND=auto")
    if not here:
        return Finding("backend", False, "none is installed", "pip install openvino")
    means = f" (here: {_automatic(settings)})" if settings.backend == "auto" else ""
    return Finding("backend", True, f"{settings.backend}{means}; installed: {', '.join(here)}")


def decoders(settings: Settings) -> Finding:
    """What a picture that takes over its decoder could reach, tried out in a confined process. No fault, but told."""
    from model.confine import FILES, MEMORY, NETWORK, PROGRAMS

    command = [sys.executable, "-m", "model.confine"]
    here = str(Path(__file__).resolve().parents[1])
    ran = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, timeout=60, check=True, text=True)
    withheld = ran.stdout.split()
    left = [name for name in (NETWORK, FILES, PROGRAMS, MEMORY) if name not in withheld]
    detail = f"out of their reach: {', '.join(withheld) or 'nothing but other processes'}"
    return Finding("decoders", True, detail + (f"; this system cannot withhold: {', '.join(left)}" if left else ""))


def _automatic(settings: Settings) -> str:
    """What ``auto`` is for the default model, without measuring anything."""
    from model.automatic import remembered
    from model.backends.batches import CPU_BATCH
    from model.bundle import Bundle, BundleDamaged, BundleInvalid, BundleMissing
    from model.shelf import Shelf

    try:
        bundle = Bundle.open(Shelf(settings.bundle_folders, settings.model).find().path)
    except (BundleMissing, BundleDamaged, BundleInvalid):  # a finding of its own
        return "depends on the model"
    batch = settings.batch_size or CPU_BATCH
    known = remembered(bundle, settings.backends_path, settings.device, settings.threads_each, batch)
    return known or "measured when a worker first opens the model"


def stack(settings: Settings) -> Finding:
    """The processes, and the workers' signs of life as the API sees them."""
    supervisor = Supervisor(settings)
    health = ask_health(settings)
    states = supervisor.states()
    if not states and health is None:
        return Finding("stack", False, "not running", "shoebox up")
    if not states and supervisor.socket.exists():
        return Finding("stack", False, "its supervisor was killed", "shoebox up (starts everything anew)")
    down = [state.name for state in states if state.state != "RUNNING"]
    if down:
        return Finding("stack", False, f"not running: {', '.join(down)}", f"shoebox logs {down[0]}")
    if health is None:
        return Finding("stack", False, "the API does not answer", "shoebox logs api")
    ill = [f"{name} ({part.get('detail')})" for name, part in health["parts"].items() if part["status"] != "ok"]
    if ill:
        return Finding("stack", False, "not ready: " + ", ".join(ill), "shoebox logs")
    return Finding("stack", True, ", ".join(state.name for state in states) or "runs elsewhere")
