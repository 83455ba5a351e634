"""The first page of help. Drawn here: the library's own drawing loads Markdown, a highlighter and traces first.

With it `shoebox --help` took 0.45 s, without it 0.28 s (medians of ten, side by side).
"""

from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from cli.output import console

Rows = list[tuple[str, str, str]]


def show(group: Any, ctx: Any, onto: Console = console) -> None:
    """Prints what the command does, its options and its commands, each under the heading they were given."""
    onto.print(Padding(f"[bold]Usage:[/bold] {' '.join(ctx.command_path.split())} [dim]\\[OPTIONS] COMMAND …[/dim]", 1))
    onto.print(Padding(group.help or "", (0, 1, 1, 1)))
    commands: dict[str, Rows] = defaultdict(list)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if not command.hidden:
            summary = (command.help or "").strip().split("\n\n")[0].replace("\n", " ")
            commands[command.rich_help_panel or "Commands"].append((name, "", summary))
    options: dict[str, Rows] = {"Options": []}
    for param in group.get_params(ctx):
        if not param.hidden:
            short = "".join(name for name in param.opts if not name.startswith("--"))
            options.setdefault(param.rich_help_panel or "Options", []).append(
                (max(param.opts, key=len), short, param.help)
            )
    for panels in (commands, options):
        width = max(len(first) for rows in panels.values() for first, _, _ in rows)
        for title, rows in panels.items():
            onto.print(Panel(_table(rows, width), title=title, title_align="left", border_style="dim"))
    onto.print(Padding(group.epilog or "", 1))


def _table(rows: Rows, width: int) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="bold cyan", min_width=width, no_wrap=True)
    if any(short for _, short, _ in rows):
        table.add_column(style="green", no_wrap=True)
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*(cell for number, cell in enumerate(row) if number != 1 or len(table.columns) == 3))
    return table
