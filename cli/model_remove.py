"""``shoebox model remove``: takes a version away."""

import sys
from typing import Annotated

import typer

from cli.bundles import in_words, open_shelf
from cli.output import PROBLEM, USAGE, AsJson, Failure, plain, say, show_json


def remove(
    model: Annotated[str, typer.Argument(help="NAME@VERSION, or NAME for its current version.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a model from this machine. The default and the models that came with Shoebox stay."""
    with in_words():
        shelf = open_shelf()
        chosen = shelf.find(model)
        title = f"{chosen.name}@{chosen.version}"
        if not yes and not (chosen.built_in or chosen.default):
            if not sys.stdin.isatty():
                raise Failure(f"to remove {title} without being asked, say --yes", USAGE)
            if not typer.confirm(f"Delete {title} in {chosen.path}?", err=True):
                raise Failure("nothing was removed", PROBLEM)
        gone = shelf.remove(chosen.name, chosen.version)
    if as_json:
        show_json({"name": gone.name, "version": gone.version, "path": str(gone.path)})
        return
    left = [other.version for other in shelf.models() if other.name == gone.name and other.current]
    say(f"{plain(title)} is gone" + (f"; {plain(gone.name)} now means version {plain(left[0])}" if left else ""))
