"""The browser that tests drive: one of the system, else the one that Playwright brings; ``make test`` runs this file.

Run as a program it sees to it that there is one: by Debian's package where it may install packages, else by Playwright.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """A Chromium's path; ``None`` where the system has none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def fetched() -> bool:
    """Whether Playwright has fetched its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def main() -> int:
    """Exit code 0 where there is a browser in the end."""
    if find() or fetched():
        return 0
    print("installing Chromium for the tests of the dashboard", flush=True)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], **quiet)  # type: ignore[call-overload]
    if not find():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if find() or fetched():
        return 0
    print("there is no Chromium and none could be installed: please install the package chromium", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
