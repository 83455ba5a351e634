"""``shoebox xmp`` and ``undo``: tags into the sidecars of photos, and out of them again."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import local_client, settings
from cli.jobs import JobId
from cli.output import PROBLEM, USAGE, AsJson, Failure, plain, say, show_json
from xmp.names import ROOT, ROOT_PATTERN, Naming

if TYPE_CHECKING:
    from cli.sidecar_write import Written
    from client.client import Client
    from client.values import JobView

WriteXmp = Annotated[
    bool,
    typer.Option("--write-xmp", help="Write the tags into XMP sidecars beside the photos too; undo: shoebox undo JOB."),
]
XmpNaming = Annotated[Naming, typer.Option(help="Sidecars' names. full: IMG.jpg.xmp; stem: IMG.xmp.")]
XmpRoot = Annotated[str, typer.Option(help="The keyword above all tags.")]


def check_root(root: str) -> str:
    """The root itself. Raises `Failure` for one that is no keyword."""
    if not re.fullmatch(ROOT_PATTERN, root):
        raise Failure("--xmp-root must be 1 to 64 characters without | and /", USAGE)
    return root


def xmp(
    job_id: JobId,
    photos: Annotated[Path, typer.Argument(help="The folder, or the photo, that the job was made of.")],
    xmp_naming: XmpNaming = Naming.FULL,
    xmp_root: XmpRoot = ROOT,
    as_json: AsJson = False,
) -> None:
    """Write a finished job's tags into XMP sidecars beside the photos. Photos are never touched."""
    photos = photos.expanduser()
    check_root(xmp_root)
    if not photos.exists():
        raise Failure(f"there is no file or folder {photos}", USAGE)
    given = settings()
    with local_client(given, patience=30.0) as client:
        view = client.job(job_id).view
        if not view.finished:
            raise Failure(f"job {view.id} is still {view.state}: wait for its end")
        written = write_beside(client, [view], photos, given.home, xmp_root, xmp_naming)
    if as_json:
        show_json({"job": view.id, **written.as_json()})
    else:
        written.tell()
    if written.problems:
        raise typer.Exit(PROBLEM)


def undo(
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB...", help="The jobs whose tags are to go.")],
    folder: Annotated[
        Path | None, typer.Option(help="Look here too, for sidecars that were moved since they were written.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a job's tags out of the sidecars that `tag --write-xmp` or `xmp` wrote; all else in them stays."""
    from cli.sidecar_undo import undo as take_out

    folder = folder.expanduser() if folder is not None else None
    if folder is not None and not folder.is_dir():
        raise Failure(f"there is no folder {folder}", USAGE)
    undone = [take_out(settings().home, job, folder) for job in dict.fromkeys(job_ids)]
    if as_json:
        show_json([each.as_json() for each in undone])
    else:
        for each in undone:
            each.tell()
    if any(each.problems for each in undone):
        raise typer.Exit(PROBLEM)


def write_beside(
    client: "Client", views: Sequence["JobView"], place: Path, home: Path, root: str, naming: Naming
) -> "Written":
    """The tags of finished jobs into sidecars beside the photos at ``place``."""
    from cli.sidecar_write import Writer

    writer = Writer(client, place, home, root, naming)
    for view in views:
        writer.write(view)
    return writer.written


class Sidecars:
    """What ``shoebox tag --write-xmp`` does with the jobs it made of ``place``."""

    def __init__(self, place: Path, home: Path, root: str, naming: Naming) -> None:
        self._place, self._home, self._root, self._naming = place, home, check_root(root), naming
        self._written: Written | None = None
        self._zips: list[Path] = []

    def write(self, client: "Client", views: Sequence["JobView"], results: Path) -> dict[str, Any]:
        """Sidecars beside photos; what came as a ZIP has them as ``sidecars.zip`` in ``results``. For programs."""
        done = [view for view in views if view.state == "completed"]
        if self._place.is_dir() or all(source.kind == "image" for view in done for source in view.sources):
            self._written = write_beside(client, done, self._place, self._home, self._root, self._naming)
            return self._written.as_json()
        results.mkdir(parents=True, exist_ok=True)
        self._zips = [
            client.sidecars(view.id, results / "sidecars.zip", root=self._root, naming=self._naming) for view in done
        ]
        return {"zip": [str(path) for path in self._zips]}

    def tell(self) -> None:
        """Says it to a person."""
        if self._written is not None:
            self._written.tell()
        for path in self._zips:
            say(f"sidecars: {plain(str(path))}; unpack it where the ZIP's photos are")

    @property
    def problems(self) -> bool:
        """Whether a sidecar could not be written."""
        return self._written is not None and bool(self._written.problems)
