"""When more photos wait than should: new ones are asked to come later."""

from sqlalchemy.orm import Session

from db.query.queue import waiting_photos
from settings import Settings

LATER_SECONDS = 30


class Crowded(Exception):
    """Too many photos wait; ``retry_after`` is in seconds."""

    retry_after = LATER_SECONDS


class TooManyQueued(Crowded):
    """The caller's own photos do."""


class QueueFull(Crowded):
    """All callers' photos together do."""


def check_queue(session: Session, owner: str, settings: Settings) -> None:
    """Raises TooManyQueued and QueueFull. What is on its way already may still go over the limits, by one job each."""
    if not (settings.max_queued_items or settings.max_queued_items_in_all):
        return
    own, in_all = waiting_photos(session, owner)
    most = settings.max_queued_items
    if most and own >= most:
        raise TooManyQueued(f"{most:,} of your photos or more are waiting to be judged; please send these later.")
    most = settings.max_queued_items_in_all
    if most and in_all >= most:
        raise QueueFull("More photos are waiting here than can be judged soon; please send these later.")
