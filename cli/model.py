"""``shoebox model``: which models there are, and how to make one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import model_dataset, model_evaluate
from cli.context import settings
from cli.jobs import AsJson
from cli.output import USAGE, Failure, console, own_name, plain, say, show_json
from cli.output import errors as error_console

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


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="A folder or ZIP with one folder of photos per class.")],
    name: Annotated[str | None, typer.Option(help="The model's name; default: the data's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The bundle's folder; default: where Shoebox finds it by name.")
    ] = None,
    validation: Annotated[Path | None, typer.Option(help="Photos kept apart; default: a fifth of the data.")] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", "--arch", help="A timm name, as tf_efficientnetv2_b0.")
    ] = None,
    init: Annotated[Path | None, typer.Option(help="A bundle or .safetensors file to start from.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="The bundle's version.")] = None,
    size: Annotated[int | None, typer.Option(min=32, help="Side in pixels at which the model reads.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of fine-tuning.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Photos in one step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, data and machine: same model.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for decoded photos and the checkpoint.")] = None,
    knows: Annotated[str | None, typer.Option(help="One sentence: which pictures the model knows.")] = None,
    training_data: Annotated[str | None, typer.Option(help="One sentence: where the photos come from.")] = None,
    licence: Annotated[str | None, typer.Option(help="The licence of the model.")] = None,
) -> None:
    """Train a model on your own photos. A run that was interrupted goes on when it is started again."""
    try:
        from model.train.data import DataError
        from model.train.pipeline import ExportError, TrainConfig
        from model.train.pipeline import train as run
    except ImportError as error:
        raise Failure(
            f"training needs {error.name}; install it with: pip install -c constraints.txt -e '.[train]'"
        ) from error

    title = name or (out.name if out is not None else data.expanduser().resolve().stem.lower())
    given: dict[str, Any] = {
        "validation": validation,
        "architecture": architecture,
        "init": init,
        "version": version,
        "size": size,
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "device": device,
        "work": work,
        "knows": knows,
        "training_data": training_data,
        "licence": licence,
    }
    config = TrainConfig(
        data=data.expanduser(),
        out=out.expanduser() if out is not None else settings().bundle_folders[0] / title,
        name=title,
        **{field: value for field, value in given.items() if value is not None},
    )
    try:
        path = run(config, lambda text: error_console.print(plain(text), soft_wrap=True))
    except DataError as error:
        raise Failure(str(error), USAGE) from error
    except ExportError as error:
        raise Failure(str(error)) from error
    if path.parent not in settings().bundle_folders:
        say(f"{plain(str(path))} is ready; to tag with it, move it into {plain(str(settings().bundle_folders[0]))}")
        return
    # Workers look for models when they start.
    say(f"{plain(str(path))} is ready; tag with it: {own_name()} down; {own_name()} tag PHOTOS --model {plain(title)}")


app.command()(model_dataset.dataset)
app.command()(model_evaluate.evaluate)
