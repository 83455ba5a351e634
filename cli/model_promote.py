"""``shoebox model promote``: which version a name means, and which model judges jobs that name none."""

from typing import Annotated

import typer

from cli.bundles import in_words, open_shelf
from cli.output import AsJson, plain, say, show_json


def promote(
    model: Annotated[str, typer.Argument(help="NAME@VERSION, or NAME for its current version.")],
    default: Annotated[
        bool, typer.Option("--default/--no-default", help="It also judges jobs that name no model (default).")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make a version the one that its name means, and its name the default. Old verdicts keep their version.

    Jobs that are sent from now on are judged by it; nothing needs to be started anew.
    """
    with in_words():
        shelf = open_shelf()
        chosen = shelf.promote(model, default=default)
    if as_json:
        show_json({"name": chosen.name, "version": chosen.version, "current": True, "default": chosen.default})
        return
    title = plain(f"{chosen.name}@{chosen.version}")
    if chosen.default:
        say(f"{title} judges new jobs that ask for {plain(chosen.name)} or for no model")
        return
    say(f"{title} judges new jobs that ask for {plain(chosen.name)}")
    if default:
        say(f"jobs that name no model still go to {plain(shelf.default)}: SHOEBOX_MODEL says so and wins")
