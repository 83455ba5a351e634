"""A stack for each file, a terminal before it, and a folder of photos."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Running, running
from terminal import Terminal

from model.bundle import Bundle

Scene = Callable[..., bytes]


@pytest.fixture(scope="module")
def stack(tiny_bundle: Bundle) -> Iterator[Running]:
    with running(tiny_bundle) as found:
        yield found.start().ready()


@pytest.fixture
def shoebox(stack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path / "home", stack)


@pytest.fixture
def trip(tmp_path: Path, scene: Scene) -> Path:
    """A folder with five photos, and files that are none."""
    folder = tmp_path / "trip"
    (folder / "rome").mkdir(parents=True)
    for number, kind in enumerate(("sunset", "forest", "sea", "orchid")):
        (folder / f"{number}.jpg").write_bytes(scene(kind, 10 + number))
    (folder / "rome" / "day 1.jpg").write_bytes(scene("sea", 20))
    (folder / "rome" / "day 1.NEF").write_bytes(b"raw")
    (folder / "notes.txt").write_text("no photo")
    return folder
