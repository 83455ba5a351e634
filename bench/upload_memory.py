"""How much memory the API takes while it receives a large upload: ``python -m bench.upload_memory --gigabytes 5``.

Starts a real API process on a data directory of its own, sends it that much as a raw body and then as multipart, and
prints the process' peak resident memory in each. Needs that much disk, and Linux (it reads /proc).
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from db.database import Database
from db.local_key import ensure_local_key
from db.upgrade import upgrade

BLOCK = os.urandom(2**20)
GIGABYTE = 2**30
_HEAD = b'--bench\r\nContent-Disposition: form-data; name="files"; filename="library.bin"\r\n\r\n'
_TAIL = b"\r\n--bench--\r\n"


def main() -> int:
    """Measures and prints; returns 1 when the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5.0, help="size of each upload")
    parser.add_argument("--limit-mb", type=float, default=200.0, help="most resident memory that is fine")
    parser.add_argument("--folder", type=Path, default=None, help="where the uploads go; default: the temporary folder")
    asked = parser.parse_args()
    blocks = round(asked.gigabytes * GIGABYTE / len(BLOCK))
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="shoebox-bench-") as home:
        database = Database(f"sqlite:///{home}/shoebox.db")
        upgrade(database)
        key = ensure_local_key(database, Path(home) / "key") or ""
        database.close()
        peaks = _measure(Path(home), key, blocks)
    return int(max(peaks) > asked.limit_mb)


def _measure(home: Path, key: str, blocks: int) -> list[float]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "api"]
    said = {"DATA_DIR": str(home), "PORT": str(port), "MODEL": "scenes", "LOG_LEVEL": "error"}
    environment = os.environ | {f"SHOEBOX_{name}": value for name, value in said.items()}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=600) as client:
            wait(client)
            print(f"idle                {memory(process.pid, 'VmRSS'):7.1f} MB")
            raw = _send(client, process.pid, "raw body", "application/octet-stream", blocks)
            form = _send(client, process.pid, "multipart", "multipart/form-data; boundary=bench", blocks)
        return [raw, form]
    finally:
        process.terminate()
        process.wait(20)


def _send(client: httpx.Client, pid: int, name: str, content_type: str, blocks: int) -> float:
    multipart = content_type.startswith("multipart")

    def body() -> Iterator[bytes]:
        yield _HEAD if multipart else b""
        for _ in range(blocks):
            yield BLOCK
        yield _TAIL if multipart else b""

    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
    began = time.monotonic()
    answer = client.post("/v1/jobs", content=body(), headers={"Content-Type": content_type})
    seconds = time.monotonic() - began
    answer.raise_for_status()
    job = answer.json()
    assert job["sources"][0]["bytes"] == blocks * len(BLOCK)
    peak = memory(pid, "VmHWM")
    print(f"{name:<12}{blocks / 1024:5.1f} GB {peak:7.1f} MB peak, {seconds:6.1f} s, {blocks / seconds:6.0f} MB/s")
    client.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    client.delete(f"/v1/jobs/{job['id']}").raise_for_status()
    return peak


def memory(pid: int, field: str) -> float:
    """A field of the process' memory status, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def wait(client: httpx.Client) -> None:
    """Waits until the API answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client.get("/health/live").raise_for_status()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
