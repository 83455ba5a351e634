"""``--only-new``: whose photos they are, which model will judge, and what it has judged before."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cli.ledger import Account, Judge, Ledger
from cli.output import NO_STACK, Failure

if TYPE_CHECKING:
    from client.client import Client


def account_of(client: "Client", server: str) -> Account:
    """Whose jobs the client's key makes."""
    return Account(server, str(client.me()["owner"]))


def judge_of(client: "Client", account: Account, model: str | None) -> Judge:
    """The version of the model that a job sent now will be judged by. Raises `Failure` when there is none."""
    if model is not None:
        found = client.model(model)
    else:
        default = next((one for one in client.models() if one["default"]), None)
        if default is None:
            raise Failure("the server has no default model: name one with --model", NO_STACK)
        found = default
    return Judge(account, found["name"], found["version"])


def take_over(client: "Client", ledger: Ledger, account: Account) -> None:
    """Takes note of how earlier jobs ended that nobody waited for."""
    from client.errors import Refused

    for job in ledger.open_jobs(account):
        try:
            if client.job(job).view.finished:
                ledger.settle([job], _verdicts(client, job))
        except Refused as error:
            if error.status not in (404, 410):
                raise
            ledger.settle([job], ())


def _verdicts(client: "Client", job: str) -> Iterator[Mapping[str, Any]]:
    return (item.raw for item in client.items(job))
