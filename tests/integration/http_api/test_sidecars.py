"""A job's tags as a ZIP of sidecars, read back by programs that did not write them."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest
from sidecars import exiftool, exiv2
from sqlalchemy import update

from api.sidecars import sidecars
from client.client import Client
from db.query.items import every_item
from db.schema import Item, Job
from xmp.names import Naming

Make = Callable[..., bytes]


def sent(client: httpx.Client, *files: tuple[str, bytes]) -> str:
    parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
    return str(client.post("/v1/jobs", files=parts).json()["id"])


def opened(client: httpx.Client, job: str, **query: str) -> zipfile.ZipFile:
    answer = client.get(f"/v1/jobs/{job}/sidecars.zip", params=query)
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_every_tagged_photo_has_its_sidecar(
    api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path
) -> None:
    job = sent(client, *((f"p{n}.jpg", scene("sea", n)) for n in range(7)))
    assert api.judge(job, judged) == 7

    archive = opened(client, job)

    assert archive.namelist() == ["p0.jpg.xmp", "p1.jpg.xmp", "p3.jpg.xmp", "p6.jpg.xmp"]
    path = Path(archive.extract("p3.jpg.xmp", tmp_path))
    found = exiv2(path)
    assert found["Xmp.dc.subject"] == ["sea", "forest"]
    assert found["Xmp.lr.hierarchicalSubject"] == ["Shoebox|sea", "Shoebox|forest"]
    assert found["Xmp.digiKam.TagsList"] == ["Shoebox/sea", "Shoebox/forest"]
    assert (found["Xmp.shoebox.JobId"], found["Xmp.shoebox.ModelName"]) == (job, "tiny")
    assert (found["Xmp.shoebox.ModelVersion"], found["Xmp.shoebox.ModelChecksum"]) == ("1", "9f1c20ab37de5510")
    assert float(found["Xmp.shoebox.JudgedTags[1]/shoebox:Confidence"]) == pytest.approx(0.93)
    if second := exiftool(path):
        assert second["XMP-dc:Subject"] == ["sea", "forest"]


def test_names_and_root_are_the_askers_choice(
    api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path
) -> None:
    job = sent(client, ("IMG.jpg", scene("sea")), ("IMG.png", scene("sea", 1)))
    api.judge(job, judged)
    archive = opened(client, job, naming="stem", root="Meine Bilder")
    assert archive.namelist() == ["IMG.xmp", "IMG (2).xmp"]
    found = exiv2(Path(archive.extract("IMG.xmp", tmp_path)))
    assert found["Xmp.lr.hierarchicalSubject"][0] == "Meine Bilder|sea"
    for wrong in (
        {"naming": "short"},
        {"root": ""},
        {"root": "a|b"},
        {"root": "a/b"},
        {"root": "a\nb"},
        {"root": "x" * 65},
    ):
        answer = client.get(f"/v1/jobs/{job}/sidecars.zip", params=wrong)
        assert answer.status_code == 422 and answer.json()["code"], wrong


def named(api: Any, job: str, *names: str) -> None:
    """Gives a job's photos the names that they would have out of a hostile archive."""
    with api.database.write() as session:
        for position, name in enumerate(names):
            session.execute(update(Item).where(Item.job_id == job, Item.position == position).values(name=name))


def test_no_path_leads_out_of_the_folder_and_none_comes_twice(
    api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path
) -> None:
    names = ("../../up.jpg", "/abs.jpg", "x", "C:\\a\\b.jpg", "x", "x", "abs.jpg")
    job = sent(client, *((f"p{n}.jpg", scene("sea", n)) for n in range(len(names))))
    api.judge(job, judged)
    named(api, job, *names)
    archive = opened(client, job)
    assert archive.namelist() == ["up.jpg.xmp", "abs.jpg.xmp", "C_/a/b.jpg.xmp", "abs.jpg (2).xmp"]
    for name in archive.namelist():
        assert not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def test_categories_stand_above_their_labels(
    api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path
) -> None:
    job = sent(client, ("a.jpg", scene("sea")))
    api.judge(job, judged)
    parents = {"sea": "water", "water": "nature"}
    (name, data), *more = sidecars(every_item(api.database, job), [], parents, "Shoebox", Naming.FULL)
    assert name == "a.jpg.xmp" and not more
    path = tmp_path / name
    path.write_bytes(data)
    found = exiv2(path)
    assert found["Xmp.lr.hierarchicalSubject"] == ["Shoebox|nature|water|sea", "Shoebox|forest"]
    assert found["Xmp.dc.subject"] == ["sea", "forest"]


def test_a_job_without_tags_another_owners_and_an_expired_one(
    api: Any, client: httpx.Client, scene: Make, judged: Any
) -> None:
    job = sent(client, ("a.jpg", scene("sea")))
    assert opened(client, job).namelist() == []
    with api.client() as stranger:
        assert stranger.get(f"/v1/jobs/{job}/sidecars.zip").status_code == 404
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(expired_at=1.0))
    assert client.get(f"/v1/jobs/{job}/sidecars.zip").json()["code"] == "expired"
    assert client.get(f"/v1/jobs/{job}/results.xlsx").json()["code"] == "expired"


def test_the_client_fetches_sidecars(api: Any, client: httpx.Client, scene: Make, judged: Any, tmp_path: Path) -> None:
    job = sent(client, ("a.jpg", scene("sea")))
    api.judge(job, judged)
    with Client(api.url, client.headers["X-API-Key"]) as typed:
        path = typed.sidecars(job, tmp_path / "sidecars.zip", root="Auto", naming="stem")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a.xmp"] and b"Auto|sea" in archive.read("a.xmp")
