"""What is written and hashed beside each other is one file and its digest."""

import asyncio
import base64
import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest
from blake3 import blake3

from api.uploads import WRITE_BYTES, Uploads
from db.blobs import FLUSH_BYTES, FileBlobs
from db.states import Kind


def archive_of(data: bytes) -> bytes:
    with zipfile.ZipFile(kept := io.BytesIO(), "w") as archive:
        archive.writestr("a.jpg", data)
    return kept.getvalue()


@pytest.mark.parametrize("size", [0, 1, WRITE_BYTES - 1, WRITE_BYTES, WRITE_BYTES + 1, 3 * FLUSH_BYTES + 77])
def test_pieces_of_any_size_become_one_file_and_its_digest(tmp_path: Path, size: int) -> None:
    draw = random.Random(5)
    files = [draw.randbytes(size), draw.randbytes(2 * WRITE_BYTES + 5), archive_of(draw.randbytes(size))]
    blobs = FileBlobs(tmp_path / "blobs")

    async def send() -> Uploads:
        async with Uploads(blobs, 0) as uploads:
            for number, data in enumerate(files):
                uploads.begin(f"{number}.bin")
                at = 0
                while at < len(data):
                    piece = data[at : at + draw.choice([1, 64 * 1024, 300_000])]
                    await uploads.data(piece)
                    at += len(piece)
                await uploads.end()
            uploads.keep()
            return uploads

    sent = asyncio.run(send()).files
    photo, other, archive = files
    archived = f"blake3-{base64.b64encode(blake3(archive).digest()).decode()}"
    assert [one.kind for one in sent] == [Kind.IMAGE, Kind.IMAGE, Kind.ZIP]
    assert [one.digest for one in sent] == [*(hashlib.sha256(data).hexdigest() for data in (photo, other)), archived]
    assert [one.bytes for one in sent] == [len(data) for data in files]
    assert [(blobs.folder / one.blob).read_bytes() for one in sent] == files
