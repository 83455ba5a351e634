"""Room for uploads: refused before the disk is full, also while a body streams; over by itself when there is room."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import wait_until

from db.store.keys import Scope
from settings import Settings

Make = Callable[..., bytes]
ZIP, JPEG = {"Content-Type": "application/zip"}, {"Content-Type": "image/jpeg"}
MIB = 2**20


def streamed(size: int) -> Iterator[bytes]:
    """A body that does not say how long it will be."""
    yield from (bytes(65536) for _ in range(size // 65536))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True)
    if not made or made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full"), answer.text


def test_a_disk_keeps_its_free_space_while_a_body_streams(
    serve: Any, own_home: Path, tiny_disk: Path, scene: Make
) -> None:
    settings = Settings(
        _env_file=None, data_dir=own_home, model="tiny", blobs_url=f"file://{tiny_disk}/blobs", min_free_bytes=3 * MIB
    )
    with serve(settings) as api, api.client(Scope.SUBMIT, Scope.READ) as client:
        least = 8 * MIB

        def watched() -> Iterator[bytes]:
            nonlocal least
            for piece in streamed(12 * MIB):
                least = min(least, shutil.disk_usage(tiny_disk).free)
                yield piece

        refused(client.post("/v1/jobs", content=watched(), headers=ZIP))
        assert 3 * MIB <= least < 6 * MIB, "it streamed until there was just the free space that is to be kept"
        refused(client.post("/v1/jobs", content=bytes(6 * MIB), headers=ZIP))
        assert api.blobs() == set() and client.get("/v1/jobs").json()["data"] == []
        assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202

        # Somebody else fills the disk: not even a small photo fits, until they have gone.
        other = tiny_disk / "other"
        other.write_bytes(bytes(5 * MIB))
        refused(client.post("/v1/jobs", content=scene("sea"), headers=JPEG))
        assert httpx.get(f"{api.url}/health/ready").status_code == 503
        other.unlink()
        assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202
        assert httpx.get(f"{api.url}/health/ready").status_code == 200


def test_a_disk_that_is_full_to_the_last_byte(serve: Any, own_home: Path, tiny_disk: Path, scene: Make) -> None:
    settings = Settings(
        _env_file=None, data_dir=own_home, model="tiny", blobs_url=f"file://{tiny_disk}/blobs", min_free_bytes=0
    )
    with serve(settings) as api, api.client(Scope.SUBMIT, Scope.READ) as client:
        for body in (streamed(12 * MIB), bytes(12 * MIB)):
            refused(client.post("/v1/jobs", content=body, headers=ZIP))
        files = [("files", ("a.jpg", scene("sea"))), ("files", ("b.jpg", bytes(12 * MIB)))]
        refused(client.post("/v1/jobs", files=files))
        assert api.blobs() == set() and client.get("/v1/jobs").json()["data"] == []
        assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202


@pytest.mark.parametrize("form", [False, True])
def test_the_quota_is_kept_while_a_body_streams(serve: Any, own_home: Path, scene: Make, form: bool) -> None:
    settings = Settings(_env_file=None, data_dir=own_home, model="tiny", blobs_quota_bytes=4 * MIB, min_free_bytes=1)
    with serve(settings) as api, api.client(Scope.SUBMIT, Scope.READ) as client:
        first = client.post("/v1/jobs", content=scene("sea"), headers=JPEG)
        kept = api.blobs()
        large: dict[str, Any] = {"content": streamed(8 * MIB), "headers": ZIP}
        if form:
            large = {"files": [("files", ("a.jpg", scene("sea"))), ("files", ("b.jpg", bytes(8 * MIB)))]}
        refused(client.post("/v1/jobs", **large))
        assert api.blobs() == kept and len(client.get("/v1/jobs").json()["data"]) == 1

        # 3 MiB more fit, then nothing does until something is deleted.
        filler = client.post("/v1/jobs", content=bytes(4 * MIB - 64 * 1024), headers=JPEG)
        assert filler.status_code == 202
        refused(client.post("/v1/jobs", content=bytes(64 * 1024), headers=JPEG))
        job = filler.json()["id"]
        assert client.post(f"/v1/jobs/{job}/cancel").status_code == 200
        assert client.delete(f"/v1/jobs/{job}").status_code == 204
        # As below: after a look at the store that took long, on a busy machine, what was freed shows a moment later.
        wait_until(lambda: client.post("/v1/jobs", content=bytes(64 * 1024), headers=JPEG).status_code == 202, 10)
        assert client.get(f"/v1/jobs/{first.json()['id']}").json()["state"] == "running"


def test_a_full_quota_is_not_ready_and_says_why(serve: Any, own_home: Path) -> None:
    settings = Settings(_env_file=None, data_dir=own_home, model="tiny", blobs_quota_bytes=MIB, min_free_bytes=1)
    with serve(settings) as api:
        folder = Path(api.settings.blobs.removeprefix("file://"))
        assert httpx.get(f"{api.url}/health/ready").status_code == 200
        left = folder / f"{'0' * 26}.part"
        left.write_bytes(bytes(MIB))
        with api.client(Scope.SUBMIT) as client:
            refused(client.post("/v1/jobs", content=streamed(2 * MIB), headers=JPEG))
        ready = httpx.get(f"{api.url}/health/ready")
        assert ready.status_code == 503
        assert "for uploads are taken" in ready.json()["parts"]["blobs"]["detail"]
        left.unlink()
        # A look at the store that took long, on a busy machine, is not the next moment's.
        wait_until(lambda: httpx.get(f"{api.url}/health/ready").status_code == 200, 10)
