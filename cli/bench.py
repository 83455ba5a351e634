"""``shoebox bench``: how quick each backend is where the photos are judged."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.context import local_client, settings
from cli.output import PROBLEM, USAGE, AsJson, Failure, console, errors, lively, note, plain, say, show_json
from cli.stack import ensure_up
from cli.tag import Model

BAR = 24


def bench(
    photo: Annotated[Path, typer.Argument(help="One image to measure with.")],
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Measure every backend on a worker, between jobs, with one photo. Needs an admin key.

    `shoebox model bench` measures in this process instead, and compares the verdicts as well.
    """
    from contextlib import nullcontext

    from client.upload import of_file

    photo = photo.expanduser()
    if not photo.is_file():
        raise Failure(f"there is no file {photo}", USAGE)
    ensure_up()
    with local_client(settings(), patience=30.0) as client:
        if not lively():
            note("measuring on a worker")
        with errors.status("measuring on a worker") if lively() else nullcontext():
            found = client.benchmark(of_file(photo), model=model)
    if as_json:
        show_json(found)
        return
    _show(found)
    if found["fastest"] is None:
        raise Failure("no backend could be measured", PROBLEM)


def _show(found: dict[str, Any]) -> None:
    from rich.bar import Bar
    from rich.table import Column, Table

    measured = [row for row in found["backends"] if row["available"]]
    most = max((row["speedup"] for row in measured), default=1.0)
    # Without lines between, all of it fits into 80 characters.
    table = Table(
        Column("backend", no_wrap=True),
        *(Column(title, justify="right") for title in ("ms alone", "ms in a batch", "times")),
        Column("", width=BAR),
        box=None,
        pad_edge=False,
    )
    for row in sorted(measured, key=lambda row: -row["speedup"]):
        fastest = row["name"] == found["fastest"]
        table.add_row(
            f"[bold]{plain(row['name'])}[/]" if fastest else plain(row["name"]),
            f"{row['milliseconds']:.1f}",
            f"{row['batch_milliseconds']:.1f}",
            f"{row['speedup']:.2f}",
            Bar(most, 0, row["speedup"], width=BAR, color="green" if fastest else "default"),
        )
    console.print(table)
    for row in found["backends"]:
        if not row["available"]:
            say(f"{plain(row['name'])}: {plain(row['reason'] or 'not available')}")
    title = plain(f"{found['model']['name']} {found['model']['version']}")
    if found["fastest"] is not None:
        say(f"Fastest for {title}: {plain(found['fastest'])}, {most:.2f} times the slowest's throughput in batches.")
