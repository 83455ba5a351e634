"""``shoebox jobs``, ``job``, ``cancel``, ``retry`` and ``rerun``."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.context import local_client, settings
from cli.output import console, own_name, plain, say, show_json

if TYPE_CHECKING:
    from client.values import JobView

JobId = Annotated[str, typer.Argument(help="The job's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


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
    from cli.photos import results_folder
    from cli.progress import describe
    from cli.tag import finish, follow

    with local_client(settings(), patience=60.0 if watch else 0.0) as client:
        handle = client.job(job_id)
        if watch and not as_json:
            view = follow(client, handle, out)
            finish(client, view, results_folder(Path(_from(view)), out))
            return
        view = handle.wait() if watch else handle.view
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
    for source in view.sources:
        if source.error is not None:
            say(f"{plain(source.name)}: {plain(source.message or source.error)}")


def cancel(job_id: JobId) -> None:
    """Stop a job; what it has judged so far is kept."""
    with local_client(settings()) as client:
        view = client.cancel(job_id).view
    say(f"job {view.id}: {view.state}")


def retry(
    job_id: JobId,
    decision: Annotated[Literal["failed", "rejected"], typer.Option(help="Which photos.")] = "failed",
) -> None:
    """Make a new job of a job's failed photos, without sending them again."""
    with local_client(settings()) as client:
        view = client.retry(job_id, decision).view
    say(f"new job {view.id}; watch it with: {own_name()} job {view.id} --watch")


def rerun(
    job_id: JobId,
    model: Annotated[str, typer.Option(help="The model: NAME, or NAME@VERSION; see: shoebox model list.")],
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


def _from(view: "JobView") -> str:
    names = [source.name for source in view.sources]
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "") if names else view.id
