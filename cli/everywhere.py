"""The options that every command takes: where the server is, and how much is said."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli.context import choose
from cli.output import hush

_PANEL = "Options of every command"
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="A Shoebox elsewhere; default: SHOEBOX_SERVER_URL, or this machine's.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="Its key. Others on this machine can see it: better set SHOEBOX_SERVER_KEY.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no remarks: results and problems.", rich_help_panel=_PANEL)
]


def everywhere(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with ``--url``, ``--key`` and ``--quiet`` behind its own options."""
    return _with(command, {"url": (Url, None), "key": (Key, None), "quiet": (Quiet, False)})


def here(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which works on this machine alone, with ``--quiet`` behind its own options."""
    return _with(command, {"quiet": (Quiet, False)})


def _with(command: Callable[..., Any], more: dict[str, tuple[Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(command)
    def called(**values: Any) -> Any:
        said = {name: values.pop(name) for name in more}
        choose(said.get("url"), said.get("key"))
        if said["quiet"]:
            hush()
        return command(**values)

    own = inspect.signature(command)
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in more.items()
    ]
    called.__signature__ = own.replace(parameters=[*own.parameters.values(), *options])  # type: ignore[attr-defined]
    called.__annotations__ = command.__annotations__ | {name: kind for name, (kind, _) in more.items()}
    return called
