"""``shoebox model compare``: whether a new model is better than the old one, on the same photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.bundles import open_bundle, open_shelf
from cli.output import USAGE, AsJson, Failure, amount, console, own_name, plain, say, show_json

if TYPE_CHECKING:
    from model.bundle import Bundle

SHOWN = 5


def compare(
    old: Annotated[str, typer.Argument(help="The model in use: its name, NAME@VERSION or its folder.")],
    new: Annotated[str, typer.Argument(help="The model that might take its place.")],
    data: Annotated[Path, typer.Argument(help="Photos that neither was trained on: a folder or ZIP, or an .npz.")],
    ood: Annotated[
        list[Path] | None,
        typer.Option(help="A folder or ZIP of pictures that neither knows; may be given several times."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page with the photos that changed here (HTML).")] = None,
    backend: Annotated[str, typer.Option(help="What runs the networks; auto takes the quickest.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Judge the same photos with two models: what the new one fixes and breaks, and whether that is more than chance.

    The photos lie in one folder for each label, as for training. Use photos that neither model learned from.
    """
    from cli.progress import several
    from model.backends.base import BackendMissing
    from model.report.compare import compare as run
    from model.report.compare import open_labelled
    from model.report.pictures import NoPictures, open_pictures
    from model.selfcheck import SelfCheckFailed
    from model.train.source import DataError

    before, after = open_bundle(old), open_bundle(new)
    if before.checksum == after.checksum:
        raise Failure(f"{old} and {new} are the same model", USAGE)
    try:
        photos = open_labelled(data.expanduser(), before.labels)
        outside = [open_pictures(path.expanduser()) for path in ood or ()]
        with several() as progress:
            found = run(before, after, photos, outside, backend=backend, device=device, progress=progress)
    except (DataError, NoPictures) as error:
        raise Failure(str(error), USAGE) from error
    except (BackendMissing, SelfCheckFailed) as error:
        raise Failure(str(error)) from error
    if out is not None:
        out = out.expanduser()
        _write(out, found, photos.pictures.read)
    if as_json:
        show_json(found | ({} if out is None else {"report": str(out)}))
        return
    _show(found)
    say(f"[bold]{plain(found['sentence'][0].upper() + found['sentence'][1:])}.[/]")
    if found["verdict"] == "better":
        say(f"Promote it with: {plain(_promotion(after))}")
    elif found["verdict"] != "mixed":
        say(f"Keep {plain(before.name)} {plain(before.version)}.")
    if out is not None:
        say(f"The photos that changed: {plain(str(out))}")


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    sides = [found["old"], found["new"]]
    table = Table("", *(plain(f"{side['name']} {side['version']}") for side in sides), "change")
    for column in table.columns[1:]:
        column.justify = "right"
    for title, key in (
        ("named right", "accuracy"),
        ("accepted", "coverage"),
        ("right among the accepted", "accepted_accuracy"),
    ):
        _row(table, title, *(side[key] for side in sides))
    for title, each in found["outside"].items():
        _row(table, f"refused of {title} ({each['pictures']:,})", each["old_refused"], each["new_refused"])
    for label, each in found["per_label"].items():
        _row(table, f"F1 of {label} ({each['photos']:,})", each["old_f1"], each["new_f1"])
    console.print(table)
    for side in sides:
        if side["unknown_labels"]:
            strangers = plain(", ".join(side["unknown_labels"]))
            say(f"{plain(side['name'])} {plain(side['version'])} does not know {strangers}: these count as wrong")
    for title, changed in (("fixed", found["fixed"]), ("broken", found["broken"])):
        say(f"{title}: {amount(len(changed), 'photo')}")
        for each in changed[:SHOWN]:
            say(f"  {plain(each['name'])}: {plain(each['old'])}, now {plain(each['new'])} (is {plain(each['label'])})")
        if len(changed) > SHOWN:
            say(f"  and {len(changed) - SHOWN:,} more; --json names them all")
    _chances(found)
    lost = found["data"]["lost"]
    if lost:
        names = ", ".join(each["name"] for each in lost[:SHOWN]) + (" …" if len(lost) > SHOWN else "")
        say(f"{amount(len(lost), 'file')} could not be judged and left out: {plain(names)}")


def _row(table: Any, title: str, old: float | None, new: float | None) -> None:
    said = ["-" if value is None else f"{100 * value:.1f} %" for value in (old, new)]
    change = "" if old is None or new is None else f"{100 * (new - old):+.1f}"
    table.add_row(plain(title), *said, change)


def _chances(found: dict[str, Any]) -> None:
    """McNemar's test in plain words."""
    from model.report.compare import GOOD, chance

    for name, test in found["tests"].items():
        if test["gained"] + test["lost"]:
            say(
                f"{GOOD[name]}: {test['gained']:,} more, {test['lost']:,} fewer; "
                f"models that are equally good would differ so much in {chance(test['chance'])} of such comparisons"
            )


def _promotion(bundle: "Bundle") -> str:
    """What a person types to put the model in use."""
    title = f"{bundle.name}@{bundle.version}"
    installed = any(model.checksum == bundle.checksum for model in open_shelf().models())
    promote = f"{own_name()} model promote {title}"
    return promote if installed else f"{own_name()} model add {bundle.path}; {promote}"


def _write(out: Path, found: dict[str, Any], read: Any) -> None:
    try:
        from model.report.compare_page import page
    except ImportError as error:
        raise Failure(
            f"the page needs {error.name}; install it with: pip install -c constraints.txt -e '.[report]'"
        ) from error
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(found, read), encoding="utf-8")
    except OSError as error:
        raise Failure(f"the page cannot be written: {error.strerror} ({out})") from error
