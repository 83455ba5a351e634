"""Pictures of the dashboard for the documents: a Shoebox of its own, drawn landscapes, and a browser.

    python -m bench.screenshots docs/images

Draws landscapes, trains a small model that knows them, starts a stack on a temporary data directory, tags a few albums,
reviews some photos, and takes a picture of every page. Needs the development install and Chromium; ten minutes on two
cores. ``--keep FOLDER`` keeps what was drawn and trained for the next time.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bench.landscapes import KINDS, landscape
from client.client import Client
from client.upload import of_path

SIZES = {"wide": (1440, 900, "light"), "dark": (1440, 900, "dark"), "phone": (390, 844, "light")}
COLOURS = 256
LEARNT, NEW = 40, 14


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Shoebox."""

    pages: str
    client: Client


def draw(folder: Path, count: int, seed: int) -> Path:
    """A folder of landscapes for each kind; those that are there stay."""
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = folder / kind / f"{kind}-{number:03}.jpg"
            if not path.exists():
                landscape(kind, seed + number).save(path, quality=88)
    return folder


def train(photos: Path, bundle: Path) -> None:
    """A small model that knows the drawn landscapes."""
    words: dict[str, object] = {"--arch": "small_cnn", "--size": 96, "--head-epochs": 0, "--epochs": 14, "--batch": 32}
    knows = "It knows four kinds of drawn landscape: forest, glacier, mountain and sea."
    words |= {"--rate": 3e-3, "--ema": 0.9, "--name": "landscapes", "--out": bundle, "--knows": knows}
    shoebox({}, "model", "train", str(photos), *(str(word) for pair in words.items() for word in pair))


def shoebox(settings: dict[str, str], *arguments: str) -> str:
    """``shoebox …``; its output. Raises `subprocess.CalledProcessError`."""
    command = [sys.executable, "-c", "from cli.main import run; run()", *arguments]
    return subprocess.run(command, env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def running(bundle: Path) -> Iterator[Stack]:
    """A stack whose default model is ``bundle``."""
    home = Path(tempfile.mkdtemp(prefix="sb-"))
    settings = {"SHOEBOX_DATA_DIR": str(home), "SHOEBOX_PORT": "18920", "SHOEBOX_MODEL": "landscapes"}
    shutil.copytree(bundle, home / "models" / "landscapes")
    try:
        found = json.loads(shoebox(settings, "up", "--json"))
        with Client(found["url"], (home / "key").read_text().strip()) as client:
            yield Stack(found["dashboard"], client)
    finally:
        shoebox(settings, "down")
        shutil.rmtree(home, ignore_errors=True)


def strangers(count: int) -> Iterator[tuple[str, bytes]]:
    """Pictures that nobody would tag: gradients, noise, one colour, and no picture at all."""
    random = np.random.default_rng(5)
    for number in range(count):
        across = np.linspace(0, 255, 640)[None, :, None] * random.uniform(0.3, 1, 3)
        kinds = (
            across * np.ones((480, 1, 1)),
            random.integers(0, 255, (480, 640, 3)),
            np.full((480, 640, 3), 90 + number),
        )
        buffer = io.BytesIO()
        Image.fromarray(kinds[number % 3].astype(np.uint8)).save(buffer, "PNG")
        yield f"scans/page {number + 1}.png", buffer.getvalue()
    yield "scans/notes.jpg", b"this is a text, whatever its name says"


def album(path: Path, photos: list[Path], others: int) -> Path:
    """A ZIP of photos and strangers."""
    entries = [(f"{photo.parent.name}/{photo.name}", photo.read_bytes()) for photo in photos] + list(strangers(others))
    with zipfile.ZipFile(path, "w") as archive:
        for number in np.random.default_rng(len(entries)).permutation(len(entries)):
            archive.writestr(*entries[number])
    return path


def fill(stack: Stack, photos: list[Path], place: Path) -> str:
    """A few jobs with reviews; the id of the one to show."""
    client, made = stack.client, []
    for number, (name, part) in enumerate((("autumn", photos[::3]), ("lake", photos[1::3]), ("hike", photos))):
        job = client.submit([of_path(album(place / f"{name}.zip", part, 3 + 2 * number))])
        job.wait()
        made.append(job.id)
    for job_id in made:
        for number, item in enumerate(client.items(job_id)):
            if item.decision == "accepted" and number % 2 == 0:
                if number % 14 == 0:
                    client.review(item.id, KINDS[number % 4])
                else:
                    client.confirm(item.id)
    client.rerun(made[0], "scenes").wait()
    return made[-1]


def shoot(page: Page, url: str, heading: str, path: Path, chosen: list[Path] | None = None) -> None:
    """One page, once it is still, as a PNG of few colours; with ``chosen`` photos, if it takes any."""
    page.goto(url)
    page.get_by_role("heading", name=heading, level=1).wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    if chosen:
        page.locator("input[type=file]").first.set_input_files(chosen)
    page.wait_for_timeout(2500)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:,.0f} kB", flush=True)


def main() -> None:
    """Draws, trains, tags, takes pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for what is drawn and trained")
    parser.add_argument("--sizes", nargs="*", default=["wide"], choices=list(SIZES))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        kept = given.keep or Path(place)
        bundle = kept / "landscapes"
        learnt, new = draw(kept / "train", LEARNT, 0), draw(kept / "new", NEW, 1000)
        if not bundle.exists():
            train(learnt, bundle)
        with running(bundle) as stack, sync_playwright() as playwright:
            job = fill(stack, sorted(new.rglob("*.jpg")), Path(place))
            program = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            for size in given.sizes:
                width, height, scheme = SIZES[size]
                end = "" if size == "wide" else f"-{size}"
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                page = context.new_page()
                some = sorted(new.rglob("*-00[0-2].jpg"))
                shoot(page, stack.pages, "Submit", given.out / f"dashboard-submit{end}.png", some)
                for name in ("jobs", "history"):
                    shoot(page, f"{stack.pages}/{name}", name.title(), given.out / f"dashboard-{name}{end}.png")
                shoot(page, f"{stack.pages}/job?id={job}", "hike.zip", given.out / f"dashboard-job{end}.png")
                for name in ("rejections", "performance", "models", "system"):
                    shoot(page, f"{stack.pages}/{name}", name.title(), given.out / f"dashboard-{name}{end}.png")
            browser.close()


if __name__ == "__main__":
    main()
