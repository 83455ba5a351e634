"""``shoebox tag``: from photos on disk to a summary and result files."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.context import local_client, settings
from cli.output import INTERRUPTED, PROBLEM, Failure, amount, own_name, plain, say
from cli.photos import results_folder, upload_of
from cli.stack import ensure_up

if TYPE_CHECKING:
    from client.client import Client
    from client.job import Job
    from client.values import JobView

Model = Annotated[str | None, typer.Option(help="The model to judge with; see: shoebox model list.")]
Backend = Annotated[str | None, typer.Option(help="openvino, onnxruntime or torch; default: what the worker has.")]
TopK = Annotated[int | None, typer.Option(min=1, help="Most tags for a photo.")]
Confidence = Annotated[float | None, typer.Option(min=0, max=1, help="Least confidence of a tag.")]
Novelty = Annotated[
    Literal["strict", "normal", "off"] | None, typer.Option(help="How strictly unknown pictures are refused.")
]
Allow = Annotated[list[str] | None, typer.Option(help="Only this tag; may be given several times.")]
Deny = Annotated[list[str] | None, typer.Option(help="Never this tag; may be given several times.")]


def tag(
    photos: Annotated[Path, typer.Argument(help="A ZIP, a folder or one image.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default: NAME.shoebox here.")] = None,
    model: Model = None,
    backend: Backend = None,
    top_k: TopK = None,
    min_confidence: Confidence = None,
    novelty: Novelty = None,
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """Tag photos: starts Shoebox if need be, sends them, waits, and writes results.jsonl and results.csv."""
    photos = photos.expanduser()
    upload = upload_of(photos)
    folder = results_folder(photos, out)
    ensure_up(quiet=True)
    from cli.progress import uploading

    with local_client(settings(), patience=60.0) as client:
        try:
            with uploading(upload.estimate) as sent:
                job = client.submit(
                    [upload],
                    on_bytes=sent,
                    model=model,
                    backend=backend,
                    top_k=top_k,
                    min_confidence=min_confidence,
                    novelty=novelty,
                    allow=allow or None,
                    deny=deny or None,
                )
        except KeyboardInterrupt:
            say("\ninterrupted while sending: nothing was submitted")
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            raise Failure(f"{error.filename or photos} cannot be read: {error.strerror}") from error
        if upload.left_out:
            shown = ", ".join(upload.left_out[:3]) + (" …" if len(upload.left_out) > 3 else "")
            say(f"{amount(len(upload.left_out), 'file')} could not be opened and stayed behind: {plain(shown)}")
        finish(client, follow(client, job, out), folder)


def follow(client: "Client", job: "Job", out: Path | None) -> "JobView":
    """Waits for the job with live progress. Ctrl-C leaves it running and says how to come back."""
    from cli.patience import Patience
    from cli.progress import judging

    patience = Patience(client)
    try:
        with judging() as show:

            def look(view: "JobView") -> None:
                show(view)
                patience.look(view)

            return job.wait(on_change=look)
    except KeyboardInterrupt:
        more = f" --out {shlex.quote(str(out))}" if out is not None else ""
        say(f"\nthe job goes on without you; come back to it with: {own_name()} job {job.id} --watch{plain(more)}")
        raise typer.Exit(INTERRUPTED) from None


def finish(client: "Client", view: "JobView", folder: Path) -> None:
    """Fetches the results of a finished job into ``folder`` and sums them up. Exit code 1 for a job that failed."""
    from cli import summary

    folder.mkdir(parents=True, exist_ok=True)
    jsonl = client.results(view.id, "jsonl", folder / "results.jsonl")
    csv = client.results(view.id, "csv", folder / "results.csv")
    summary.show(view, summary.tally(jsonl), _model(client, view.model))
    say(f"results: {plain(str(jsonl))} and {plain(csv.name)} (job {view.id})")
    if view.state != "completed":
        raise Failure(view.message or f"the job ended as {view.state}", PROBLEM)


def _model(client: "Client", name: str) -> dict[str, Any] | None:
    """What the server says of the model; ``None`` when it has been removed meanwhile."""
    from client.errors import Refused

    try:
        return client.model(name)
    except Refused:
        return None
