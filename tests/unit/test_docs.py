"""What the documents say is what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from cli.output import EXITS
from model.backends.choose import NAMES
from settings import Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `SHOEBOX_(\w+)` \| (?:`([^`]*)`)? ?\| (.+) \|$", re.MULTILINE)
BLOCK = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = (
    "README.md",
    "docs/api.md",
    "docs/backends.md",
    "SECURITY.md",
    "docs/cli.md",
    "docs/deployment.md",
    "docs/gpu.md",
    "docs/operations.md",
    "docs/client.md",
    "docs/dashboard.md",
    "docs/models.md",
    "docs/reviewing.md",
    "docs/settings.md",
    "docs/sidecars.md",
    "docs/tagging.md",
    "docs/webhooks.md",
)


def commands(document: str) -> list[str]:
    """Every command line in a document's shell blocks, continued lines joined."""
    text = (ROOT / document).read_text()
    return [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_every_setting_has_its_row() -> None:
    rows = {
        name.lower(): (default, text) for name, default, text in ROW.findall((ROOT / "docs/settings.md").read_text())
    }

    assert rows == {name: (str(field.default), field.description) for name, field in Settings.model_fields.items()}


def test_every_backend_has_its_row() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs/backends.md").read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(NAMES)


def test_example_settings_exist() -> None:
    named = re.findall(r"SHOEBOX_(\w+)=", (ROOT / ".env.example").read_text())

    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_exit_codes_in_the_document_are_those_of_the_command() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)

    assert [(int(code), meaning) for code, meaning in rows] == list(EXITS)


def test_every_command_has_an_example() -> None:
    shown = [" ".join(word for word in shlex.split(line, comments=True)) for line in commands("docs/cli.md")]
    for path in leaves(get_command(app)):
        assert any(f"{line} ".startswith(f"shoebox {path} ") for line in shown), f"docs/cli.md has no example of {path}"


def leaves(node: Any, path: str = "") -> list[str]:
    """The words of every command that does something itself."""
    if not hasattr(node, "commands"):
        return [path]
    return [leaf for name, inner in node.commands.items() for leaf in leaves(inner, f"{path} {name}".strip())]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_exist(document: str) -> None:
    tree = get_command(app)
    targets = set(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    goals = {goal for target in targets for goal in target.split()}
    for line in commands(document):
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= goals, line
        elif words and words[0].endswith("shoebox"):
            node = tree
            for word in words[1:]:
                if not hasattr(node, "commands") or word.startswith("-"):
                    break
                assert word in node.commands, line
                node = node.commands[word]
            known = {option for parameter in node.params for option in parameter.opts}
            assert {word for word in words[1:] if word.startswith("-")} <= known | {"--help"}, line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), target


def test_compose_and_image_start_what_exists() -> None:
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
    for module in re.findall(r'"-m", "(\w+)"', text):
        assert module == "uvicorn" or (ROOT / module / "__main__.py").exists(), module
    for name in re.findall(r"SHOEBOX_(\w+)[:=]", text):
        assert name.lower() in Settings.model_fields, name
