"""``shoebox doctor``."""

from dataclasses import asdict

import typer

from cli.context import settings
from cli.output import OK, PROBLEM, AsJson, plain, say, show_json


def doctor(as_json: AsJson = False) -> None:
    """Check each part of Shoebox and say how to mend what is wrong. Exit code 1 when something is."""
    from cli.checks import examine

    given = settings()
    found = []
    for finding in examine(given):
        found.append(finding)
        if not as_json:
            mark = "[green]ok     [/]" if finding.ok else "[bold red]problem[/]"
            say(f"{mark} {finding.part}: {plain(finding.detail)}")
            if finding.mend:
                say(f"        to mend it: {plain(finding.mend)}")
    if as_json:
        show_json([asdict(finding) for finding in found])
    raise typer.Exit(OK if all(finding.ok for finding in found) else PROBLEM)
