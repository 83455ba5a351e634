"""The command ``shoebox``: its commands, and how a failure becomes a sentence and an exit code."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import bench, db, doctor, front, jobs, keys, model, results, review, sidecars, stack, tag
from cli.context import begin, choose
from cli.everywhere import Key, Quiet, Url, everywhere, here
from cli.output import EXIT_CODES, INTERRUPTED, NO_STACK, OK, PROBLEM, REFUSED, Failure, complain, hush, own_name, say


class Commands(TyperGroup):
    """All commands; what they raise ends here."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            complain(str(failure))
            ctx.exit(failure.code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # whoever read our output has enough
                raise
            complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(PROBLEM)
        except Exception as error:
            # The client, and with it httpx, is loaded only by commands that use it.
            from client.errors import Refused, ShoeboxError, Unreachable

            if not isinstance(error, ShoeboxError):
                raise
            complain(str(error))
            for wrong in error.errors if isinstance(error, Refused) else ():
                if str(wrong.get("message")) not in str(error):
                    complain(f"{wrong.get('field')}: {wrong.get('message')}")
            if isinstance(error, Refused) and error.request_id and error.status >= 500:
                complain(f"the server's log has more about it: request {error.request_id}")
            if isinstance(error, Unreachable):
                complain(f"is it running? see: {own_name()} status")
            ctx.exit(REFUSED if isinstance(error, Refused) else NO_STACK)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Prints the first page of help."""
        front.show(self, ctx)


PHOTOS, JOBS, MODELS, MACHINE = "Photos", "Jobs and their verdicts", "Models", "This machine, and who may use it"
app = typer.Typer(
    name="shoebox",
    cls=Commands,
    help="Tags whole photo libraries, and says plainly which photos it would not tag and why.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _version(asked: bool) -> None:
    if asked:
        say(f"shoebox {version('shoebox')}")
        raise typer.Exit(OK)


@app.callback()
def before(
    url: Url = None,
    key: Key = None,
    quiet: Quiet = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Takes the options that stand before a command."""
    begin()
    choose(url, key)
    hush(quiet)


app.command(rich_help_panel=PHOTOS)(everywhere(tag.tag))
app.command(rich_help_panel=PHOTOS)(everywhere(results.classify))
app.command("jobs", rich_help_panel=JOBS)(everywhere(jobs.jobs))
app.command(rich_help_panel=JOBS)(everywhere(jobs.job))
app.command("results", rich_help_panel=JOBS)(everywhere(results.results))
app.command(rich_help_panel=JOBS)(everywhere(sidecars.xmp))
app.command(rich_help_panel=JOBS)(here(sidecars.undo))
app.command("items", rich_help_panel=JOBS)(everywhere(review.items))
app.command("review", rich_help_panel=JOBS)(everywhere(review.review))
app.command(rich_help_panel=JOBS)(everywhere(jobs.cancel))
app.command(rich_help_panel=JOBS)(everywhere(jobs.retry))
app.command(rich_help_panel=JOBS)(everywhere(jobs.rerun))
app.command("bench", rich_help_panel=MODELS)(everywhere(bench.bench))
app.command(rich_help_panel=MACHINE)(here(stack.up))
app.command(rich_help_panel=MACHINE)(here(stack.down))
app.command(rich_help_panel=MACHINE)(here(stack.prepare))
app.command(rich_help_panel=MACHINE)(everywhere(stack.status))
app.command(rich_help_panel=MACHINE)(here(stack.logs))
app.command("doctor", rich_help_panel=MACHINE)(here(doctor.doctor))
app.add_typer(db.app, name="db", rich_help_panel=MACHINE)
app.add_typer(keys.app, name="keys", rich_help_panel=MACHINE)
app.add_typer(model.app, name="model", rich_help_panel=MODELS)


def run() -> None:
    """The entry point."""
    app()
