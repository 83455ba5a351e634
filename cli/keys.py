"""``shoebox keys``: who may use this Shoebox."""

import itertools
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.context import local_client, settings
from cli.everywhere import everywhere
from cli.output import AsJson, console, plain, say, show_json

app = typer.Typer(help="Create, list and revoke API keys, and the secret of webhooks.", no_args_is_help=True)


class Scope(StrEnum):
    """What a key may do; admin includes the others."""

    SUBMIT = "submit"
    READ = "read"
    REVIEW = "review"
    ADMIN = "admin"


@app.command()
@everywhere
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; default: submit and read.")] = None,
    owner: Annotated[str | None, typer.Option(help="Whose jobs it sees; default: those of this command line.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="It ends by itself after so many days; default: never.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key; its secret is shown this once."""
    with local_client(settings()) as client:
        made = client.create_key(name, scope or [Scope.SUBMIT, Scope.READ], owner, days)
    if as_json:
        show_json(made)
        return
    say(f"key {made['id']} of {plain(made['owner'])}, for: {', '.join(made['scopes'])}")
    say(f"its secret, shown this once: [bold]{plain(made['secret'])}[/]")


@app.command("list")
@everywhere
def list_(as_json: AsJson = False) -> None:
    """List all keys, without their secrets."""
    from rich.table import Column, Table

    with local_client(settings()) as client:
        found = client.keys()
    if as_json:
        show_json(found)
        return
    table = Table(Column("key", no_wrap=True, min_width=26), "owner", "name", "scopes", "state")
    for key in found:
        table.add_row(key["id"], plain(key["owner"]), plain(key["name"]), ", ".join(key["scopes"]), _state(key))
    console.print(table)


def _state(key: dict[str, Any]) -> str:
    if key.get("revoked_at"):
        return "revoked"
    ends = key.get("expires_at")
    if ends is None:
        return "valid"
    return f"{'ended' if datetime.fromisoformat(ends) <= datetime.now(UTC) else 'valid until'} {ends[:10]}"


@app.command()
@everywhere
def rotate(
    key_id: Annotated[str, typer.Argument(help="The key's id, from `keys list`.")],
    grace_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the old secret is good; 0: it ends at once.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Change a key for a new one; the old secret is good for a while."""
    with local_client(settings()) as client:
        made = client.rotate_key(key_id, round(3600 * grace_hours))
    if as_json:
        show_json(made)
        return
    say(f"the new secret of key {made['id']}, shown this once: [bold]{plain(made['secret'])}[/]")
    say(f"the old one is good until {plain(made['previous_until'])}")


@app.command()
@everywhere
def audit(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50, as_json: AsJson = False
) -> None:
    """List who changed keys and webhook secrets, newest first."""
    from rich.table import Table

    with local_client(settings()) as client:
        found = list(itertools.islice(client.audit(), limit))
    if as_json:
        show_json(found)
        return
    table = Table("when", "who", "from", "what", "to")
    for row in found:
        shown = row["at"][:19].replace("T", " "), row["actor"], row["address"], row["action"].replace("_", " ")
        table.add_row(*(plain(text) for text in shown), plain(row["detail"].get("name") or row["target"]))
    console.print(table)


@app.command()
@everywhere
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, from `keys list`.")], as_json: AsJson = False
) -> None:
    """End a key for good."""
    with local_client(settings()) as client:
        client.revoke_key(key_id)
    if as_json:
        show_json({"id": key_id, "revoked": True})
        return
    say(f"key {plain(key_id)} is revoked")


@app.command("webhook-secret")
@everywhere
def webhook_secret(
    grace_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the secret before signs too; 0: it ends at once.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Make the secret that signs your webhooks, or a new one in its place; it is shown this once."""
    with local_client(settings()) as client:
        made = client.make_webhook_secret(round(3600 * grace_hours))
    if as_json:
        show_json(made)
        return
    say(f"the secret of your webhooks, shown this once: [bold]{plain(made['secret'])}[/]")
    if made.get("previous_until"):
        say(f"the one before signs too until {plain(made['previous_until'])}")
