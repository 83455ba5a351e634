"""Whose photos somebody sees who signed in by OpenID Connect."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from client.errors import Refused

ADDRESS = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+")
LONGEST = 64
"""Characters of an owner's name."""
UNVERIFIED = "Your e-mail address is not verified with the service you signed in with."
NOBODY = "The service you signed in with does not say who you are (it sends no `iss` and `sub`)."


def owner_of(claims: Mapping[str, Any]) -> str:
    """The owner: the e-mail address in small letters where it is verified and can be an owner's name.

    Else it is ``oidc-`` and a hash of provider and subject: no two people have one owner, and nobody has that of a
    key. Raises `Refused` where the provider says that the address is not verified, since it could then be anybody's,
    and where it names no subject.
    """
    address = claims.get("email")
    # Of a provider that is silent on it, such as Microsoft Entra, the address decides nothing.
    if address and "email_verified" in claims:
        if not _true(claims["email_verified"]):
            raise Refused(403, "unverified", UNVERIFIED)
        # Before its letters are made small: a Kelvin sign would become a k.
        if ADDRESS.fullmatch(str(address)) and len(str(address)) <= LONGEST:
            return str(address).lower()
    provider, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(provider, str) or not isinstance(subject, str) or not provider or not subject:
        raise Refused(403, "nobody", NOBODY)
    # As JSON, so that no end of one can be the beginning of the other.
    return f"oidc-{sha256(json.dumps([provider, subject]).encode()).hexdigest()}"[:LONGEST]


def _true(said: object) -> bool:
    """Some providers send the claim as text."""
    return said is True or said == "true"
