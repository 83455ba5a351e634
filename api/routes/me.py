"""Who the caller is."""

from fastapi import APIRouter

from api.auth import Anyone
from api.schemas_more import Me

router = APIRouter(prefix="/v1", tags=["Administration"])


@router.get("/me", summary="Who am I?")
def me(caller: Anyone) -> Me:
    """Whose photos this key sees, and what it may do."""
    return Me(owner=caller.owner, scopes=sorted(caller.scopes))
