"""What a person points at, made ready to be sent: a ZIP, one image, or a folder in as many parts as must be."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.ledger import Account, Judge, Ledger, Recording, digest_of, fingerprint
from cli.output import USAGE, Failure, note, plain
from cli.progress import looking
from client.folder import Member, Skip, walk
from client.listing import Listing, Part
from client.upload import Upload, folder_name, of_file, of_stream
from client.zipstream import ZipStream

if TYPE_CHECKING:
    from client.client import Client
    from settings import Settings

TOO_LARGE = "larger than an upload may be"
# How many photos are looked at between two words about it.
LOOKS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may hold: photos, and bytes of its upload."""

    photos: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes one job. ``members`` is ``None`` for a ZIP, whose photos are not known here."""

    name: str
    path: Path
    members: Part | tuple[Member, ...] | None
    fingerprint: str
    bytes: int

    def upload(self, recording: Recording) -> Upload:
        """Its bytes; ``recording`` hears of each photo. Raises `OSError`."""
        if isinstance(self.members, Part):
            stream = ZipStream(
                self.members, begin=recording.begin, record=recording.record, finish=recording.finish
            )  # fmt: skip
            return of_stream(self.name, stream, self.bytes)
        recording.begin()
        for member in self.members or ():
            if (digest := digest_of(member.path)) is not None:
                recording.record(member, 0, digest)
        recording.finish()
        return of_file(self.path)


@dataclass(slots=True)
class Library:
    """What was found: what is to be sent, how many photos are done already, and what stays behind for which reason."""

    parcels: list[Parcel] = field(default_factory=list)
    photos: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def must_hold_photos(path: Path) -> None:
    """A first look, before anything is started. Raises `Failure` where there is nothing to send."""
    try:
        if not path.exists():
            raise Failure(f"there is no file or folder {path}", USAGE)
        if path.is_dir():
            if next(walk(path), None) is None:
                raise Failure(f"there are no photos in {path}; what it holds: --show-skipped", USAGE)
        elif not path.is_file():
            raise Failure(f"{path} is neither a file nor a folder", USAGE)
        else:
            with path.open("rb"):
                pass
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", USAGE) from error


def gather(
    path: Path,
    account: Account,
    params: Mapping[str, Any],
    limits: Limits,
    ledger: Ledger,
    judge: Judge | None = None,
    show_skipped: bool = False,
) -> Library:
    """Looks through ``path``. With a ``judge``, photos that it has judged before are left out.

    Raises `Failure` when it cannot be read.
    """
    found = Library()

    def skip(name: str, reason: str) -> None:
        found.skipped[reason] += 1
        if show_skipped:
            note(f"skipped, {reason}: {plain(name)}")

    try:
        if path.is_dir():
            _folder(found, path, account, params, limits, ledger, judge, skip)
        else:
            _file(found, path, account, params, ledger, judge)
    except OSError as error:
        raise Failure(f"{error.filename or path} cannot be read: {error.strerror}", USAGE) from error
    return found


def limits_of(client: "Client", given: "Settings") -> Limits:
    """What the server takes in one job; where the key may not ask for that, what the settings here say."""
    from client.errors import Refused

    try:
        said = client.system()["limits"]
    except Refused:
        said = {}
    return Limits(
        min(given.max_entries, int(said.get("max_entries", given.max_entries))),
        min(given.max_upload_bytes, int(said.get("max_upload_bytes", given.max_upload_bytes))),
    )


def _folder(
    found: Library,
    path: Path,
    account: Account,
    params: Mapping[str, Any],
    limits: Limits,
    ledger: Ledger,
    judge: Judge | None,
    skip: Skip,
) -> None:
    def wanted() -> Iterator[Member]:
        with looking() as look:
            for seen, member in enumerate(walk(path, skip), 1):
                if seen % LOOKS == 0:
                    look(seen)
                if member.size > limits.bytes:
                    skip(member.name, TOO_LARGE)
                elif judge is not None and ledger.is_done(member, judge):
                    found.known += 1
                else:
                    yield member

    listing = Listing(wanted(), limits.photos, limits.bytes)
    found.photos = listing.count
    name = folder_name(path)
    for number, part in enumerate(listing.parts, 1):
        title = name if len(listing.parts) == 1 else f"{name.removesuffix('.zip')} {number}.zip"
        found.parcels.append(Parcel(title, path, part, fingerprint(account, params, part), part.bytes))


def _file(
    found: Library, path: Path, account: Account, params: Mapping[str, Any], ledger: Ledger, judge: Judge | None
) -> None:
    at = path.stat()
    member = Member(path.resolve(), path.name, at.st_size, at.st_mtime_ns, at.st_ino)
    image = not _is_zip(path)
    if judge is not None and not image:
        raise Failure("--only-new looks at photos one by one: give it a folder or an image, not a ZIP", USAGE)
    if judge is not None and ledger.is_done(member, judge):
        found.known = 1
        return
    found.photos = 1 if image else 0
    told = fingerprint(account, params, (member,))
    found.parcels.append(Parcel(path.name, path, (member,) if image else None, told, at.st_size))


def _is_zip(path: Path) -> bool:
    from worker.sniff import HEAD_BYTES, ZIP, sniff

    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)) == ZIP


def in_words(skipped: Mapping[str, int]) -> Iterable[str]:
    """One short phrase for each reason, the commonest first."""
    return (f"{count:,} {reason}" for reason, count in sorted(skipped.items(), key=lambda one: -one[1]))
