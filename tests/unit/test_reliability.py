"""The page on reliability names tests; each of them is there, and no row of its tables is without one."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_has_a_test() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.partition("## Every row")[2].splitlines() if line.startswith("| ")]
    promises = [row for row in rows if row[1].strip() not in ("outcome", "---")]
    assert len(promises) > 50
    assert [row[0] for row in promises if "::test_" not in row[2] or "✓" not in row[1]] == []
