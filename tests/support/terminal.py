"""The command line of a person whose server is elsewhere."""

import json
from pathlib import Path
from typing import Any

from running import Running
from typer.testing import CliRunner, Result

from cli.main import app


class Terminal:
    """``shoebox …`` in this process, on a data directory of its own, with the stack for its server."""

    def __init__(self, home: Path, stack: Running, url: str = "") -> None:
        self.home = home
        # By another name than the command line has for this machine's own: it starts nothing.
        self.url = url or f"http://localhost:{stack.settings.port}"
        self.variables = {
            "SHOEBOX_DATA_DIR": str(home),
            "SHOEBOX_SERVER_URL": self.url,
            "SHOEBOX_SERVER_KEY": stack.key,
            "SHOEBOX_MODEL": "",
        }

    def __call__(self, *words: str | Path, **settings: object) -> Result:
        more = {f"SHOEBOX_{name.upper()}": str(value) for name, value in settings.items()}
        return CliRunner().invoke(app, [str(word) for word in words], env=self.variables | more, catch_exceptions=False)

    def json(self, *words: str | Path, code: int = 0, **settings: object) -> Any:
        """What the command says with ``--json``, which must be all that it says on standard output."""
        done = self(*words, "--json", **settings)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def write_xmp(self, photos: Path, *words: str, code: int = 0) -> tuple[str, dict[str, Any]]:
        """The job of ``tag --write-xmp``, and what it says of the sidecars."""
        said = self.json("tag", photos, "--write-xmp", "--out", self.home.parent / "out", *words, code=code)
        return said["jobs"][0]["id"], said["sidecars"]


def lines(path: Path) -> list[dict[str, Any]]:
    """What a results.jsonl holds."""
    return [json.loads(line) for line in path.read_text().splitlines()]
