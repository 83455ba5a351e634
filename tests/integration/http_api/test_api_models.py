"""Models over HTTP: versions side by side, what is promoted while the API runs, and what a job pins."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.store.keys import Scope
from model.bundle import Bundle
from model.bundle_write import write_bundle
from model.shelf import Shelf
from settings import Settings

REPORT = {"accuracy": 0.9}


@pytest.fixture(scope="module")
def shelf(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """tiny 1 and 2; the second has categories and a report."""
    folder = tmp_path_factory.mktemp("home") / "models"
    shutil.copytree(tiny_bundle.path, folder / "tiny")
    files: dict[str, bytes | Path] = {name: tiny_bundle.path / name for name in tiny_bundle.files}
    files["report.json"] = json.dumps(REPORT).encode()
    figures = {"photos": 7, "validation": {"accuracy": 0.9, "per_label": {"sea": {"f1": 1.0}}, "curve": [1, 2]}}
    parents = {"sunset": "sky", "sea": "water", "water": "nature", "sky": "nature"}
    second = tiny_bundle.manifest(version="2", parents=parents, figures=figures)
    write_bundle(folder / "tiny@2", second, files)
    return Shelf([folder])


@pytest.fixture(scope="module")
def models(shelf: Shelf, serve: Callable[[Settings], AbstractContextManager[Any]]) -> Iterator[httpx.Client]:
    """A client of an API over that shelf, with tiny 1 as the default."""
    shelf.promote("tiny@1")
    with (
        serve(Settings(_env_file=None, data_dir=shelf.home.parent, model="tiny", min_free_bytes=1)) as api,
        api.client(Scope.SUBMIT, Scope.READ) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def first_again(shelf: Shelf) -> Iterator[None]:
    """Whatever a test promotes, the next begins with tiny 1."""
    yield
    shelf.promote("tiny@1")


def send(client: httpx.Client, photo: bytes, **params: str) -> httpx.Response:
    return client.post("/v1/jobs", params=params, content=photo, headers={"Content-Type": "image/jpeg"})


def test_every_version_is_listed_with_its_flags_and_checksum(models: httpx.Client, shelf: Shelf) -> None:
    listed = {f"{m['name']}@{m['version']}": m for m in models.get("/v1/models").json()["data"]}
    assert {"tiny@1", "tiny@2"} < set(listed)
    one, two = listed["tiny@1"], listed["tiny@2"]
    assert (one["current"], one["default"], two["current"], two["default"]) == (True, True, False, False)
    assert two["checksum"] == Bundle.open(shelf.home / "tiny@2").checksum != one["checksum"]
    assert two["label_count"] == 3 and two["architecture"] == "small_cnn" and not two["built_in"]
    assert two["figures"] == {"photos": 7, "validation": {"accuracy": 0.9}}
    assert two["categories"] == ["nature", "sky", "water"] and one["categories"] == []
    assert any(m["built_in"] for m in listed.values())


def test_one_version_is_described_with_card_thresholds_and_report(models: httpx.Client) -> None:
    two = models.get("/v1/models/tiny@2").json()
    assert two["version"] == "2" and two["report"] == REPORT and two["card"].startswith("# Tiny")
    assert two["parents"]["sea"] == "water" and two["thresholds"]["confidence"] == 0.6
    assert two["figures"]["validation"]["per_label"] == {"sea": {"f1": 1.0}}
    one = models.get("/v1/models/tiny").json()
    assert one["version"] == "1" and one["report"] is None and one["parents"] == {}
    for missing in ("tiny@3", "tin", "@", "tiny@..", "..%2F..%2Fsecret"):
        assert models.get(f"/v1/models/{missing}").status_code == 404


def test_what_is_promoted_judges_new_jobs_and_old_ones_keep_their_version(
    models: httpx.Client, shelf: Shelf, scene: Callable[..., bytes]
) -> None:
    before = send(models, scene("sea")).json()
    shelf.promote("tiny@2")
    after = send(models, scene("sea")).json()
    assert models.get("/v1/models/tiny").json()["version"] == "2"
    assert [job["model"] for job in (before, after)] == [
        {"name": "tiny", "version": "1"},
        {"name": "tiny", "version": "2"},
    ]
    assert models.get(f"/v1/jobs/{before['id']}").json()["model"]["version"] == "1"


def test_a_job_may_ask_for_one_version(models: httpx.Client, scene: Callable[..., bytes]) -> None:
    assert send(models, scene("sea"), model="tiny@2").json()["model"] == {"name": "tiny", "version": "2"}
    refused = send(models, scene("sea"), model="tiny@3")
    assert refused.status_code == 422 and "tiny@1, tiny@2" in refused.json()["detail"]


def test_a_job_may_allow_and_deny_categories(models: httpx.Client, scene: Callable[..., bytes]) -> None:
    assert send(models, scene("sea"), model="tiny@2", allow="water", deny="sky").status_code == 202
    assert send(models, scene("sea"), model="tiny@1", allow="water").status_code == 422


def test_a_model_that_is_added_is_there_at_once_and_gone_when_removed(
    models: httpx.Client, shelf: Shelf, tiny_bundle: Bundle
) -> None:
    shelf.add(tiny_bundle.path, name="other")
    assert models.get("/v1/models/other@1").status_code == 200
    shelf.remove("other")
    assert models.get("/v1/models/other@1").status_code == 404


def test_without_a_setting_the_promoted_name_judges_jobs_that_name_none(
    tiny_bundle: Bundle,
    tmp_path: Path,
    serve: Callable[[Settings], AbstractContextManager[Any]],
    scene: Callable[..., bytes],
) -> None:
    shutil.copytree(tiny_bundle.path, tmp_path / "models" / "tiny")
    with (
        serve(Settings(_env_file=None, data_dir=tmp_path, min_free_bytes=1)) as api,
        api.client(Scope.SUBMIT, Scope.READ) as client,
    ):

        def default() -> list[str]:
            return [model["name"] for model in client.get("/v1/models").json()["data"] if model["default"]]

        assert send(client, scene("sea")).json()["model"]["name"] == "scenes" and default() == ["scenes"]
        Shelf([tmp_path / "models"]).promote("tiny")
        assert send(client, scene("sea")).json()["model"] == {"name": "tiny", "version": "1"} and default() == ["tiny"]
