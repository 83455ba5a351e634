"""``shoebox model dataset``: what people said about verdicts, as photos to train on."""

import functools
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import local_client, settings
from cli.output import USAGE, AsJson, Failure, amount, console, own_name, plain, say, show_json

if TYPE_CHECKING:
    from cli.reviewed import DataSet
    from client.client import Client
    from client.values import Item

SHOWN = 5


def dataset(
    out: Annotated[Path, typer.Argument(help="A new folder for the data set.")],
    from_reviews: Annotated[bool, typer.Option("--from-reviews", help="Take every photo that was reviewed.")] = False,
    model: Annotated[str | None, typer.Option(help="Only photos that this model judged.")] = None,
    job: Annotated[str | None, typer.Option(help="Only photos of this job.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only reviews since then (UTC).")
    ] = None,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Pixels of a photo's longer side, at most.")] = 512,
    holdout: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the photos kept apart for `shoebox model compare`.")
    ] = 0.2,
    as_zip: Annotated[bool, typer.Option("--zip", help="A ZIP for each part instead of folders.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a data set of your reviews: a folder of photos for each label, ready for `shoebox model train`."""
    if not from_reviews:
        raise Failure("say what the data set is made of: --from-reviews", USAGE)
    out = out.expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Failure(f"{out} is there already and not empty; choose a new folder", USAGE)
    from cli.reviewed import DataSet

    after = None if since is None else since.replace(tzinfo=UTC)
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True)
        made = DataSet(draft, holdout)
        with local_client(settings(), patience=30.0) as client:
            _fill(made, client, {"model": model}, job, after, size)
        if not made.reviewed:
            raise Failure(
                "no photo was reviewed" + (" that fits" if model or job or since else "") + "; review some first: "
                "POST /v1/items/ITEM/review"
            )
        if as_zip:
            made.zip()
        draft.rename(out)
    except OSError as error:
        raise Failure(f"the data set cannot be written: {error.strerror} ({error.filename or out})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    found = summary(made, out)
    if as_json:
        show_json(found)
    else:
        _show(found, as_zip)


def _fill(
    made: "DataSet", client: "Client", filters: dict[str, Any], job: str | None, after: datetime | None, size: int
) -> None:
    from cli.progress import counting
    from cli.reviewed import PhotoMissing
    from client.errors import Refused

    def items() -> Iterator["Item"]:
        found = client.history(reviewed=True, **filters) if job is None else client.items(job, reviewed=True, **filters)
        return (item for item in found if item.review and (after is None or item.review.reviewed_at >= after))

    @functools.cache
    def categories(model: str) -> frozenset[str]:
        try:
            return frozenset(client.model(model)["parents"].values())
        except Refused:  # the model was removed: its labels are as good as any
            return frozenset()

    def fetch(item: "Item") -> bytes:
        if item.review and item.review.label in categories(f"{item.model}@{item.version}"):
            raise PhotoMissing("category")
        # The small copies that the API gives anyway: networks read no more than a few hundred pixels, the file was
        # decoded in the sandbox, and neither place nor camera comes along.
        try:
            return client.image(item.id, size)
        except Refused as error:
            if error.status in (404, 410, 422):
                raise PhotoMissing(error.code) from error
            raise

    # Counted first, for the bar; the list is read again rather than kept.
    with counting("fetching photos", sum(1 for _ in items())) as show:
        made.fill(items(), fetch, show)


def summary(made: "DataSet", out: Path) -> dict[str, Any]:
    """What became of the reviews, as plain JSON."""
    from cli.reviewed import TEST, TRAIN
    from model.train.data import FEWEST

    train = made.counts(TRAIN)
    return {
        "folder": str(out),
        "reviewed": made.reviewed,
        "repeated": made.repeated,
        "train": train,
        "test": made.counts(TEST),
        "train_outliers": made.outliers(TRAIN),
        "test_outliers": made.outliers(TEST),
        "missing": made.missing,
        "too_few": {label: count for label, count in train.items() if count < FEWEST},
        "fewest": FEWEST,
        "renamed": {label: folder for label, folder in made.folders.items() if label != folder},
    }


def _show(found: dict[str, Any], as_zip: bool) -> None:
    from rich.table import Table

    table = Table("label", "to train on", "kept apart")
    for column in table.columns[1:]:
        column.justify = "right"
    for label, count in found["train"].items():
        table.add_row(plain(label), f"{count:,}", f"{found['test'][label]:,}")
    if found["train_outliers"] or found["test_outliers"]:
        table.add_row("[dim]none of the labels[/]", f"{found['train_outliers']:,}", f"{found['test_outliers']:,}")
    console.print(table)
    for why, text in (
        ("upload_gone", "that had an upload that is gone"),
        ("no_preview", "that cannot be read as a picture"),
        ("not_found", "that was deleted meanwhile"),
        ("expired", "that expired meanwhile"),
        ("category", "whose confirmed tag is a category and so no class to train on; give them a label of their own"),
    ):
        names = found["missing"].get(why, [])
        if names:
            more = " …" if len(names) > SHOWN else ""
            say(f"left out: {amount(len(names), 'photo')} {text}: {plain(', '.join(names[:SHOWN]))}{more}")
    if found["repeated"]:
        say(f"{amount(found['repeated'], 'review')} of a photo that was reviewed twice: the later one counts")
    for label, folder in found["renamed"].items():
        say(f"the label {plain(label)} is in the folder {plain(folder)}")
    if found["too_few"]:
        few = ", ".join(f"{label} ({count})" for label, count in found["too_few"].items())
        say(f"too few to train on (it takes {found['fewest']}): {plain(few)}; review more, or add photos of your own")
    say(f"{plain(found['folder'])} is ready; train on it: {plain(_next(found, as_zip))}")


def _next(found: dict[str, Any], as_zip: bool) -> str:
    end = ".zip" if as_zip else ""
    outliers = f" --outliers {found['folder']}/train-outliers{end}" if found["train_outliers"] else ""
    return f"{own_name()} model train {found['folder']}/train{end}{outliers} --name NAME --version VERSION"
