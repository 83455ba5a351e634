"""``shoebox model bench``: how quick each backend is on this machine, and whether it judges as float32 does."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bundles import open_bundle
from cli.output import USAGE, AsJson, Failure, console, errors, plain, say, show_json

if TYPE_CHECKING:
    from model.benchmark import Timing
    from model.parity import Parity

PICTURES = 64


def bench(
    model: Annotated[str | None, typer.Argument(help="A model's name, or its folder; default: the default.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="A folder or ZIP of photos to compare the verdicts on; default: drawn pictures.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Photos in a batch.")] = 16,
    backend: Annotated[
        list[str] | None, typer.Option(help="Only this backend; may be given several times. Default: all.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0: all.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for torch.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure every backend on this machine: milliseconds, speed-up, size, and whether its verdicts are float32's.

    onnxruntime-dynamic quantizes linear layers only. Networks of convolutions, as EfficientNets are, have one of these:
    it makes them no quicker. It is there for networks made of linear layers (transformers).
    """
    from itertools import islice

    import numpy as np

    from model.backends.base import BackendMissing
    from model.backends.choose import SETTLED
    from model.benchmark import benchmark
    from model.parity import drawn, in_batches, parity
    from model.report.pictures import NoPictures, open_pictures
    from model.selfcheck import SelfCheckFailed
    from model.squares import squares

    names = tuple(backend or SETTLED)
    unknown = [name for name in names if name not in SETTLED]
    if unknown:
        raise Failure(f"there is no backend called {unknown[0]}; choose of: {', '.join(SETTLED)}", USAGE)
    bundle = open_bundle(model)
    size = bundle.input_size
    try:
        given = None if photos is None else open_pictures(photos.expanduser())
        seen = list(drawn(bundle, PICTURES) if given is None else islice(squares(given, size), PICTURES))
        if not seen:
            raise Failure(f"none of the photos in {photos} can be read", USAGE)
        errors.print("comparing what they say", soft_wrap=True)
        compared = parity(bundle, in_batches(seen if given is None else squares(given, size)), names, threads or None)
        errors.print("measuring how quick they are", soft_wrap=True)
        timings = benchmark(
            bundle, np.stack(seen), batch_size=batch, names=names, device=device, threads=threads or None
        )
    except NoPictures as error:
        raise Failure(str(error), USAGE) from error
    except (BackendMissing, SelfCheckFailed) as error:
        raise Failure(str(error)) from error
    if as_json:
        beside = {one.backend: asdict(one) | {"passed": one.passed} for one in compared}
        rows = [asdict(one) | {"parity": beside[one.backend]} for one in timings]
        show_json({"model": bundle.name, "version": bundle.version, "batch": batch, "backends": rows})
        return
    _show(timings, compared, batch)


def _show(timings: list["Timing"], compared: list["Parity"], batch: int) -> None:
    from rich.table import Column, Table

    # Without lines between, all of it fits into 80 characters.
    titles = ("ms alone", f"ms of {batch}", "times", "MB", "same tag", "same decision", "off")
    table = Table(
        Column("backend", no_wrap=True), *(Column(title, justify="right") for title in titles), box=None, pad_edge=False
    )
    for timing, beside in zip(timings, compared, strict=True):
        if timing.median is None:
            table.add_row(timing.backend, *["-"] * len(titles))
            continue
        shares = (f"{share:.2%}" for share in (beside.same_labels, beside.same_decisions))
        table.add_row(
            f"[bold]{timing.backend}[/]" if timing.fastest else timing.backend,
            *(f"{value:.1f}" for value in (timing.median, timing.batch_median)),
            f"{timing.speedup:.2f}",
            f"{(timing.bytes or 0) / 1e6:.1f}",
            *(share if beside.passed else f"[red]{share}[/]" for share in shares),
            f"{beside.probability:.3f}",
        )
    console.print(table)
    for timing in timings:
        if timing.fastest:
            say(f"Fastest here: {timing.backend}, {timing.speedup:.2f} times the slowest's throughput in batches.")
        elif timing.problem is not None:
            say(f"{timing.backend}: {plain(timing.problem)}")
    judged = max(compared, key=lambda one: one.pictures)
    say(
        f"The last three columns compare with {judged.reference} on {judged.pictures:,} pictures; off is the largest "
        "difference of a probability. Red: less than 99.5 % alike, auto never takes that."
    )
