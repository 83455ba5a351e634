"""The command ``shoebox``: its commands, and how a failure becomes a sentence and an exit code."""

from typing import Any

import typer
from typer.core import TyperGroup

from cli import doctor, jobs, keys, model, results, stack, tag
from cli.output import EXIT_CODES, INTERRUPTED, NO_STACK, REFUSED, Failure, complain


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
        except Exception as error:
            # The client, and with it httpx, is loaded only by commands that use it.
            from client.errors import Refused, ShoeboxError, Unreachable

            if not isinstance(error, ShoeboxError):
                raise
            complain(str(error))
            for wrong in error.errors if isinstance(error, Refused) else ():
                if str(wrong.get("message")) not in str(error):
                    complain(f"{wrong.get('field')}: {wrong.get('message')}")
            if isinstance(error, Unreachable):
                complain("is it running? see: shoebox status")
            ctx.exit(REFUSED if isinstance(error, Refused) else NO_STACK)


app = typer.Typer(
    name="shoebox",
    cls=Commands,
    help="Tags whole photo libraries, and says plainly which photos it would not tag and why.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(tag.tag)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.prepare)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(doctor.doctor)
app.command("jobs")(jobs.jobs)
app.command()(jobs.job)
app.command("results")(results.results)
app.command()(jobs.cancel)
app.command()(jobs.retry)
app.command()(jobs.rerun)
app.command()(results.classify)
app.add_typer(keys.app, name="keys")
app.add_typer(model.app, name="model")


def run() -> None:
    """The entry point."""
    app()
