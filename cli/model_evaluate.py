"""``shoebox model evaluate``: what a model does on given photos, as a page and as JSON."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.bundles import open_bundle
from cli.output import USAGE, AsJson, Failure, amount, plain, say, show_json
from cli.photos import results_folder


def evaluate(
    bundle: Annotated[str, typer.Argument(help="A model's name, or its folder.")],
    data: Annotated[Path, typer.Argument(help="A folder or ZIP with one folder of photos per class, or an .npz.")],
    ood: Annotated[
        list[Path] | None,
        typer.Option(help="A folder or ZIP of pictures that the model does not know; may be given several times."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report; default: DATA.report.")] = None,
    backend: Annotated[str, typer.Option(help="What runs the network; auto takes the quickest.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    part: Annotated[Literal["train", "test"], typer.Option(help="Which part of an .npz.")] = "test",
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled photos, and what its guards refuse of others; writes report.html and report.json."""
    try:
        from model.report.make import PAGE, make_report
    except ImportError as error:
        raise Failure(
            f"the report needs {error.name}; install it with: pip install -c constraints.txt -e '.[report]'"
        ) from error
    from cli.progress import several
    from model.backends.base import BackendMissing
    from model.report.pictures import NoPictures, open_pictures, title_of
    from model.selfcheck import SelfCheckFailed
    from model.train.data import DataError, open_photos

    model = open_bundle(bundle)
    data = data.expanduser()
    title = title_of(data)
    folder = results_folder(data, out or Path(f"{title}.report"))
    arrays = data.suffix.lower() == ".npz"
    try:
        photos = open_photos(data, part=part, labels=model.labels if arrays else ())
        outside = [open_pictures(path.expanduser()) for path in ood or ()]
        with several() as seen:
            found = make_report(model, title, photos, outside, folder, backend=backend, device=device, progress=seen)
    except (DataError, NoPictures) as error:
        raise Failure(str(error), USAGE) from error
    except (BackendMissing, SelfCheckFailed) as error:
        raise Failure(str(error)) from error
    if as_json:
        show_json(found | {"report": str(folder / PAGE)})
        return
    _summary(found)
    say(f"The whole report: {plain(str(folder / PAGE))}")


def _summary(found: dict[str, Any]) -> None:
    """The main figures, a few lines."""
    from model.report.page import percent

    figures, normal, lost = found["classification"], found["strictness"]["normal"], found["data"]["lost"]
    say(f"{plain(found['model']['name'])} {plain(found['model']['version'])} on {amount(figures['photos'], 'photo')}:")
    say(f"  {percent(figures['accuracy'])} named right; calibration error {percent(figures['calibration_error'])}")
    say(f"  {percent(normal['coverage'])} accepted, {percent(normal['accepted_accuracy'])} of these right")
    if suspects := found["label_errors"]["suspects"]:
        say(f"  {amount(suspects, 'label looks', 'labels look')} wrong")
    for name, each in found["outside"].items():
        say(f"{plain(name)}: {percent(each['rejected']['normal'])} of {amount(each['pictures'], 'picture')} rejected")
        lost = lost + each["lost"]
    if lost:
        say(f"{amount(len(lost), 'file')} could not be judged; the report names them")
