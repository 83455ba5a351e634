"""``shoebox tag``: from photos on disk to a summary and result files."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.complete import models
from cli.context import local_client, server_of, settings
from cli.output import INTERRUPTED, PROBLEM, AsJson, amount, note, own_name, plain, say, show_json
from cli.photos import results_folder
from cli.sidecars import Sidecars, WriteXmp, XmpNaming, XmpRoot
from cli.stack import ensure_up
from xmp.names import ROOT, Naming

if TYPE_CHECKING:
    from cli.ledger import Judge
    from cli.library import Library
    from client.client import Client
    from client.job import Job
    from client.values import JobView

Model = Annotated[
    str | None,
    typer.Option(
        help="The model to judge with, NAME or NAME@VERSION; see: shoebox model list.", autocompletion=models
    ),
]  # fmt: skip
Backend = Annotated[
    str | None, typer.Option(help="What runs the network, by a name in docs/backends.md; default: the worker's choice.")
]
TopK = Annotated[int | None, typer.Option(min=1, help="Most tags for a photo.")]
Confidence = Annotated[float | None, typer.Option(min=0, max=1, help="Least confidence of a tag.")]
Novelty = Annotated[
    Literal["strict", "normal", "off"] | None, typer.Option(help="How strictly unknown pictures are refused.")
]
Allow = Annotated[list[str] | None, typer.Option(help="Only this tag; may be given several times.")]
Deny = Annotated[list[str] | None, typer.Option(help="Never this tag; may be given several times.")]


def tag(
    photos: Annotated[Path, typer.Argument(help="A ZIP, a folder or one image.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default: NAME.shoebox here.")] = None,
    model: Model = None,
    backend: Backend = None,
    top_k: TopK = None,
    min_confidence: Confidence = None,
    novelty: Novelty = None,
    allow: Allow = None,
    deny: Deny = None,
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave out photos that this version of the model has judged before.")
    ] = False,
    show_skipped: Annotated[
        bool, typer.Option("--show-skipped", help="Name each file of a folder that is no photo or cannot be read.")
    ] = False,
    write_xmp: WriteXmp = False,
    xmp_naming: XmpNaming = Naming.FULL,
    xmp_root: XmpRoot = ROOT,
    webhook: Annotated[str | None, typer.Option(help="https:// address that is told of each job's end.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to go on trying while the server is away.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Tag photos: starts Shoebox if need be, sends them, waits, and writes results.jsonl and results.csv.

    A folder is sent with its sub-folders, as it is read. What could not be sent is sent by the same command again, and
    never becomes two jobs.
    """  # fmt: skip
    from cli.finishing import finish
    from cli.known import account_of, judge_of, take_over
    from cli.ledger import Ledger
    from cli.library import gather, limits_of, must_hold_photos
    from cli.sending import Sender, tell_unread

    photos = photos.expanduser()
    must_hold_photos(photos)
    folder = results_folder(photos, out)
    given = settings()
    sidecars = Sidecars(photos, given.home, xmp_root, xmp_naming) if write_xmp else None
    ensure_up()
    asked = {"model": model, "backend": backend, "top_k": top_k, "min_confidence": min_confidence, "novelty": novelty}
    params = asked | {"allow": allow or None, "deny": deny or None, "webhook_url": webhook}
    given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with local_client(given, patience=patience) as client, Ledger(given.home) as ledger:
        account, judge = account_of(client, server_of(given)), None
        if only_new:
            take_over(client, ledger, account)
            judge = judge_of(client, account, model)
        found = gather(photos, account, params, limits_of(client, given), ledger, judge, show_skipped)
        _tell(found, judge, note if as_json else say)
        if not found.parcels:
            if as_json:
                show_json({"jobs": [], "known": found.known, "left_out": dict(found.skipped)})
            return
        sender = Sender(client, ledger, account, params)
        jobs = sender.send(found.parcels)
        tell_unread(sender.unread)
        views = [follow(client, job, out) for job in jobs]
        more = {"known": found.known, "left_out": dict(found.skipped), "unread": sender.unread}
        finish(client, views, folder, ledger, more if as_json else None, sidecars)
    if sidecars is not None and sidecars.problems:
        raise typer.Exit(PROBLEM)


def follow(client: "Client", job: "Job", out: Path | None) -> "JobView":
    """Waits for the job with live progress. Ctrl-C leaves it running and says how to come back."""
    from cli.patience import Patience
    from cli.progress import judging

    patience = Patience(client)
    try:
        with judging() as show:

            def look(view: "JobView") -> None:
                show(view)
                patience.look(view)

            return job.wait(on_change=look)
    except KeyboardInterrupt:
        more = f" --out {shlex.quote(str(out))}" if out is not None else ""
        note(f"\nthe job goes on without you; come back to it with: {own_name()} job {job.id} --watch{plain(more)}")
        raise typer.Exit(INTERRUPTED) from None


def _tell(found: "Library", judge: "Judge | None", tell: Callable[[str], None]) -> None:
    """Says what stays behind, and what is known already; ``tell`` hears that there is nothing to do."""
    from cli.library import in_words

    if found.skipped:
        note(f"left out: {plain(', '.join(in_words(found.skipped)))}")
    if judge is None:
        return
    title = plain(f"{judge.model} {judge.version}")
    if not found.parcels:
        tell(f"nothing new: {amount(found.known, 'photo')} had been judged by {title} before")
    else:
        note(f"new: {amount(found.photos, 'photo')}; judged by {title} before: {found.known:,}")
