"""``shoebox model train``: from labelled photos to a model of one's own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.bundles import must_fit, open_shelf
from cli.context import settings
from cli.output import USAGE, AsJson, Failure, lively, own_name, plain, report, say, show_json
from cli.output import errors as console

LINE_SECONDS = 20.0
FIRST = "1"


def train(
    data: Annotated[Path, typer.Argument(help="A folder or ZIP with one folder of photos per class, or an .npz.")],
    check: Annotated[bool, typer.Option("--check", help="Look at the data, write data.html, and stop.")] = False,
    name: Annotated[str | None, typer.Option(help="The model's name; default: the data's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The bundle's folder; default: where Shoebox finds it by name.")
    ] = None,
    validation: Annotated[Path | None, typer.Option(help="Photos kept apart; default: a share of the data.")] = None,
    validation_share: Annotated[
        float | None, typer.Option(min=0.02, max=0.5, help="That share of every class; default 0.2.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Names for an .npz's numbers, from 0, with commas.")] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", "--arch", help="A timm name, as tf_efficientnetv2_b0, or small_cnn.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="Start from a bundle, a .safetensors file, or hub: timm's pretrained weights.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="The bundle's version.")] = None,
    size: Annotated[int | None, typer.Option(min=32, help="Side in pixels at which the model reads.")] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Sides of the training stages, as 128,144; default: 80 and 90 % of the size.")
    ] = None,
    head_epochs: Annotated[int | None, typer.Option(min=0, help="Epochs of the head alone, at first.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of fine-tuning.")] = None,
    patience: Annotated[int | None, typer.Option(min=1, help="Stop after so many epochs without a gain.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Photos in one step.")] = None,
    head_rate: Annotated[float | None, typer.Option(min=0, help="Highest learning rate of the head alone.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Highest learning rate of fine-tuning.")] = None,
    schedule: Annotated[
        Literal["cosine", "plateau"] | None, typer.Option(help="How the rate falls: smoothly, or when nothing gains.")
    ] = None,
    drop: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share of features left out in training.")] = None,
    drop_path: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share of blocks left out.")] = None,
    smoothing: Annotated[float | None, typer.Option(min=0, max=0.9, help="Label smoothing.")] = None,
    mixup: Annotated[float | None, typer.Option(min=0, help="How far photos are mixed in pairs; 0: not.")] = None,
    ema: Annotated[float | None, typer.Option(min=0, max=0.99999, help="Decay of the averaged weights.")] = None,
    augment: Annotated[
        Literal["photos", "small"] | None, typer.Option(help="How far views stray: photos, or small pictures of 30 px.")
    ] = None,
    balance: Annotated[
        bool | None, typer.Option("--balance/--no-balance", help="Show photos of small classes more often (default).")
    ] = None,
    teacher: Annotated[Path | None, typer.Option(help="A bundle with the same labels to learn from as well.")] = None,
    teacher_weight: Annotated[float | None, typer.Option(min=0, max=1, help="How much its answers count.")] = None,
    teacher_features: Annotated[
        float | None, typer.Option(min=0, help="How much it counts that the features are like the teacher's.")
    ] = None,
    outliers: Annotated[
        list[Path] | None,
        typer.Option(help="A folder or ZIP of pictures that show none of the classes; may be given several times."),
    ] = None,
    outlier_weight: Annotated[float | None, typer.Option(min=0, help="How much they count.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, data and machine: same model.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for decoded photos, the checkpoint and data.html.")] = None,
    knows: Annotated[str | None, typer.Option(help="One sentence: which pictures the model knows.")] = None,
    training_data: Annotated[str | None, typer.Option(help="One sentence: where the photos come from.")] = None,
    licence: Annotated[str | None, typer.Option(help="The licence of the model.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on your own photos. A run that was interrupted goes on when it is started again."""
    try:
        from model.train import check as looking
        from model.train.config import HUB, TrainConfig
        from model.train.pipeline import ExportError
        from model.train.pipeline import train as run
        from model.train.source import DataError
    except ImportError as error:
        raise Failure(
            f"training needs {error.name}; install it with: pip install -c constraints.txt -e '.[train]'"
        ) from error

    title = name or (out.name if out is not None else data.expanduser().resolve().stem.lower())
    must_fit(title, version)
    given: dict[str, Any] = {
        "validation": _path(validation),
        "validation_share": validation_share,
        "labels": _words(labels),
        "architecture": architecture,
        "init": HUB if init == HUB else _path(None if init is None else Path(init)),
        "version": version or FIRST,
        "size": size,
        "sizes": _sides(sizes),
        "head_epochs": head_epochs,
        "epochs": epochs,
        "patience": patience,
        "batch": batch,
        "head_rate": head_rate,
        "rate": rate,
        "schedule": schedule,
        "drop": drop,
        "drop_path": drop_path,
        "smoothing": smoothing,
        "mixup": mixup,
        "ema": ema,
        "augment": augment,
        "balance": balance,
        "teacher": _path(teacher),
        "teacher_weight": teacher_weight,
        "teacher_features": teacher_features,
        "outliers": None if not outliers else tuple(path.expanduser() for path in outliers),
        "outlier_weight": outlier_weight,
        "seed": seed,
        "device": device,
        "work": _path(work),
        "knows": knows,
        "training_data": training_data,
        "licence": licence,
    }
    config = TrainConfig(
        data=data.expanduser(),
        # A folder for each version: a second one must not take the place of the first.
        out=out.expanduser() if out is not None else open_shelf().place(title, version or FIRST),
        name=title,
        **{field: value for field, value in given.items() if value is not None},
    )
    try:
        with _showing() as progress:
            if check:
                looking.check(config, report, progress)
            else:
                path = run(config, report, progress)
    except DataError as error:
        raise Failure(str(error), USAGE) from error
    except ExportError as error:
        raise Failure(str(error)) from error
    if check:
        if as_json:
            show_json(looking.findings(config))
        return
    if as_json:
        from model.bundle import Bundle

        bundle = Bundle.open(path)
        show_json({"path": str(path), "name": bundle.name, "version": bundle.version, "figures": dict(bundle.figures)})
        return
    if path.parent not in settings().bundle_folders:
        say(f"{plain(str(path))} is ready; to tag with it, add it: {own_name()} model add {plain(str(path))}")
        return
    ask = plain(f"{title}@{config.version}")
    say(f"{plain(str(path))} is ready; tag with it: {own_name()} tag PHOTOS --model {ask}")
    say(f"to put it in use: {own_name()} model promote {ask}")


@contextmanager
def _showing() -> Iterator[Callable[[str, int, int], None]]:
    """Gives a function that hears how far a step has come: a bar on a terminal, elsewhere a line now and then."""
    if not lively():
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        shown: dict[str, Any] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in shown:
                for task in shown.values():
                    bar.remove_task(task)
                shown.clear()
                shown[step] = bar.add_task(plain(step), total=total)
            bar.update(shown[step], completed=done)

        yield show


class _Lines:
    """What takes longer than ``LINE_SECONDS`` is told as often."""

    def __init__(self) -> None:
        self._step = ""
        self._told = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self._step:
            self._step, self._told = step, now
        elif now - self._told >= LINE_SECONDS:
            self._told = now
            report(f"  {step}: {done:,} of {total:,}")


def _path(given: Path | None) -> Path | None:
    return None if given is None else given.expanduser()


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def _sides(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        sides = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise Failure(f"--sizes takes numbers of pixels with commas, as 128,144; not {text!r}", USAGE) from None
    if min(sides) < 16:
        raise Failure("--sizes: a stage needs at least 16 pixels", USAGE)
    return sides
