"""``shoebox model evaluate`` on a small real model: the page, the JSON, and what cannot be measured."""

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from find_browser import find
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from model.backends.choose import open_backend
from model.bundle import Bundle
from model.engine import Engine
from model.report.judged import decoded, judge
from model.report.plots import confusion
from model.sandbox import DecodePool
from model.verdict import Novelty, Reason

Scene = Callable[..., bytes]
SECTIONS = (
    "summary",
    "guards",
    "novelty",
    "labels",
    "calibration",
    "risk",
    "training",
    "mistakes",
    "label-errors",
    "misread",
    "unreadable",
)


class Page(HTMLParser):
    """What a page refers to, its sections, and whether every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.references += [value for key in ("src", "href", "srcset") if (value := given.get(key))]
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag not in {"meta", "img", "br", "link"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [str(value) for key, value in attrs if key in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    """Eight drawn scenes a label; a sure forest lies among the seas too, and one file is damaged."""
    root = tmp_path_factory.mktemp("evaluated") / "scenes & more"
    for kind in ("sunset", "forest", "sea"):
        (root / kind).mkdir(parents=True)
        for seed in range(8):
            (root / kind / f"{seed}.jpg").write_bytes(scene(kind, 100 + seed))
    (root / "sea" / "misplaced.jpg").write_bytes(scene("forest", 103))
    (root / "sea" / "damaged.jpg").write_bytes(scene("sea", 301)[:400])
    return root


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> tuple[Path, Path]:
    """A ZIP of orchids, and a folder of noise with files that are no pictures."""
    root = tmp_path_factory.mktemp("outside")
    with zipfile.ZipFile(root / "orchids.zip", "w") as archive:
        for seed in range(6):
            archive.writestr(f"deep/er/{seed}.jpg", scene("orchid", seed))
    (root / "noise" / "inner").mkdir(parents=True)
    random = np.random.default_rng(1)
    for number in range(6):
        pixels = random.integers(0, 256, (90, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "noise" / "inner" / f"{number}.png")
    (root / "noise" / "<b>notes.txt").write_text("no picture")
    (root / "noise" / "empty.jpg").write_bytes(b"")
    (root / "noise" / ".hidden").write_text("not counted")
    return root / "orchids.zip", root / "noise"


@pytest.fixture(scope="module")
def report(
    tiny_bundle: Bundle, data: Path, outside: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """What the command printed, and the folder of the report; on the default backend, where torch cannot be had."""
    folder = tmp_path_factory.mktemp("report") / "made"
    code = "import sys; sys.modules.update(torch=None, timm=None, torchvision=None); from cli.main import run; run()"
    ood = [word for path in outside for word in ("--ood", str(path))]
    command = ["model", "evaluate", str(tiny_bundle.path), str(data), *ood, "--out", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--backend", "openvino", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


def test_the_json_beside_the_page_holds_the_figures(report: tuple[dict[str, Any], Path]) -> None:
    found, folder = report
    assert json.loads((folder / "report.json").read_text()) | {"report": str(folder / "report.html")} == found
    assert found["data"]["photos"] == 25
    assert found["classification"]["accuracy"] == pytest.approx(24 / 25, abs=0.05)
    assert [file["name"] for file in found["data"]["lost"]] == ["sea/damaged.jpg"]
    noise = found["outside"]["noise"]
    assert noise["pictures"] == 6
    assert {file["name"]: file["reason"] for file in noise["lost"]} == {
        "<b>notes.txt": "not_an_image",
        "empty.jpg": "empty_file",
    }
    assert noise["rejected"]["normal"] == 1
    assert found["layers"]["noise"]["alone"]["statistics"] == 1
    assert set(found["outside"]["orchids"]["told_apart"]) == {"novelty", "GEN", "1 - confidence"}


def test_a_misplaced_photo_is_a_likely_label_error(report: tuple[dict[str, Any], Path]) -> None:
    first = report[0]["label_errors"]["photos"][0]
    assert (first["name"], first["given"], first["likely"]) == ("sea/misplaced.jpg", "sea", "forest")
    assert report[0]["mistakes"][0]["name"] == "sea/misplaced.jpg"


def test_the_page_needs_nothing_else_and_holds_every_section(report: tuple[dict[str, Any], Path]) -> None:
    text = (report[1] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert all(reference.startswith(("#", "data:image/jpeg;base64,")) for reference in page.references)
    assert not re.search(r"url\((?!#)|@import|<script|<link", text)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert text.count("<svg") >= 6
    assert sum(reference.startswith("data:") for reference in page.references) >= 2
    assert "scenes & more" in " ".join(page.words)
    assert "<b>notes" not in text
    assert len(page.ids) == len(set(page.ids))


def test_a_browser_shows_the_page_by_day_and_by_night(report: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    corners = []
    for scheme in ("1", "0"):
        picture = tmp_path / f"{scheme}.png"
        with tempfile.TemporaryDirectory() as profile:
            command = [
                *(str(find()), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *(f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={scheme}"),
                *(f"--screenshot={picture}", "--window-size=800,1200", (report[1] / "report.html").as_uri()),
            ]
            subprocess.run(command, check=True, timeout=120, capture_output=True)
        with Image.open(picture) as shown:
            pixels = np.asarray(shown.convert("L"))
        assert len(np.unique(pixels)) > 20
        corners.append(int(pixels[-1, 0]))
    assert corners[0] > 200 > 60 > corners[1]


def test_layers_judge_as_the_engine_does(tiny_bundle: Bundle, decoders: DecodePool, scene: Scene) -> None:
    files = {f"{kind}-{seed}": scene(kind, seed) for kind in ("sunset", "forest", "sea", "orchid") for seed in range(9)}
    files["junk"] = b"no picture"
    backend = open_backend("onnxruntime", tiny_bundle, "cpu")
    found = judge(tiny_bundle, backend, decoded(decoders, tiny_bundle.input_size, files, files.__getitem__))
    engine = Engine(tiny_bundle, backend, decoders)
    wanted = {name: engine.judge_one(data) for name, data in files.items()}
    backend.close()
    assert [name for name, _ in found.lost] == ["junk"]
    assert found.lost[0][1].reason is Reason.NOT_AN_IMAGE
    for name, verdict in zip(found.names, found.verdicts, strict=True):
        assert (verdict.decision, verdict.reason) == (wanted[name].decision, wanted[name].reason)
    assert found.kept[Novelty.STRICT].sum() < found.kept[Novelty.NORMAL].sum() <= found.kept[Novelty.OFF].sum()


def test_a_report_without_pictures_from_outside(
    tiny_bundle: Bundle, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(
        app, ["model", "evaluate", str(tiny_bundle.path), str(data), "--backend", "onnxruntime"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.stderr
    assert "named right" in done.stdout
    assert "scenes & more: 26" in done.stderr
    page = Page((tmp_path / "scenes & more.report" / "report.html").read_text(encoding="utf-8"))
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert any("--ood" in words for words in page.words)


@pytest.mark.parametrize("case", ["stranger", "nothing", "inside", "missing", "unknown"])
def test_what_cannot_be_measured_is_said_plainly(
    case: str, tiny_bundle: Bundle, data: Path, tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for kind in ("sunset", "orchid"):
        (tmp_path / "other" / kind).mkdir(parents=True)
        for seed in range(4):
            (tmp_path / "other" / kind / f"{seed}.jpg").write_bytes(scene(kind, seed))
    (tmp_path / "bare").mkdir()
    model = str(tiny_bundle.path)
    words, code, says = {
        "stranger": ([model, "other"], 2, "no label orchid"),
        "nothing": ([model, str(data), "--ood", "bare"], 2, "no pictures in bare"),
        "inside": ([model, str(data), "--out", f"{model}/report"], 2, "model's own folder"),
        "missing": ([model, "nowhere"], 2, "nowhere"),
        "unknown": (["nobody", str(data)], 1, "nobody"),
    }[case]
    done = CliRunner().invoke(app, ["model", "evaluate", *words, "--backend", "onnxruntime"])
    assert done.exit_code == code, done.stderr
    assert says in " ".join(done.stderr.split())
    assert not (tiny_bundle.path / "report").exists()


def test_names_in_any_script_are_drawn() -> None:
    drawn = confusion([[3, 1], [0, 2]], ["山 & <sea>", "$a$b$"])
    assert "山 &amp; &lt;sea&gt;" in drawn
    assert "$a$b$" in drawn
    assert confusion(np.eye(30, dtype=int).tolist(), [f"label {i}" for i in range(30)]).startswith("<svg")
