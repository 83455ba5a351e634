"""Faults of stored uploads and the disk they lie on; each waits until it is over and returns the seconds it took."""

import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

from running import API

from client.client import Client
from client.errors import Refused, ShoeboxError
from client.upload import ZIP, Upload
from faults.ledger import Entry
from faults.look import unread_blob
from faults.stack import LONGEST, Stack, patiently, wait_for
from faults.traffic import archive

PROBE_BYTES = 12 * 2**20


def hurt_blob(stack: Stack, pick: float, how: Callable[[Path], None], what: str) -> float | None:
    """Hurts the upload of a job that waits; over when that job has ended."""
    found = patiently(lambda: unread_blob(stack.database, pick))
    if found is None:
        return None
    job, blob = found
    stack.damaged[job] = what
    try:
        how(stack.blobs / blob)
    except FileNotFoundError:
        return None  # hurt before
    return ended(stack, job)


def ended(stack: Stack, job: str) -> float:
    """Waits for the end of a job; how many seconds that took."""
    return wait_for(lambda: stack.running.client.job(job).view.finished, LONGEST, f"job {job} ends")


def cut(path: Path) -> None:
    """Takes the second half of a file away."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Changes a byte in each of a hundred places; the length stays."""
    chance = random.Random(path.name)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in (chance.randrange(size) for _ in range(100)):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0xFF]))


def fill_disk(stack: Stack, pick: float) -> float:
    """No room for an upload: 507 and nothing is kept; over when the same upload is accepted again.

    Where no small disk could be mounted, the API may not write files beyond a limit instead.
    """
    number = int(pick * 1e9)
    photos = {f"full-{number}-{i}.jpg": os.urandom(PROBE_BYTES // 4) for i in range(4)}
    whole = archive("full.zip", photos)
    # Of unknown length: the server finds out while it writes.
    probe = Upload("full.zip", ZIP, whole.start)
    with Client(stack.running.settings.url, stack.running.key, patience=0.0) as client, stack.turn:
        files = set(stack.blobs.iterdir())
        make_room = _no_room(stack)
        try:
            client.submit([probe], idempotency_key=f"full-{number}")
        except Refused as error:
            if error.status not in (503, 507):
                stack.broken.append(f"disk full: {error.status} {error.code}")
        except ShoeboxError:
            pass  # another fault has the API
        else:
            stack.broken.append("disk full: the upload was accepted")
        finally:
            make_room()
        left = [path for path in set(stack.blobs.iterdir()) - files if path.stat().st_size > PROBE_BYTES // 8]
        if left:
            stack.broken.append(f"disk full: {left} stayed")

        def accepted() -> bool:
            job = client.submit([whole], idempotency_key=f"full-{number}")
            stack.ledger.write(Entry(job.id, f"full-{number}", list(photos)))
            return True

        return wait_for(accepted, LONGEST, "uploads are accepted again")


def _no_room(stack: Stack) -> Callable[[], object]:
    if stack.small_disk:
        filler = stack.blobs / "filler"
        free = os.statvfs(stack.blobs).f_bavail * os.statvfs(stack.blobs).f_frsize
        filler.write_bytes(bytes(max(0, free - PROBE_BYTES // 2)))
        return filler.unlink
    pid = stack.process(API).pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (PROBE_BYTES // 2, limits[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
