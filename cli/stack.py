"""``shoebox up``, ``down``, ``status`` and ``logs``."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import local_client, local_settings, server_of, settings, settled
from cli.output import (
    NO_STACK,
    OK,
    PROBLEM,
    USAGE,
    AsJson,
    Failure,
    console,
    errors,
    lively,
    note,
    own_name,
    plain,
    say,
    show_json,
    span,
)

if TYPE_CHECKING:
    from settings import Settings


def ensure_up(tell: Callable[[str], None] = note) -> None:
    """Starts the stack of this machine if need be; a server elsewhere is taken as it is.

    ``tell`` hears, in Rich markup, of a key that was made and of settings that are not in force yet.
    """
    given = settings()
    if server_of(given) == given.url:
        _start(given, tell)


def _start(given: "Settings", tell: Callable[[str], None]) -> None:
    from cli.starting import bring_up, settings_changed

    def reveal(secret: str) -> None:
        tell(f"Your admin key, shown this once (also kept in {plain(str(given.key_path))}): [bold]{plain(secret)}[/]")

    with errors.status("starting Shoebox") if lively() else nullcontext() as spinner:
        bring_up(given, lambda text: spinner.update(plain(text)) if spinner else None, reveal)
    if settings_changed(given):
        tell(f"note: the settings have changed since the start; to use them: {own_name()} down && {own_name()} up")


def up(as_json: AsJson = False) -> None:
    """Start Shoebox on this machine, or say that it runs already."""
    from cli.programs import dashboard_url

    given = local_settings()
    _start(given, note if as_json else say)
    pages = dashboard_url(given)
    if as_json:
        found = {"url": given.url, "docs": f"{given.url}/docs", "dashboard": pages, "key_file": str(given.key_path)}
        show_json(found)
        return
    say(f"Shoebox is up at {given.url} (its interface: {given.url}/docs)")
    if pages:
        say(f"The dashboard: {pages}")


def prepare() -> None:
    """Bring the database up to date and make the first key, but start nothing (for containers)."""
    from cli.starting import prepare_data
    from configuration import refusal
    from db.tryout import try_out

    given = local_settings()
    try:
        given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Failure(refusal("data_dir", given.data_dir, f"it cannot be made ({error.strerror})"), USAGE) from error
    with settled():
        try_out(given, uploads=False)
    # Containers keep what is printed: the key itself stays out of it.
    prepare_data(given, lambda secret: None)
    say(f"The database is ready; the admin key is in {plain(str(given.key_path))}")


def down(as_json: AsJson = False) -> None:
    """Stop Shoebox. Jobs in hand are handed back, and go on at the next start."""
    from cli.supervise import Supervisor

    supervisor = Supervisor(local_settings())
    with errors.status("stopping Shoebox") if lively() else nullcontext():
        ran = supervisor.stop()
    if as_json:
        show_json({"ran": ran})
        return
    say("Shoebox is stopped" if ran else "Shoebox was not running")


def status(as_json: AsJson = False) -> None:
    """Show the processes and whether each part is ready. Exit code 0: ready, 1: not quite, 3: not running."""
    from cli.starting import ask_health
    from cli.supervise import Supervisor

    given = settings()
    if server_of(given) != given.url:
        _elsewhere(given, as_json)
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
    name: Annotated[
        str, typer.Argument(help="api, worker-control, worker-classify, dashboard, redis or supervisord.")
    ] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each.")] = 20,
) -> None:
    """Show the end of the logs."""
    from cli.starting import tail
    from cli.supervise import Supervisor

    supervisor = Supervisor(local_settings())
    found = sorted(path.stem for path in supervisor.logs.glob("*.log"))
    if name and name not in found:
        raise Failure(f"there is no log of {name!r}; there are: {', '.join(found) or 'none yet'}")
    for each in [name] if name else found:
        say(f"[bold]{plain(str(supervisor.log(each)))}[/]")
        for line in tail(supervisor.log(each), lines):
            say(plain(line))


def _elsewhere(given: "Settings", as_json: bool) -> None:
    """The status of a server elsewhere, of which its processes are not known."""
    with local_client(given) as client:
        health = client.health()
    if as_json:
        show_json({"url": server_of(given), "processes": [], "health": health})
    else:
        say(f"Shoebox at {plain(server_of(given))}")
        _parts(health)
    raise typer.Exit(OK if all(part["status"] == "ok" for part in health["parts"].values()) else PROBLEM)


def _tell(url: str, states: list[Any], health: dict[str, Any] | None) -> None:
    from rich.table import Table

    table = Table("process", "state", "pid", "for", title=f"Shoebox at {url}", title_justify="left")
    for state in states:
        table.add_row(state.name, state.state.lower(), str(state.pid or ""), span(state.seconds) if state.pid else "")
    console.print(table)
    if health is None:
        say("the API does not answer")
        return
    _parts(health)


def _parts(health: dict[str, Any]) -> None:
    for name, part in health["parts"].items():
        say(
            f"{name.replace('_', ' ')}: {plain(str(part['status']))}"
            + (f" ({plain(str(part['detail']))})" if part.get("detail") else "")
        )
