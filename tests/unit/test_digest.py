"""Digests are those of the published algorithms, fit their column and are compared by the algorithm they name."""

import base64
import hashlib

import pytest

from db.digest import Digest, digest_for, digest_like
from db.schema import Source
from db.states import Kind

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
# The first and a later one of BLAKE3's published test vectors, whose input counts from 0 to 250 again and again.
COUNTED = bytes(number % 251 for number in range(1024))
BLAKE3 = {
    b"": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    COUNTED: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}


def said(digest: Digest, *pieces: bytes | bytearray) -> str:
    for piece in pieces:
        digest.update(piece)
    return digest.said


def test_a_photos_is_sha256_in_digits() -> None:
    assert said(digest_for(Kind.IMAGE)) == EMPTY_SHA256
    assert said(digest_for(Kind.IMAGE), COUNTED[:7], COUNTED[7:]) == hashlib.sha256(COUNTED).hexdigest()


@pytest.mark.parametrize("data", BLAKE3, ids=len)
def test_an_archives_is_blake3_and_says_so(data: bytes) -> None:
    name, _, digest = said(digest_for(Kind.ZIP), data[:7], bytearray(data[7:])).partition("-")
    assert (name, base64.b64decode(digest, validate=True).hex()) == ("blake3", BLAKE3[data])


@pytest.mark.parametrize("kind", Kind)
def test_another_is_compared_by_the_algorithm_that_was_used(kind: Kind) -> None:
    kept = said(digest_for(kind), COUNTED)
    assert said(digest_like(kept), COUNTED) == kept
    assert said(digest_like(kept), COUNTED[1:]) != kept


@pytest.mark.parametrize("kind", Kind)
def test_it_fits_its_column(kind: Kind) -> None:
    assert len(said(digest_for(kind), COUNTED)) <= Source.__table__.c.sha256.type.length
