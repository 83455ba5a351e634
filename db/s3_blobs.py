"""Blobs as objects of an S3 bucket, for machines that share no disk. It needs the extra ``s3``."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import structlog

from db.blob_store import BlobFile, BlobMissing, BlobsAway
from db.ids import made_at, new_id
from db.s3_client import S3Client, check_key, translated

log = structlog.get_logger(__name__)

# Bytes are gathered to so much and sent as one part, so that an upload takes so much memory; what is smaller as a whole
# is one request. An upload may have 10,000 parts: after each thousand they grow by as much, to 429 GiB together.
PART_BYTES = 8 * 2**20
# What is old and belongs to nothing is deleted. An object that is so old already is made new before it gets its row.
OLD_SECONDS = 3600.0
READ_TRIES = 3

# What the store says of a part and wants to hear again; some give no checksum.
_PROOFS = ("ETag", "ChecksumCRC32")
_FILE = re.compile(r"([0-9A-Z]{26})(\.part)?")


class S3Blobs:
    """Blobs as objects under one prefix; what is being written is a multipart upload."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    @property
    def place(self) -> str:
        """Bucket, prefix and server."""
        return self._client.place

    def probe(self) -> None:
        """Asks the store, unless that was done a moment ago. Raises BlobsAway."""
        self._client.probe()

    def create(self) -> "S3Writer":
        """Asks nobody yet."""
        return S3Writer(self._client, new_id())

    def open(self, key: str) -> "S3Reader":
        """The object, of which nothing is read yet. Raises BlobMissing and BlobsAway."""
        return S3Reader(self._client, key, self._client.head(key)["ContentLength"])

    def delete(self, key: str) -> None:
        """Deletes the object. While the store is away it stays: without a row it goes later, as a forgotten one."""
        try:
            self._client.call("delete_object", key)
        except BlobsAway as error:
            log.warning("blob_left", blob=key, why=error.strerror)

    def free_bytes(self) -> None:
        """There is no telling."""

    def room(self, wanted: int = 1) -> int:
        """Without bounds."""
        return sys.maxsize

    def touch(self, key: str) -> None:
        """Copies an object of some age onto itself: nothing else makes it new. Of a young one nothing is asked.

        Raises BlobMissing and BlobsAway.
        """
        check_key(key)
        if time.time() - made_at(key) >= OLD_SECONDS:
            self._client.copy_onto_itself(key)

    def files(self) -> Iterator[BlobFile]:
        """Objects, and unfinished uploads under names that end with ``.part``. Raises BlobsAway."""
        prefix = self._client.prefix
        for found in self._client.listed("list_objects_v2", "Contents", Prefix=prefix):
            file = BlobFile(found["Key"].removeprefix(prefix), found["Size"], _age(found["LastModified"]))
            if file.whole:
                yield file
        for upload in self._unfinished():
            name = f"{upload['Key'].removeprefix(prefix)}.part"
            if _FILE.fullmatch(name):
                yield BlobFile(name, *self._so_far(upload))

    def delete_old(self, name: str, seconds: float) -> bool:
        """Looks at the object's age once more, or at that of an upload's last part. Raises BlobsAway."""
        match = _FILE.fullmatch(name)
        if match is None:
            raise BlobMissing(f"{name!r} is no file of this store")
        gone = False
        with suppress(BlobMissing):  # somebody else was quicker
            if not match[2]:
                if _age(self._client.head(name)["LastModified"]) >= seconds:
                    self._client.call("delete_object", name)
                    gone = True
                return gone
            for upload in self._unfinished(match[1]):
                if self._so_far(upload)[1] >= seconds:
                    self._client.call("abort_multipart_upload", match[1], UploadId=upload["UploadId"])
                    gone = True
        return gone

    def _unfinished(self, key: str = "") -> Iterator[dict[str, Any]]:
        return self._client.listed("list_multipart_uploads", "Uploads", Prefix=self._client.prefix + key)

    def _so_far(self, upload: dict[str, Any]) -> tuple[int, float]:
        """An unfinished upload's bytes, and the seconds since the last of them came."""
        size, age, key = 0, _age(upload["Initiated"]), upload["Key"]
        with suppress(BlobMissing):  # it came to its end meanwhile
            for part in self._client.listed("list_parts", "Parts", key, Key=key, UploadId=upload["UploadId"]):
                size, age = size + part["Size"], min(age, _age(part["LastModified"]))
        return size, age


class S3Writer:
    """Sends what it is given part by part; the object is there with the last request, or not at all."""

    def __init__(self, client: S3Client, key: str) -> None:
        self._client = client
        self._key = key
        self._gathered = bytearray()
        self._size = 0
        self._upload = ""
        self._parts: list[dict[str, Any]] = []
        self._open = True

    def write(self, data: bytes | bytearray) -> None:
        """Appends bytes. Raises BlobsAway."""
        self._gathered += data
        self._size += len(data)
        while len(self._gathered) > (enough := PART_BYTES * (1 + len(self._parts) // 1000)):
            part = bytes(self._gathered[:enough])
            del self._gathered[:enough]
            self._send(part)

    def commit(self) -> str:
        """Makes the object. Raises BlobsAway."""
        rest = bytes(self._gathered)
        if self._upload:
            self._send(rest)
            self._complete()
        else:
            self._call("put_object", Body=rest)
        self._open = False
        return self._key

    def abort(self) -> None:
        """Drops the parts. While the store is away they stay: they go later, as forgotten ones."""
        if self._open and self._upload:
            try:
                self._client.call("abort_multipart_upload", self._key, UploadId=self._upload)
            except (BlobMissing, BlobsAway) as error:
                log.warning("blob_left", blob=self._key, why=str(error))
        self._open = False

    def _send(self, part: bytes) -> None:
        if not self._upload:
            self._upload = self._call("create_multipart_upload", ChecksumAlgorithm="CRC32")["UploadId"]
        number = len(self._parts) + 1
        sent = self._call("upload_part", UploadId=self._upload, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32")
        self._parts.append({"PartNumber": number} | {name: sent[name] for name in _PROOFS if name in sent})

    def _complete(self) -> None:
        made = {"UploadId": self._upload, "MultipartUpload": {"Parts": self._parts}}
        try:
            self._client.call("complete_multipart_upload", self._key, **made)
        except BlobMissing:
            # A request that was repeated because its answer was lost finds that all is done.
            if self._call("head_object")["ContentLength"] != self._size:
                raise BlobsAway("S3 lost an upload") from None

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        try:
            return self._client.call(method, self._key, **parameters)
        except BlobMissing as error:
            raise BlobsAway("S3 lost an upload") from error


class S3Reader:
    """Reads of one object by ranges: nothing is kept, and nothing is read that is not asked for."""

    def __init__(self, client: S3Client, key: str, size: int) -> None:
        self._client = client
        self._key = key
        self._size = size

    @property
    def size(self) -> int:
        """Bytes in the object."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``, in one request. Raises BlobMissing and BlobsAway."""
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        reach = f"bytes={offset}-{offset + length - 1}"
        for _ in range(READ_TRIES - 1):
            answer = self._client.call("get_object", self._key, Range=reach)
            # The library repeats requests by itself, but not where an answer breaks off.
            with suppress(BlobsAway):
                return self._data(answer)
        return self._data(self._client.call("get_object", self._key, Range=reach))

    def expect(self, offset: int, length: int) -> None:
        """Nothing is fetched before it is asked for."""

    def forget(self, offset: int, length: int) -> None:
        """There is nothing to forget."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def _data(self, answer: dict[str, Any]) -> bytes:
        with translated(self._key):
            data: bytes = answer["Body"].read()
        return data


def _age(moment: Any) -> float:
    """Seconds since a time that the store gave."""
    return time.time() - float(moment.timestamp())
