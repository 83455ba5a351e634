"""``shoebox model``: which models there are, and all that can be done with them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import (
    model_add,
    model_bench,
    model_compare,
    model_dataset,
    model_evaluate,
    model_export,
    model_promote,
    model_remove,
    model_train,
)
from cli.bundles import open_bundle, open_shelf
from cli.everywhere import everywhere, here
from cli.output import PROBLEM, AsJson, complain, console, own_name, plain, say, show_json

if TYPE_CHECKING:
    from model.shelf import Installed

app = typer.Typer(help="Train, add, measure, promote, list and show models.", no_args_is_help=True)


@app.command("list")
@here
def list_(as_json: AsJson = False) -> None:
    """List the models that are installed here: every version, which is current, which is the default."""
    shelf = open_shelf()
    rows = [_row(model) for model in shelf.models()]
    problems = [{"path": str(problem.path), "why": problem.why} for problem in shelf.problems()]
    broken = bool(problems) or any("error" in row for row in rows)
    if as_json:
        show_json({"models": rows, "problems": problems})
    else:
        _show(rows)
        for problem in problems:
            complain(f"{problem['path']}: {problem['why']}")
        if not any(row["default"] for row in rows):
            complain(f"the default, {shelf.default}, is not here; promote one that is")
            broken = True
        say(f"To tag with another: {own_name()} tag PHOTOS --model NAME; {own_name()} model promote sets the default.")
    if broken:
        raise typer.Exit(PROBLEM)


def _row(model: "Installed") -> dict[str, Any]:
    """What the manifest says, and whether the files are those that it sealed."""
    from model.bundle import Bundle, BundleDamaged, BundleInvalid, BundleMissing

    row: dict[str, Any] = {
        "name": model.name,
        "version": model.version,
        "current": model.current,
        "default": model.default,
        "built_in": model.built_in,
        "labels": list(model.facts["labels"]),
        "knows": model.facts["knows"],
        "path": str(model.path),
    }
    try:
        Bundle.open(model.path)
    except (BundleMissing, BundleDamaged, BundleInvalid) as error:
        row["error"] = str(error)
    return row


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("model", "version", "", "tags", "knows")
    for row in rows:
        known = plain(row["knows"]) if "error" not in row else f"[red]{plain(row['error'])}[/]"
        words = [word for word in ("default", "current", "built in") if row[word.replace(" ", "_")]]
        table.add_row(plain(row["name"]), plain(row["version"]), ", ".join(words), f"{len(row['labels']):,}", known)
    console.print(table)


@app.command()
@here
def show(
    name: Annotated[
        str | None, typer.Argument(help="NAME, NAME@VERSION or a bundle's folder; default: the default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one model: its card, or with --json its labels, thresholds and figures."""
    import json

    from model.bundle import CARD, MANIFEST

    bundle = open_bundle(name)
    if as_json:
        show_json(json.loads((bundle.path / MANIFEST).read_text(encoding="utf-8")))
        return
    from rich.markdown import Markdown

    console.print(Markdown((bundle.path / CARD).read_text(encoding="utf-8")))


app.command()(here(model_train.train))
app.command()(here(model_add.add))
app.command()(here(model_promote.promote))
app.command()(here(model_remove.remove))
app.command()(everywhere(model_dataset.dataset))
app.command()(here(model_evaluate.evaluate))
app.command()(here(model_compare.compare))
app.command()(here(model_bench.bench))
app.command()(here(model_export.export))
