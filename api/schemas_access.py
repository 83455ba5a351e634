"""Secrets and keys as JSON."""

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Time

DAY = 86_400


class WebhookSecretIn(BaseModel):
    """How a secret is changed."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: int = Field(
        DAY,
        strict=True,
        ge=0,
        le=30 * DAY,
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
