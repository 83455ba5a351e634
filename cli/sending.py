"""Parcels become jobs, each exactly once, whatever breaks off in between."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from cli.ledger import Account, Ledger
from cli.library import Parcel
from cli.output import INTERRUPTED, NO_STACK, Failure, amount, note, own_name, plain
from cli.progress import uploading

if TYPE_CHECKING:
    from client.client import Client
    from client.job import Job

LEFT_OUT_SHOWN = 3


class Sender:
    """Sends what one command wants tagged. ``unread`` names files that could not be read, at the end."""

    def __init__(self, client: "Client", ledger: Ledger, account: Account, params: Mapping[str, Any]) -> None:
        self._client, self._ledger, self._account, self._params = client, ledger, account, params
        self.unread: list[str] = []

    def send(self, parcels: list[Parcel]) -> list["Job"]:
        """The jobs in the order of the parcels.

        Raises `Failure` when an upload breaks off, and ends the command on Ctrl-C: in both cases the same command sends
        again only what has not arrived.
        """
        jobs: list[Job] = []
        try:
            for number, parcel in enumerate(parcels, 1):
                if len(parcels) > 1:
                    note(f"part {number} of {len(parcels)}: {plain(parcel.name)}")
                jobs.append(self._one(parcel))
        except KeyboardInterrupt:
            note(f"\ninterrupted while sending; {_begun(jobs)}the same command sends the rest")
            raise typer.Exit(INTERRUPTED) from None
        self._ledger.all_accepted(parcel.fingerprint for parcel in parcels)
        return jobs

    def _one(self, parcel: Parcel) -> "Job":
        from client.errors import Refused, Unreachable

        key, known, used = self._ledger.upload_key(parcel.fingerprint)
        job = self._earlier(key, known) if used else None
        if job is not None:
            note(f"{plain(parcel.name)} had arrived before, as job {job.id}")
        elif known is not None:  # that job has been deleted since
            self._ledger.all_accepted([parcel.fingerprint])
            return self._one(parcel)
        else:
            try:
                job = self._upload(parcel, key)
            except Unreachable as error:
                raise Failure(
                    f"the upload of {parcel.name} broke off: {error}\nNothing is tagged twice when you send it again: "
                    f"the same command goes on where it can. What runs: {own_name()} status",
                    NO_STACK,
                ) from error
            except Refused as error:
                job = self._earlier(key, None) if error.code == "idempotency_conflict" else None
                if job is None:
                    raise
        self._ledger.accepted(parcel.fingerprint, key, job.id, self._account)
        return job

    def _earlier(self, key: str, known: str | None) -> "Job | None":
        """The job that an upload under this key has become, where it arrived although its answer was lost."""
        from client.errors import Refused

        try:
            if known is not None:
                return self._client.job(known)
            found = next(self._client.jobs(idempotency_key=key), None)
            return None if found is None else self._client.job(found.id)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def _upload(self, parcel: Parcel, key: str) -> "Job":
        try:
            upload = parcel.upload(self._ledger.recording(key))
            with uploading(upload.estimate) as sent:
                job = self._client.submit([upload], idempotency_key=key, on_bytes=sent, **self._params)
        except OSError as error:
            raise Failure(f"{error.filename or parcel.path} cannot be read: {error.strerror or error}") from error
        self.unread += upload.left_out
        return job


def tell_unread(names: list[str]) -> None:
    """Says which files could not be read."""
    if names:
        more = " …" if len(names) > LEFT_OUT_SHOWN else ""
        note(f"{amount(len(names), 'file')} could not be read: {plain(', '.join(names[:LEFT_OUT_SHOWN]))}{more}")


def _begun(jobs: list["Job"]) -> str:
    return f"{amount(len(jobs), 'part')} arrived and {'is' if len(jobs) == 1 else 'are'} being judged; " if jobs else ""
