"""Sends a large ZIP from a real browser, and looks at the memory of the dashboard and of the API meanwhile.

``python -m bench.browser_upload photos.zip --gigabytes 2`` repeats the photos until there is that much, starts Shoebox
on a data directory of its own, and deletes all of it afterwards. ``--folder`` needs room for the ZIP twice.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

SHOEBOX = (sys.executable, "-c", "from cli.main import run; run()")
PAUSE = 0.1
"""Seconds between two looks at the memory."""
HOURS = 3_600_000
"""Milliseconds."""


class Watch:
    """The resident memory of processes by name, in MB: ``before``, and ``peak``, the most of it until `stop`."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self.before = self._look()
        self.peak = dict(self.before)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()
        self._thread.join()

    def _go(self) -> None:
        while not self._over.wait(PAUSE):
            for name, found in self._look().items():
                self.peak[name] = max(self.peak[name], found)

    def _look(self) -> dict[str, float]:
        return {name: process.memory_info().rss / 1e6 for name, process in self._processes.items()}


def repeated(photos: Path, path: Path, size: float) -> None:
    """A ZIP at ``path`` of about ``size`` bytes: the files of the ZIP ``photos``, stored, again and again."""
    with zipfile.ZipFile(photos) as source, zipfile.ZipFile(path, "w") as made:
        names = [info.filename for info in source.infolist() if info.file_size]
        n = 0
        while path.stat().st_size < size:
            made.writestr(f"{n:06}-{Path(names[n % len(names)]).name}", source.read(names[n % len(names)]))
            n += 1


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a ZIP of camera photos")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the upload, in 10^9 bytes")
    parser.add_argument("--folder", type=Path, default=None, help="where all of it lies; default: the temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="sb-") as folder:
        large = Path(folder) / "library.zip"
        repeated(asked.photos, large, asked.gigabytes * 1e9)
        environment = os.environ | {
            "SHOEBOX_DATA_DIR": f"{folder}/home",
            "SHOEBOX_PORT": str(_free_port()),
            "SHOEBOX_DASHBOARD_PORT": str(_free_port()),
        }
        try:
            found = _shoebox(environment, "up", "--json")
            pids = {one["name"]: one["pid"] for one in _shoebox(environment, "status", "--json")["processes"]}
            _measure(found["dashboard"], large, {name: pids[name] for name in ("dashboard", "api")})
        finally:
            subprocess.run([*SHOEBOX, "down"], env=environment, capture_output=True)
    return 0


def _measure(url: str, large: Path, pids: dict[str, int]) -> None:
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(url)
        page.locator("input.files").set_input_files(large)
        watch = Watch(pids)
        began = time.monotonic()
        page.get_by_role("button", name="Tag them").click()
        page.wait_for_url("**/job?id=*", timeout=HOURS)
        seconds = time.monotonic() - began
        watch.stop()
        browser.close()
    size = large.stat().st_size
    print(f"{size / 1e9:.2f} GB in {seconds:.0f} s, {size / 1e6 / seconds:.0f} MB/s")
    for name in pids:
        print(f"{name}: {watch.before[name]:.0f} MB before, {watch.peak[name]:.0f} MB at most during the upload")


def _shoebox(environment: dict[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run([*SHOEBOX, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
