"""``shoebox jobs``, ``job``, ``cancel``, ``retry`` and ``rerun``."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli import complete
from cli.context import local_client, settings
from cli.output import AsJson, amount, console, own_name, plain, say, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.values import JobView

JobId = Annotated[str, typer.Argument(help="The job's id; see: shoebox jobs.", autocompletion=complete.jobs)]


def jobs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    from rich.table import Column, Table

    with local_client(settings()) as client:
        found = list(itertools.islice(client.jobs(), limit))
    if as_json:
        show_json([view.raw for view in found])
        return
    if not found:
        say(f"There are no jobs yet; make one with: {own_name()} tag PHOTOS")
        return
    table = Table(
        Column("job", no_wrap=True, min_width=26), "from", "state", "photos", "tagged", "not tagged", "failed"
    )
    for view in found:
        counts = view.counts
        numbers = (counts.total, counts.accepted, counts.rejected, counts.failed)
        table.add_row(view.id, plain(_from(view)), view.state, *("" if n is None else f"{n:,}" for n in numbers))
    console.print(table)


def job(
    job_id: JobId,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for its end, then fetch the results.")] = False,
    out: Annotated[Path | None, typer.Option(help="With --watch: folder for the results.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one job; with --watch, wait for it and fetch its results as `tag` does."""
    from cli.progress import describe

    if watch:
        _watch(job_id, out, as_json)
        return
    with local_client(settings()) as client:
        view = client.job(job_id).view
    if as_json:
        show_json(view.raw)
        return
    say(f"job {view.id} from {plain(_from(view))}: {view.state}" + (f" ({view.outcome})" if view.outcome else ""))
    say(f"model {plain(view.model)}, version {plain(view.version)}")
    say(describe(view))
    if view.waiting_for:
        say(f"waiting: {plain(view.waiting_for)}")
    for name in ("accepted", "rejected", "failed", "canceled", "skipped"):
        if count := getattr(view.counts, name):
            say(f"  {name}: {count:,}")
    if view.webhook is not None:
        say(_told(view.webhook))
    for source in view.sources:
        if source.error is not None:
            say(f"{plain(source.name)}: {plain(source.message or source.error)}")


def _watch(job_id: str, out: Path | None, as_json: bool) -> None:
    from cli.finishing import finish
    from cli.ledger import Ledger
    from cli.photos import results_folder
    from cli.tag import follow

    given = settings()
    with local_client(given, patience=60.0) as client:
        view = follow(client, client.job(job_id), out)
        given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Ledger(given.home) as ledger:
            finish(client, [view], results_folder(Path(_from(view)), out), ledger, {} if as_json else None)


def cancel(job_id: JobId, as_json: AsJson = False) -> None:
    """Stop a job; what it has judged so far is kept."""
    with local_client(settings()) as client:
        view = client.cancel(job_id).view
    if as_json:
        show_json(view.raw)
        return
    say(f"job {view.id}: {view.state}")


def retry(
    job_id: JobId,
    decision: Annotated[Literal["failed", "rejected"], typer.Option(help="Which photos.")] = "failed",
    as_json: AsJson = False,
) -> None:
    """Make a new job of a job's failed photos, without sending them again."""
    with local_client(settings()) as client:
        view = client.retry(job_id, decision).view
    if as_json:
        show_json(view.raw)
        return
    say(f"new job {view.id}; watch it with: {own_name()} job {view.id} --watch")


def rerun(
    job_id: JobId,
    model: Annotated[
        str, typer.Option(help="NAME or NAME@VERSION; see: shoebox model list.", autocompletion=complete.models)
    ],
    backend: Annotated[str | None, typer.Option(help="What runs the network; auto: the worker's choice.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a job's photos again with another model, without sending them; the old verdicts stay."""
    with local_client(settings()) as client:
        view = client.rerun(job_id, model, backend=backend).view
    if as_json:
        show_json(view.raw)
        return
    say(f"new job {view.id} with {plain(view.model)}, version {plain(view.version)}")
    say(f"watch it with: {own_name()} job {view.id} --watch")


def _told(webhook: "Mapping[str, Any]") -> str:
    tries = amount(webhook["attempts"], "try", "tries")
    said = {"waiting": "when the job ends", "pending": f"not yet, after {tries}", "delivered": "delivered"}
    state = said.get(webhook["state"], f"given up after {tries}")
    problem = f" ({webhook['error']})" if webhook.get("error") else ""
    return plain(f"webhook to {webhook['url']}: {state}{problem}")


def _from(view: "JobView") -> str:
    names = [source.name for source in view.sources]
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "") if names else view.id
