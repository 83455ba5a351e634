"""What Shoebox brings when it runs is free to use beside Apache-2.0: no package, and no library inside one, is GPL."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

# Extras of what runs; those of training and of development stay with whoever trains and develops.
RUNNING = ("", "dashboard", "onnx", "s3")
# The LGPL is no hindrance: its libraries are loaded, and may be exchanged. Nor are exceptions for compilers' runtimes.
STRICT = re.compile(r"(?<![A-Za-z])A?GPL|(?<!Lesser )General Public License", re.IGNORECASE)
NAMED = re.compile(r"licen[sc]e|copying|notice", re.IGNORECASE)
EXEMPT = re.compile(r"exception", re.IGNORECASE)


def running() -> dict[str, Distribution]:
    """Every installed distribution that Shoebox needs, or that one of those needs, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    left = [("shoebox", frozenset(RUNNING))]
    while left:
        name, extras = left.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or another Python
        for line in found[name].requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras or {""}):
                left.append((wanted.name, frozenset(wanted.extras)))
    return found


def said(one: Distribution) -> list[str]:
    """What a package says of its licence: in its description, and of the libraries that its files list as bundled."""
    fields = [one.metadata.get("License-Expression"), (one.metadata.get("License") or "").partition("\n")[0]]
    fields += [name for name in one.metadata.get_all("Classifier") or [] if name.startswith("License ::")]
    for path in one.files or ():
        there = Path(str(one.locate_file(path)))
        if NAMED.search(path.name) and path.suffix in ("", ".txt", ".md") and there.exists():
            fields += re.findall(r"^\W*licen[sc]e: *(.+)$", there.read_text(errors="replace"), re.I | re.M)
    return [field.strip() for field in fields if field and field.strip()]


def strict(words: list[str]) -> list[str]:
    return [word for word in words if STRICT.search(word) and not EXEMPT.search(word)]


def test_nothing_that_runs_is_under_the_gpl() -> None:
    found = running()
    assert {"fastapi", "openvino", "streamlit", "psycopg", "pi-heif"} <= set(found)
    assert {name: words for name, one in found.items() if (words := strict(said(one)))} == {}


def test_everything_that_runs_says_what_its_licence_is() -> None:
    silent = [name for name, one in running().items() if not said(one) and not files_of(one)]
    assert silent == []


def files_of(one: Distribution) -> list[str]:
    return [str(path) for path in one.files or () if NAMED.search(path.name)]


def test_the_check_finds_a_library_in_a_package() -> None:
    # This one is for tests alone: its own licence is free, that of an encoder in it is not.
    assert strict(said(distribution("pillow-heif")))
    assert "pillow-heif" not in running()


@pytest.mark.parametrize(
    ("words", "free"),
    [
        ("GPLv2", False),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0", False),
        ("GNU General Public License v3", False),
        ("LGPL-3.0-only", True),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GPL-3.0-with-GCC-exception", True),
        ("MIT", True),
    ],
)
def test_what_is_strict(words: str, free: bool) -> None:
    assert (strict([words]) == []) is free
