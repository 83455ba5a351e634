"""``shoebox up``, ``down``, ``status`` and ``logs``."""

from typing import Annotated, Any

import typer

from cli.context import settings
from cli.output import NO_STACK, OK, PROBLEM, Failure, console, own_name, plain, say, show_json, span


def ensure_up(quiet: bool = False) -> None:
    """Starts the stack if need be, telling the person at the terminal what it waits for."""
    from cli.starting import bring_up, settings_changed

    given = settings()

    def reveal(secret: str) -> None:
        say(f"Your admin key, shown this once (also kept in {plain(str(given.key_path))}): [bold]{plain(secret)}[/]")

    with console.status("starting Shoebox") as spinner:
        bring_up(given, lambda text: spinner.update(plain(text)), reveal)
    if settings_changed(given):
        say(f"note: the settings have changed since the start; to use them: {own_name()} down && {own_name()} up")
    if not quiet:
        say(f"Shoebox is up at {given.url} (its interface: {given.url}/docs)")


def up() -> None:
    """Start Shoebox on this machine, or say that it runs already."""
    ensure_up()


def prepare() -> None:
    """Bring the database up to date and make the first key, but start nothing (for containers)."""
    from cli.starting import prepare_data

    given = settings()
    given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Containers keep what is printed: the key itself stays out of it.
    prepare_data(given, lambda secret: None)
    say(f"The database is ready; the admin key is in {plain(str(given.key_path))}")


def down() -> None:
    """Stop Shoebox. Jobs in hand are handed back, and go on at the next start."""
    from cli.supervise import Supervisor

    with console.status("stopping Shoebox"):
        ran = Supervisor(settings()).stop()
    say("Shoebox is stopped" if ran else "Shoebox was not running")


def status(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the processes and whether each part is ready. Exit code 0: ready, 1: not quite, 3: not running."""
    from cli.starting import ask_health
    from cli.supervise import Supervisor

    given = settings()
    states = Supervisor(given).states()
    health = ask_health(given) if states else None
    if as_json:
        processes = [
            {"name": s.name, "state": s.state.lower(), "pid": s.pid or None, "seconds": s.seconds} for s in states
        ]
        show_json({"url": given.url, "processes": processes, "health": health})
    elif not states:
        say(f"Shoebox is not running; start it with: {own_name()} up")
    else:
        _tell(given.url, states, health)
    if not states:
        raise typer.Exit(NO_STACK)
    ready = health is not None and all(part["status"] == "ok" for part in health["parts"].values())
    raise typer.Exit(OK if ready and all(state.state == "RUNNING" for state in states) else PROBLEM)


def logs(
    name: Annotated[str, typer.Argument(help="api, worker-control, worker-classify, redis or supervisord.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each.")] = 20,
) -> None:
    """Show the end of the logs."""
    from cli.starting import tail
    from cli.supervise import Supervisor

    supervisor = Supervisor(settings())
    found = sorted(path.stem for path in supervisor.logs.glob("*.log"))
    if name and name not in found:
        raise Failure(f"there is no log of {name!r}; there are: {', '.join(found) or 'none yet'}")
    for each in [name] if name else found:
        say(f"[bold]{plain(str(supervisor.log(each)))}[/]")
        for line in tail(supervisor.log(each), lines):
            say(plain(line))


def _tell(url: str, states: list[Any], health: dict[str, Any] | None) -> None:
    from rich.table import Table

    table = Table("process", "state", "pid", "for", title=f"Shoebox at {url}", title_justify="left")
    for state in states:
        table.add_row(state.name, state.state.lower(), str(state.pid or ""), span(state.seconds) if state.pid else "")
    console.print(table)
    if health is None:
        say("the API does not answer")
        return
    for name, part in health["parts"].items():
        say(
            f"{name.replace('_', ' ')}: {plain(str(part['status']))}"
            + (f" ({plain(str(part['detail']))})" if part.get("detail") else "")
        )
