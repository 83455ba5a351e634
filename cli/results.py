"""``shoebox results`` and ``classify``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.context import local_client, settings
from cli.jobs import AsJson, JobId
from cli.output import OK, PROBLEM, USAGE, Failure, plain, say, show_json
from cli.stack import ensure_up
from cli.tag import Allow, Backend, Confidence, Deny, Model, Novelty, TopK


class Kind(StrEnum):
    """The formats of a results file."""

    JSONL = "jsonl"
    CSV = "csv"


def results(
    job_id: JobId,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    kind: Annotated[list[Kind] | None, typer.Option("--format", help="Default: jsonl and csv.")] = None,
) -> None:
    """Fetch a job's results as files."""
    folder = out.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with local_client(settings(), patience=30.0) as client:
        for each in kind or [Kind.JSONL, Kind.CSV]:
            say(plain(str(client.results(job_id, each, folder / f"results.{each}"))))


def classify(
    photo: Annotated[Path, typer.Argument(help="One image.")],
    model: Model = None,
    backend: Backend = None,
    top_k: TopK = None,
    min_confidence: Confidence = None,
    novelty: Novelty = None,
    allow: Allow = None,
    deny: Deny = None,
    as_json: AsJson = False,
) -> None:
    """Judge one photo at once. Exit code 1 when it gets no tag."""
    from client.upload import of_file

    photo = photo.expanduser()
    if not photo.is_file():
        raise Failure(f"there is no file {photo}", USAGE)
    ensure_up(quiet=True)
    with local_client(settings(), patience=30.0) as client:
        item = client.classify(
            of_file(photo),
            model=model,
            backend=backend,
            top_k=top_k,
            min_confidence=min_confidence,
            novelty=novelty,
            allow=allow or None,
            deny=deny or None,
        )
    if as_json:
        show_json(item.raw)
    elif item.decision == "accepted":
        say(", ".join(f"[bold]{plain(tag.label)}[/] ({tag.confidence:.0%})" for tag in item.tags))
    else:
        say(f"{item.decision}, {(item.reason or '').replace('_', ' ')}: {plain(item.explanation)}")
    raise typer.Exit(OK if item.decision == "accepted" else PROBLEM)
