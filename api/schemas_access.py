"""Secrets and keys as JSON."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.options import NUMBER, Text
from api.schemas import JOB_ID, Time
from db.store.keys import Scope

DAY = 86_400
Grace = Annotated[int, Field(ge=0, le=30 * DAY), NUMBER]


class WebhookSecretIn(BaseModel):
    """How a secret is changed."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: Grace = Field(
        DAY,
        description="How long the one before signs too; 0: it ends at once.",
        examples=[DAY],
    )


class WebhookSecretOut(BaseModel):
    """What signs your webhooks, without the secret."""

    created_at: Time = Field(description="When it was made.")
    previous_until: Time | None = Field(description="Until when the one before signs too, if there was one.")


class NewWebhookSecret(WebhookSecretOut):
    """The secret, in this one answer."""

    secret: str = Field(description="`whsec_` and 32 random bytes in Base64. It is shown once.")


class KeyIn(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field(min_length=1, description="What it is for.", examples=["the dashboard"])
    scopes: list[Scope] = Field([Scope.SUBMIT, Scope.READ], min_length=1, description="What it may do.")
    owner: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._@-]{1,64}$", description="Whose jobs it sees; empty: your own.", examples=["anna"]
    )
    expires_in_days: Annotated[int, Field(ge=1, le=36_500), NUMBER] | None = Field(
        None, description="It ends by itself after so many days; empty: never.", examples=[90]
    )


class RotateIn(BaseModel):
    """How a key is changed for a new one."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: Grace = Field(
        DAY, description="How long the old secret is good; 0: it ends at once.", examples=[DAY]
    )


class KeyOut(BaseModel):
    """A key without its secret."""

    id: str = Field(description="The key's id.", examples=[JOB_ID])
    owner: str = Field(description="Whose jobs it sees.", examples=["anna"])
    name: str = Field(description="What it is for.", examples=["the dashboard"])
    scopes: list[Scope] = Field(description="What it may do; admin includes the others.")
    created_at: Time = Field(description="When it was made.")
    revoked_at: Time | None = Field(description="When it was revoked, if it was.", examples=[None])
    expires_at: Time | None = Field(description="When it ends by itself, if it does.", examples=[None])
    previous_until: Time | None = Field(
        description="Until when the secret before the last change is good, if there was one.", examples=[None]
    )


class NewKey(KeyOut):
    """A key with its secret, in this one answer."""

    secret: str = Field(description="The key itself. It is shown once and cannot be asked for again.")


class AuditOut(BaseModel):
    """A change of a key or a secret."""

    id: str = Field(description="Its id; ids sort by time.", examples=[JOB_ID])
    at: Time = Field(description="When.")
    actor: str = Field(
        description="The owner of the key that was used, also where an admin acted for another.", examples=["local"]
    )
    key: str | None = Field(description="That key's id.", examples=[JOB_ID])
    address: str = Field(description="From where.", examples=["192.0.2.7"])
    action: str = Field(
        description="What: key_made, key_rotated, key_revoked, webhook_secret_made.", examples=["key_made"]
    )
    target: str = Field(description="To what: a key, or the owner of a webhook secret.", examples=[JOB_ID])
    detail: dict[str, Any] = Field(description="How; never a secret.", examples=[{"name": "phone"}])
