"""Keys, the secret of webhooks, and who changed them."""

from collections.abc import Iterator, Sequence
from typing import Any

from client.calls import Calls, given, typed


class Access(Calls):
    """Who may do what. Secrets stand in one answer only."""

    def keys(self) -> list[dict[str, Any]]:
        """All keys, without their secrets (admin)."""
        return list(self._pages("/v1/keys", {}))

    def create_key(
        self, name: str, scopes: Sequence[str], owner: str | None = None, expires_in_days: int | None = None
    ) -> dict[str, Any]:
        """A new key; its ``secret`` stands in this answer only (admin). ``expires_in_days`` ``None``: it never ends."""
        more = given({"owner": owner or None, "expires_in_days": expires_in_days})
        wanted = {"name": name, "scopes": list(scopes), **more}
        return typed(dict, self._transport.json("POST", "/v1/keys", json=wanted))

    def rotate_key(self, key_id: str, grace_seconds: int | None = None) -> dict[str, Any]:
        """The same key with a new ``secret``; the old one is good for ``grace_seconds`` more (a day) (admin)."""
        wanted = given({"grace_seconds": grace_seconds})
        return typed(dict, self._transport.json("POST", f"/v1/keys/{key_id}/rotate", json=wanted))

    def revoke_key(self, key_id: str) -> None:
        """Ends a key for good (admin)."""
        self._transport.call("DELETE", f"/v1/keys/{key_id}")

    def audit(self) -> Iterator[dict[str, Any]]:
        """Who changed keys and secrets, newest first (admin)."""
        return iter(self._pages("/v1/audit", {}))

    def make_webhook_secret(self, grace_seconds: int | None = None) -> dict[str, Any]:
        """A new secret that signs the owner's webhooks; the one before signs too for ``grace_seconds`` (a day)."""
        wanted = given({"grace_seconds": grace_seconds})
        return typed(dict, self._transport.json("POST", "/v1/webhook-secret", json=wanted))

    def webhook_secret(self) -> dict[str, Any]:
        """When the secret was made, never the secret itself. Refused (404) where there is none."""
        return self._asked("/v1/webhook-secret")
