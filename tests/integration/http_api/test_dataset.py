"""``shoebox model dataset`` against a served API: reviews become photos in folders."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from db.store.keys import Scope
from model.bundle import Bundle
from model.bundle_write import write_bundle
from model.verdict import Decision, Tag, Verdict
from settings import Settings

Make = Callable[..., bytes]


class Owner:
    """A person with a key of their own, over HTTP and at the command line."""

    def __init__(self, api: Any, judged: Any, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.api, self.judged = api, judged
        secret = api.key(Scope.SUBMIT, Scope.READ, Scope.REVIEW)
        self.http = httpx.Client(base_url=api.url, headers={"X-API-Key": secret}, timeout=30)
        (folder / "home").mkdir()
        (folder / "home" / "key").write_text(secret)
        patch.setenv("SHOEBOX_DATA_DIR", str(folder / "home"))
        patch.setenv("SHOEBOX_PORT", str(httpx.URL(api.url).port))
        patch.chdir(folder)

    def job(self, photos: list[bytes]) -> str:
        parts = [("files", (f"p{n}.jpg", data, "image/jpeg")) for n, data in enumerate(photos)]
        made = str(self.http.post("/v1/jobs", files=parts).json()["id"])
        assert self.api.judge(made, self.judged) == len(photos)
        return made

    def review(self, job: str, position: int, **said: Any) -> None:
        assert self.http.post(f"/v1/items/{job}-{position}/review", json=said).status_code == 200

    def dataset(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["model", "dataset", *arguments])


@pytest.fixture
def owner(api: Any, judged: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owner]:
    found = Owner(api, judged, tmp_path, monkeypatch)
    yield found
    found.http.close()


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def test_reviews_of_all_jobs_become_a_data_set(api: Any, owner: Owner, scene: Make, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271] = "Camera Maker"
    photo = io.BytesIO()
    Image.open(io.BytesIO(scene("sea", 900, 800, 600))).save(photo, "JPEG", exif=exif)
    first = owner.job([photo.getvalue(), scene("forest", 1), scene("sea", 2), b"no picture"])
    owner.review(first, 0, correct=True)
    owner.review(first, 1, label="forest")
    owner.review(first, 2, label=None)
    owner.review(first, 3, label="sea")
    before = api.blobs()
    second = owner.job([scene("sea", 3), scene("sea", 4)])
    owner.review(second, 0, label="sunset")
    for blob in api.blobs() - before:
        (api.settings.home / "blobs" / blob).unlink()
    owner.job([scene("sea", 5)])

    ran = owner.dataset("reviews", "--from-reviews", "--holdout", "0", "--size", "256", "--json")

    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert names(tmp_path / "reviews") == [
        f"train-outliers/{first}-2.jpg",
        f"train/forest/{first}-1.jpg",
        f"train/sea/{first}-0.jpg",
    ]
    assert (found["reviewed"], found["train"]) == (5, {"forest": 1, "sea": 1})
    assert found["missing"] == {"upload_gone": [f"{second}-0 (p0.jpg)"], "no_preview": [f"{first}-3 (p3.jpg)"]}
    assert found["too_few"] == {"forest": 1, "sea": 1}
    data = (tmp_path / "reviews/train/sea" / f"{first}-0.jpg").read_bytes()
    assert Image.open(io.BytesIO(data)).size == (256, 192)
    assert b"Camera Maker" not in data
    lines = [json.loads(line) for line in (tmp_path / "reviews/manifest.jsonl").read_text().splitlines()]
    assert {(line["item"], line["judged"], line["reviewed"], line["version"]) for line in lines} >= {
        (f"{first}-1", "sea", "forest", "1"),
        (f"{first}-2", None, None, "1"),
    }
    assert {path.name for path in tmp_path.iterdir()} == {"home", "reviews"}


def test_a_data_set_is_narrowed_and_told_in_words(owner: Owner, scene: Make, tmp_path: Path) -> None:
    first, second = owner.job([scene("sea", 11)]), owner.job([scene("sea", 12)])
    for job in (first, second):
        owner.review(job, 0, correct=True)

    ran = owner.dataset("a", "--from-reviews", "--job", first, "--holdout", "0", "--zip")
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["manifest.jsonl", "train.zip"]
    assert "too few to train on" in ran.stdout
    assert "model train" in ran.stdout

    for narrow in (["--since", "2999-01-01"], ["--model", "other"]):
        ran = owner.dataset("b", "--from-reviews", *narrow)
        assert ran.exit_code == 1
        assert "no photo was reviewed that fits" in ran.stderr
    assert owner.dataset("b", "--from-reviews", "--since", "2020-01-01", "--model", "tiny").exit_code == 0
    assert owner.dataset("c", "--from-reviews", "--job", "J1").exit_code == 4
    assert {path.name for path in tmp_path.iterdir()} == {"home", "a", "b"}


def test_nothing_is_ever_overwritten(owner: Owner, scene: Make, tmp_path: Path) -> None:
    owner.review(owner.job([scene("sea", 21)]), 0, correct=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "dear.txt").write_text("mine")
    (tmp_path / "empty").mkdir()

    refused = owner.dataset("full", "--from-reviews")

    assert refused.exit_code == 2
    assert "not empty" in refused.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["dear.txt"]
    assert owner.dataset("empty", "--from-reviews").exit_code == 0
    assert owner.dataset("other").exit_code == 2


def test_a_confirmed_category_is_no_class(
    serve: Callable[[Settings], AbstractContextManager[Any]],
    tiny_bundle: Bundle,
    scene: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files: dict[str, bytes | Path] = {name: tiny_bundle.path / name for name in tiny_bundle.files}
    data = tmp_path / "served"
    write_bundle(data / "models" / "tiny", tiny_bundle.manifest(parents={"sea": "water", "forest": "land"}), files)
    wider = Verdict(Decision.ACCEPTED, None, "Water of some kind.", (Tag("water", 0.9),))
    with serve(Settings(_env_file=None, data_dir=data, model="tiny", min_free_bytes=1)) as api:
        owner = Owner(api, lambda position, name: wider, tmp_path, monkeypatch)
        job = owner.job([scene("sea", 31), scene("sea", 32), scene("orchid", 33)])
        owner.review(job, 0, correct=True)
        owner.review(job, 1, label="sea")
        owner.review(job, 2, label=None)

        made = owner.dataset("reviews", "--from-reviews", "--holdout", "0")

        owner.http.close()
    assert made.exit_code == 0, made.output
    assert names(tmp_path / "reviews") == [f"train-outliers/{job}-2.jpg", f"train/sea/{job}-1.jpg"]
    assert "1 photo whose confirmed tag is a category" in " ".join(made.output.split())
