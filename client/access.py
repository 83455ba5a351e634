"""Secrets that are shown once."""

from typing import Any

from client.calls import Calls, given, typed


class Access(Calls):
    """What signs webhooks."""

    def make_webhook_secret(self, grace_seconds: int | None = None) -> dict[str, Any]:
        """A new secret that signs the owner's webhooks; the one before signs too for ``grace_seconds`` (a day)."""
        wanted = given({"grace_seconds": grace_seconds})
        return typed(dict, self._transport.json("POST", "/v1/webhook-secret", json=wanted))

    def webhook_secret(self) -> dict[str, Any]:
        """When the secret was made, never the secret itself. Refused (404) where there is none."""
        return self._asked("/v1/webhook-secret")
