"""An S3 server of this machine's own (SeaweedFS): what it stored is there after a kill and a new start."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ports import free_port

WEED = Path(sys.executable).with_name("weed")
BUCKET = "shoebox-test"
KEYS = {"AWS_ACCESS_KEY_ID": "shoebox", "AWS_SECRET_ACCESS_KEY": "not-a-secret-of-anybody"}


class S3Server:
    """One process over one folder. It takes `KEYS` and no others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._ports = {
            name: free_port()
            for name in (
                "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc",
            )
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
        )

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    def url(self, prefix: str) -> str:
        """What to set ``SHOEBOX_BLOBS_URL`` to."""
        return f"s3://{BUCKET}/{prefix}?endpoint_url={self.endpoint}&region=us-east-1"

    def start(self) -> "S3Server":
        """Starts it, and waits until it stores what it is given."""
        words = [f"-{name}={port}" for name, port in self._ports.items()]
        words += [f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
        # What else it would serve is on ports that are the same for everyone.
        words += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        words += ["-master.volumeSizeLimitMB=64", "-volume.max=32", "-volume.minFreeSpace=1"]
        # Alone it need not wait for others to vote, and it has nobody to tell anything.
        words += ["-master.electionTimeout=1s", "-master.telemetry=false"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([WEED, "server", *words], env=KEYS, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while not self._stores():
            assert time.monotonic() < until, (self._folder / "server.log").read_text()[-3000:]
            time.sleep(0.1)
        return self

    def _stores(self) -> bool:
        try:
            with suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
                self.client.create_bucket(Bucket=BUCKET)
            self.client.put_object(Bucket=BUCKET, Key="started", Body=b"1")
        except (BotoCoreError, ClientError):
            return False
        return True

    def kill(self) -> None:
        """Ends it as a loss of power does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
