"""Who may import whom, where import-linter cannot look: single modules at the top level."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "configuration",
    "settings",
    "logs",
    "model",
    "db",
    "worker",
    "api",
    "client",
    "cli",
    "dashboard",
    "bench",
    "xmp",
}


def imported(path: Path) -> set[str]:
    """The top-level names of everything a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("module", ["settings", "logs"])
def test_module_imports_none_of_ours(module: str) -> None:
    assert not imported(ROOT / f"{module}.py") & OURS
