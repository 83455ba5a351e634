"""``shoebox model``: which models there are, and how to make one."""

from typing import Annotated, Any

import typer

from cli import model_compare, model_dataset, model_evaluate, model_train
from cli.context import settings
from cli.jobs import AsJson
from cli.output import Failure, console, own_name, plain, say, show_json

app = typer.Typer(help="Train, list and show models.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the models that are installed here."""
    from rich.table import Table

    from model.bundle import BUILT_IN, Bundle, BundleDamaged, BundleInvalid, list_bundles

    given = settings()
    rows: list[dict[str, Any]] = []
    for path in list_bundles((*given.bundle_folders, BUILT_IN)):
        row: dict[str, Any] = {"name": path.name, "path": str(path), "default": path.name == given.model}
        try:
            bundle = Bundle.open(path)
        except (BundleDamaged, BundleInvalid) as error:
            row["error"] = str(error)
        else:
            row |= {"version": bundle.version, "labels": list(bundle.labels), "knows": bundle.knows}
        rows.append(row)
    if as_json:
        show_json(rows)
        return
    table = Table("model", "version", "tags", "knows")
    for row in rows:
        name = plain(row["name"]) + (" (default)" if row["default"] else "")
        if "error" in row:
            table.add_row(name, "", "", f"[red]{plain(row['error'])}[/]")
        else:
            table.add_row(name, plain(row["version"]), f"{len(row['labels']):,}", plain(row["knows"]))
    console.print(table)
    say(f"To tag with another: {own_name()} tag PHOTOS --model NAME; SHOEBOX_MODEL sets the default.")


@app.command()
def show(name: Annotated[str, typer.Argument(help="The model's name.")], as_json: AsJson = False) -> None:
    """Show one model: its card, or with --json its labels, thresholds and figures."""
    from model.bundle import BUILT_IN, CARD, MANIFEST, Bundle, BundleDamaged, BundleInvalid, BundleMissing, find_bundle

    try:
        bundle = Bundle.open(find_bundle(name, (*settings().bundle_folders, BUILT_IN)))
    except (BundleMissing, BundleDamaged, BundleInvalid) as error:
        raise Failure(str(error)) from error
    if as_json:
        import json

        show_json(json.loads((bundle.path / MANIFEST).read_text()))
        return
    from rich.markdown import Markdown

    console.print(Markdown((bundle.path / CARD).read_text()))


app.command()(model_train.train)
app.command()(model_dataset.dataset)
app.command()(model_compare.compare)
app.command()(model_evaluate.evaluate)
