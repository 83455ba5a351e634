"""What the API owns while it runs."""

import time
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from api.auth import Gate
from api.catalog import Catalog
from api.pace import Pace
from api.previews import Previews
from api.wakeups import WakeUps
from db.blob_store import BlobStore
from db.database import Database
from settings import Settings
from worker.addresses import Policy
from worker.hinting import Hinter
from worker.senders import Hints


@dataclass(frozen=True, slots=True)
class Parts:
    """Opened once by the application and closed by it; routes take what they need from here."""

    settings: Settings
    database: Database
    blobs: BlobStore
    hints: Hints
    hinter: Hinter
    wakeups: WakeUps
    previews: Previews
    catalog: Catalog
    gate: Gate
    webhooks: Policy
    pace: Pace
    workbooks: CapacityLimiter
    started: float = field(default_factory=time.monotonic)


async def parts_of(request: Request) -> Parts:
    """The running application's parts."""
    parts: Parts = request.app.state.parts
    return parts


The = Annotated[Parts, Depends(parts_of)]
