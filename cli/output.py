"""How the command line speaks: results on standard output, as text or JSON; progress and problems on standard error."""

import json
import shutil
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

OK = 0
PROBLEM = 1
USAGE = 2
NO_STACK = 3
REFUSED = 4
INTERRUPTED = 130

# The table in docs/cli.md says the same.
EXITS = (
    (OK, "done"),
    (PROBLEM, "done, but there is a problem: a failed job, a photo without a tag, a finding of doctor"),
    (USAGE, "wrong usage, or a setting that cannot be used"),
    (NO_STACK, "Shoebox is not running, cannot start or is not reachable, or an upload broke off"),
    (REFUSED, "Shoebox refused the request"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
)
EXIT_CODES = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXITS) + "."

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


class Failure(Exception):
    """A command cannot do what it was asked; the text says why and what to do."""

    def __init__(self, text: str, code: int = PROBLEM) -> None:
        super().__init__(text)
        self.code = code


def say(text: str = "") -> None:
    """One line of Rich markup; pass foreign text through `plain` first."""
    console.print(text, soft_wrap=True)


def note(text: str) -> None:
    """A remark in Rich markup that is no result: on standard error, and not at all with ``--quiet``."""
    if not _quiet.get():
        errors.print(text, soft_wrap=True)


def report(text: str) -> None:
    """What a long step says while it works, unmarked: a remark like all others."""
    note(plain(text))


def hush(yes: bool = True) -> None:
    """From now on `note` and progress keep silent, or speak again."""
    _quiet.set(yes)


def lively() -> bool:
    """Whether progress may be drawn: somebody looks at standard error and wants to hear of it."""
    return errors.is_terminal and not _quiet.get()


def complain(text: str) -> None:
    """One problem, unmarked, on standard error."""
    errors.print(f"[bold red]problem:[/] {plain(text)}", soft_wrap=True)


def show_json(value: Any) -> None:
    """A value as JSON, for programs."""
    sys.stdout.write(_json(value, 2) + "\n")


def show_line(value: Mapping[str, Any]) -> None:
    """A value as one line of JSON, for programs that read line by line."""
    sys.stdout.write(_json(value) + "\n")


def _json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # A file's name that is not valid UTF-8 can be written as an escape alone.
    broken = any("\ud800" <= character <= "\udfff" for character in text)
    return json.dumps(value, indent=indent) if broken else text


def plain(text: str) -> str:
    """Foreign text made harmless: no markup, no control characters that could steer the terminal."""
    return escape("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text))


def own_name() -> str:
    """What a person types to run this program again."""
    called = Path(sys.argv[0])
    found = shutil.which("shoebox")
    if found is not None and Path(found).absolute() == called.absolute():
        return "shoebox"
    if called.name != "shoebox":
        return "shoebox"
    here = Path.cwd()
    return str(called.absolute().relative_to(here)) if called.absolute().is_relative_to(here) else str(called)


def span(seconds: float) -> str:
    """A duration in words: ``45 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def amount(count: int, one: str, many: str | None = None) -> str:
    """A number with its word: ``1 photo``, ``1,200 photos``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
