"""The end of ``shoebox tag`` and ``shoebox job --watch``: results fetched, remembered and summed up."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import summary
from cli.ledger import Ledger
from cli.output import PROBLEM, Failure, plain, say, show_json

if TYPE_CHECKING:
    from cli.sidecars import Sidecars
    from client.client import Client
    from client.values import JobView


def finish(
    client: "Client",
    views: Sequence["JobView"],
    folder: Path,
    ledger: Ledger,
    as_json: Mapping[str, Any] | None = None,
    sidecars: "Sidecars | None" = None,
) -> None:
    """Fetches the results of finished jobs into ``folder`` and sums them up, as JSON with what ``as_json`` adds.

    ``sidecars`` are written once the results are safe. Raises `Failure` for a job that failed or was canceled, after
    everything else was told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jsonl = fetch(client, [view.id for view in views], "jsonl", folder / "results.jsonl")
    csv = fetch(client, [view.id for view in views], "csv", folder / "results.csv")
    tally = summary.Tally()
    ledger.settle([view.id for view in views], tally.passing(_lines(jsonl)))
    written = {} if sidecars is None else {"sidecars": sidecars.write(client, views, folder)}
    if as_json is not None:
        more = {**as_json, **written, "results": [str(jsonl), str(csv)]}
        show_json({"jobs": [view.raw for view in views], **summary.as_json(views, tally), **more})
    else:
        summary.show(views, tally, _model(client, views[0]))
        names = f"job {views[0].id}" if len(views) == 1 else f"{len(views)} jobs"
        say(f"results: {plain(str(jsonl))} and {plain(csv.name)} ({names})")
        if sidecars is not None:
            sidecars.tell()
    for view in views:
        if view.state != "completed":
            raise Failure(view.message or f"job {view.id} ended as {view.state}", PROBLEM)


def fetch(client: "Client", jobs: Sequence[str], kind: str, path: Path) -> Path:
    """The results of several jobs in one file, jsonl or csv, which appears only when complete."""
    if len(jobs) == 1:
        return client.results(jobs[0], kind, path)
    whole, piece = (path.with_name(f".{path.name}.{os.getpid()}.{name}") for name in ("whole", "piece"))
    try:
        with whole.open("wb") as file:
            for number, job in enumerate(jobs):
                with client.results(job, kind, piece).open("rb") as one:
                    if kind == "csv" and number:
                        one.readline()  # the line with the columns' names
                    shutil.copyfileobj(one, file)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)
        piece.unlink(missing_ok=True)
    return path


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _model(client: "Client", view: "JobView") -> dict[str, Any] | None:
    """What the server says of the model; ``None`` when it has been removed meanwhile."""
    from client.errors import Refused

    try:
        return client.model(f"{view.model}@{view.version}")
    except Refused:
        return None
