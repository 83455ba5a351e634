"""Requests to one S3 bucket, with errors of ours. It needs the extra ``s3``."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from db.blob_store import BlobMissing, BlobsAway

# Tries, seconds to connect, seconds to wait for an answer. Content is moved patiently: with pauses between tries, that
# bridges some seconds of a store that is away, and no upload need be sent again. All else is to be known well within a
# lease.
PATIENT = 4, 3, 10
BRISK = 2, 1, 2
# Anybody may ask whether the store answers; it is asked itself so often at most.
PROBE_SECONDS = 5.0
# While it cannot be reached, only one request in so long finds out; the others need not wait for the same.
AWAY_SECONDS = 2.0

_KEY = re.compile(r"[0-9A-Z]{26}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = frozenset({"endpoint_url", "region"})
_FORM = "SHOEBOX_BLOBS_URL should look like s3://bucket/prefix or s3://bucket/prefix?endpoint_url=https://host&region=x"
# The last: moved to an archive, from which nothing can be read.
_GONE = frozenset({"404", "NoSuchKey", "NoSuchUpload", "InvalidObjectState"})
_CONTENT = frozenset(
    {"get_object", "put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"}
)
# One request copies 5 GB at most.
_COPY = TransferConfig(multipart_threshold=4 * 2**30, multipart_chunksize=2**30)


class S3Client:
    """A bucket and a prefix in it; ``prefix`` is empty or ends with a slash. Safe to share between threads.

    The right to it comes from where all of AWS's programs have theirs: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a
    file of credentials, the machine's role. Raises ValueError for an endpoint that is no URL.
    """

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None = None, region: str | None = None) -> None:
        self._bucket = bucket
        self.prefix = prefix
        session = boto3.session.Session(region_name=region)
        self._patient = _opened(session, endpoint_url, *PATIENT)
        self._brisk = _opened(session, endpoint_url, *BRISK)
        self._lock = Lock()
        self._asked = -PROBE_SECONDS
        self._away: str | None = None

    @classmethod
    def of(cls, url: str) -> "S3Client":
        """That of an ``s3://`` URL. Raises ValueError, which does not repeat what may be secret in it."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        strange = options.keys() - _OPTIONS or parts.fragment or "@" in options.get("endpoint_url", "")
        if strange or not _BUCKET.fullmatch(parts.netloc):
            raise ValueError(_FORM)
        prefix = parts.path.strip("/")
        return cls(parts.netloc, f"{prefix}/" if prefix else "", options.get("endpoint_url"), options.get("region"))

    @property
    def place(self) -> str:
        """Bucket, prefix and server."""
        return f"s3://{self._bucket}/{self.prefix} at {self._patient.meta.endpoint_url}"

    def call(self, method: str, key: str, **parameters: Any) -> dict[str, Any]:
        """A request about one object. Raises BlobMissing and BlobsAway."""
        check_key(key)
        content = method in _CONTENT
        if not content and self._away is not None and time.monotonic() - self._asked < AWAY_SECONDS:
            raise BlobsAway(self._away)
        request = getattr(self._patient if content else self._brisk, method)
        try:
            with translated(key):
                found: dict[str, Any] = request(Bucket=self._bucket, Key=self.prefix + key, **parameters)
        except BlobsAway as error:
            if not error.refused:
                self._away, self._asked = error.strerror, time.monotonic()
            raise
        return found

    def head(self, key: str) -> dict[str, Any]:
        """What is known of an object. Raises BlobMissing and BlobsAway."""
        try:
            return self.call("head_object", key)
        except BlobMissing:
            # The answer is the same where the whole bucket is missing, which says nothing about its objects.
            self.probe()
            raise

    def copy_onto_itself(self, key: str) -> None:
        """Makes an object new, whatever its size, within the store. Raises BlobMissing and BlobsAway."""
        name = self.prefix + key
        with translated(key):
            self._patient.copy(
                {"Bucket": self._bucket, "Key": name},
                self._bucket,
                name,
                ExtraArgs={"MetadataDirective": "REPLACE"},
                Config=_COPY,
            )

    def listed(self, method: str, what: str, key: str = "", **parameters: Any) -> Iterator[dict[str, Any]]:
        """The entries of all pages of a listing. Raises BlobsAway, and BlobMissing for that of an upload's parts."""
        pages = self._brisk.get_paginator(method).paginate(Bucket=self._bucket, **parameters)
        with translated(key):
            for page in pages:
                yield from page.get(what, ())

    def probe(self) -> None:
        """Asks for one object's name, unless somebody did so a moment ago or is about to. Raises BlobsAway."""
        if self._lock.acquire(blocking=False):
            try:
                if time.monotonic() - self._asked >= (PROBE_SECONDS if self._away is None else AWAY_SECONDS):
                    self._away = self._ask()
                    self._asked = time.monotonic()
            finally:
                self._lock.release()
        if self._away is not None:
            raise BlobsAway(self._away)

    def _ask(self) -> str | None:
        """Why the store is away, if it is."""
        try:
            with translated():
                self._brisk.list_objects_v2(Bucket=self._bucket, Prefix=self.prefix, MaxKeys=1)
        except BlobsAway as error:
            return error.strerror
        return None


def check_key(key: str) -> None:
    """Raises BlobMissing for what cannot be a blob's key."""
    if not _KEY.fullmatch(key):
        raise BlobMissing(f"{key!r} is no blob key")


@contextmanager
def translated(key: str = "") -> Iterator[None]:
    """Turns the library's errors into BlobMissing, where a ``key`` is asked for that is not there, and BlobsAway."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if key and code in _GONE:
            raise BlobMissing(key) from error
        raise BlobsAway(f"S3 refuses: {code}", refused=True) from error
    except BotoCoreError as error:
        raise BlobsAway(f"S3 cannot be reached: {type(error).__name__}") from error


def _opened(session: Any, endpoint_url: str | None, tries: int, connect_seconds: float, read_seconds: float) -> Any:
    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=64,
    )
    try:
        return session.client("s3", endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError):
        raise ValueError(_FORM) from None
