"""``shoebox results`` and ``classify``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.context import local_client, settings
from cli.jobs import JobId
from cli.output import OK, PROBLEM, USAGE, AsJson, Failure, plain, say, show_json
from cli.photos import results_folder
from cli.stack import ensure_up
from cli.tag import Allow, Backend, Confidence, Deny, Model, Novelty, TopK


class Kind(StrEnum):
    """The formats of a results file."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"


def results(
    job_id: JobId,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    kind: Annotated[list[Kind] | None, typer.Option("--format", help="Default: jsonl and csv.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a job's results as files. To read them here: `shoebox items`."""
    folder = results_folder(Path("results"), out)
    with local_client(settings(), patience=30.0) as client:
        client.job(job_id)  # a wrong id leaves no empty folder
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"results.{each}" for each in kind or [Kind.JSONL, Kind.CSV]]
        files = [client.results(job_id, name.partition(".")[2], folder / name) for name in names]
    if as_json:
        show_json({"job": job_id, "results": [str(file) for file in files]})
        return
    for file in files:
        say(plain(str(file)))


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
    ensure_up()
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
