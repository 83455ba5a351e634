"""``shoebox items`` and ``review``: verdicts one by one, and what a person says about them."""

import itertools
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.context import local_client, settings
from cli.jobs import JobId
from cli.output import USAGE, AsJson, Failure, console, own_name, plain, say, show_json, show_line

if TYPE_CHECKING:
    from client.values import Item


def items(
    job_id: JobId,
    decision: Annotated[
        Literal["accepted", "rejected", "failed"] | None, typer.Option(help="Only these verdicts.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason, such as low_confidence.")] = None,
    label: Annotated[str | None, typer.Option(help="Only photos with this first tag.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="How many at most; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one line for each photo.")] = False,
) -> None:
    """List a job's verdicts, each photo with its id."""
    from rich.table import Column, Table

    filters = {"decision": decision, "reason": reason, "label": label}
    with local_client(settings(), patience=30.0) as client:
        found = itertools.islice(client.items(job_id, **filters), limit)
        if as_json:
            for item in found:
                show_line(item.raw)
            return
        table = Table(Column("id", no_wrap=True), "photo", "verdict", "tags, or the reason", box=None, pad_edge=False)
        for item in found:
            table.add_row(item.id, plain(item.name), item.decision, plain(_words(item)))
    if table.row_count:
        console.print(table)
        say(f"To correct one: {own_name()} review ID --label TAG; to confirm it: {own_name()} review ID --correct")
    else:
        say("There are no such photos in this job.")


def review(
    item_id: Annotated[str, typer.Argument(help="The photo's id, from `items`: JOB-POSITION.")],
    correct: Annotated[bool, typer.Option("--correct", help="The verdict is right as it stands.")] = False,
    label: Annotated[str | None, typer.Option(help="This tag is the right one.")] = None,
    none: Annotated[bool, typer.Option("--none", help="None of the model's tags fits.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a verdict is right; `shoebox model dataset` makes training photos of it."""
    if [correct, label is not None, none].count(True) != 1:
        raise Failure("say one of --correct, --label TAG and --none", USAGE)
    with local_client(settings()) as client:
        said = client.confirm(item_id) if correct else client.review(item_id, label)
    if as_json:
        found: dict[str, Any] = {"id": item_id, "label": said.label, "correct": said.correct}
        show_json(found | {"reviewed_at": said.reviewed_at.isoformat()})
        return
    right = "none of the model's tags fits" if said.label is None else f"the right tag is {plain(said.label)}"
    say(f"{plain(item_id)}: {'the verdict is confirmed' if said.correct else right}")


def _words(item: "Item") -> str:
    tags = ", ".join(f"{tag.label} ({tag.confidence:.0%})" for tag in item.tags)
    return tags or (item.reason or "").replace("_", " ")
