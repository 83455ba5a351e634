"""How much memory and time `shoebox tag` takes for a folder of very many photos.

    python -m bench.folder_memory [--photos 100000] [--bytes 2000]

Makes such a folder of small files, starts a real API process, and has a process of its own look through the folder and
send it as the command does, then look through it again with everything known (``--only-new``). No worker judges them.
Peaks are resident memory as the kernel counted it (Linux).
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.upload_memory import memory, wait
from cli.ledger import Account, Judge, Ledger
from cli.library import Limits, gather
from cli.sending import Sender
from client.client import Client
from db.database import Database
from db.local_key import ensure_local_key
from db.upgrade import upgrade

FOLDERS = 100


def main() -> int:
    """Makes the folder, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=None, help="where to work; default: the temporary folder")
    parser.add_argument("--measure", nargs=3, metavar=("FOLDER", "HOME", "URL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        _measure(Path(asked.measure[0]), Path(asked.measure[1]), asked.measure[2])
        return 0
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="sb-") as work:
        photos, home = Path(work) / "photos", Path(work) / "home"
        _make(photos, asked.photos, asked.bytes)
        home.mkdir()
        database = Database(f"sqlite:///{home}/shoebox.db")
        upgrade(database)
        ensure_local_key(database, home / "key")
        database.close()
        _serve_and_measure(photos, home)
    return 0


def _make(folder: Path, photos: int, size: int) -> None:
    for number in range(photos):
        inside = folder / f"{number % FOLDERS:03d} a summer in Italy"
        if number < FOLDERS:
            inside.mkdir(parents=True)
        (inside / f"IMG_{number:06d}.jpg").write_bytes(number.to_bytes(8, "big").ljust(size, b"\0"))


def _serve_and_measure(photos: Path, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "api"]
    said = {"DATA_DIR": str(home), "PORT": str(port), "MODEL": "scenes", "LOG_LEVEL": "error"}
    environment = os.environ | {f"SHOEBOX_{name}": value for name, value in said.items()}
    api = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url) as client:
            wait(client)
        for _ in range(2):
            subprocess.run(
                [sys.executable, "-m", "bench.folder_memory", "--measure", str(photos), str(home), url], check=True
            )
    finally:
        api.terminate()
        api.wait(20)


def _measure(photos: Path, home: Path, url: str) -> None:
    """The first call sends the folder and notes every photo as judged, the second finds it so."""
    account = Account(url, "admin")
    judge = Judge(account, "scenes", "1")
    with Client(url, (home / "key").read_text().strip()) as client, Ledger(home) as ledger:
        _say("begun", time.monotonic())
        began = time.monotonic()
        found = gather(photos, account, {}, Limits(200_000, 50 * 2**30), ledger, judge)
        _say(f"{found.photos:,} to send, {found.known:,} known", began)
        if not found.parcels:
            return
        began = time.monotonic()
        (job,) = Sender(client, ledger, account, {}).send(found.parcels)
        _say(f"sent, {found.parcels[0].bytes / 1e6:,.0f} MB of photos", began)
        began = time.monotonic()
        model = {"name": judge.model, "version": judge.version}
        verdict = {"job": job.id, "decision": "accepted", "model": model}
        ledger.settle([job.id], (verdict | {"position": at} for at in range(found.photos)))
        _say(f"remembered, {ledger.path.stat().st_size / 1e6:.0f} MB on disk", began)


def _say(what: str, began: float) -> None:
    print(f"{what:<40}{time.monotonic() - began:7.1f} s {memory(os.getpid(), 'VmHWM'):7.1f} MB peak", flush=True)


if __name__ == "__main__":
    sys.exit(main())
