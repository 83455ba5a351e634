"""``shoebox model train``: where a model goes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

Scene = Callable[..., bytes]


def test_each_version_has_a_folder_of_its_own(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("sunset", "sea"):
        (tmp_path / "skies" / kind).mkdir(parents=True)
        for n in range(10):
            (tmp_path / "skies" / kind / f"{n}.jpg").write_bytes(scene(kind, 40 + n))
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "home"))
    for more in ([], ["--version", "2"]):
        done = CliRunner().invoke(app, ["model", "train", str(tmp_path / "skies"), "--check", *more])
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "home" / "models").iterdir()) == ["skies@1.run", "skies@2.run"]
    wrong = CliRunner().invoke(app, ["model", "train", str(tmp_path / "skies"), "--check", "--version", "a/b"])
    assert wrong.exit_code == 2 and "--version may hold" in wrong.stderr
