"""The whole described interface, fuzzed: nothing fails with a 5xx, nothing is answered that is not described."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from db.schema import Key
from db.store.benchmarks import claim_benchmark, settle_benchmark
from db.store.keys import Scope, digest
from db.store.workers import beat
from settings import Settings

SUPPORT = Path(__file__).parents[2] / "support"
MODELS = [("tiny", "1"), ("scenes", "2"), ("fashion", "1")]
TIMING = {"milliseconds": 4.1, "p95": 5.0, "batch_milliseconds": 2.6, "batch_p95": 3.1, "speedup": 1.0, "bytes": 9}
Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def served(home: Path, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An API with limits so wide that the fuzzer does not meet them."""
    settings = Settings(
        _env_file=None,
        data_dir=home,
        database_url=f"sqlite:///{tmp_path_factory.mktemp('rows') / 'rows.db'}",
        model="tiny",
        max_upload_bytes=2**20,
        max_files=20,
        min_free_bytes=1,
        auth_failures_per_minute=1_000_000,
        requests_per_minute=0,
        address_requests_per_minute=0,
    )
    with serve(settings) as found:
        yield found


@pytest.fixture(scope="module")
def known(served: Any, scene: Make, zipped: Make, judged: Any, key: str) -> Iterator[dict[str, list[str]]]:
    """Photos in every state, and a hand that judges and measures what comes; the ids that exist, by their names."""
    stop = threading.Event()
    ids: dict[str, list[str]] = {"job_id": [], "item_id": [], "benchmark_id": [], "key_id": [], "name": ["tiny"]}
    photos = [("files", (f"{n}.jpg", scene("forest", n))) for n in range(3)]
    with served.client(Scope.ADMIN, owner="ann") as client:
        for number in range(16):
            job = client.post("/v1/jobs", files=photos).json()["id"]
            ids["job_id"].append(job)
            if number % 4:
                served.judge(job, judged)
                ids["item_id"] += [f"{job}-0", f"{job}-2"]
                client.post(f"/v1/items/{job}-0/review", json={"correct": True})
        zipped_photos = zipped({f"{n}.jpg": scene("sea", n) for n in range(4)})
        client.post("/v1/jobs", content=zipped_photos, headers={"Content-Type": "application/zip"})
        client.post("/v1/webhook-secret")
        measured = client.post("/v1/benchmark?timeout=0", content=scene("sea"), headers={"Content-Type": "image/jpeg"})
        ids["benchmark_id"].append(measured.json()["id"])
        ids["key_id"] += [client.post("/v1/keys", json={"name": f"key {n}"}).json()["id"] for n in range(6)]
    thread = threading.Thread(target=_work, args=(served, judged, key, stop))
    thread.start()
    yield ids
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def key(served: Any) -> str:
    """The fuzzer's own."""
    return str(served.key(Scope.ADMIN, owner="ann"))


def _work(served: Any, judged: Any, key: str, stop: threading.Event) -> None:
    """Does what workers do, and puts the fuzzer's key right, which it finds and revokes, or changes for another."""
    abilities = [(*model, backend) for model in MODELS for backend in (None, "openvino")]
    result = {"checksum": "9f1c20ab37de5510", "fastest": "openvino"} | {
        "backends": [{"name": "openvino", "available": True, "reason": None} | TIMING]
    }
    with served.database.read() as session:
        own = session.scalar(select(Key.id).where(Key.digest == digest(key)))
    while not stop.wait(0.2):
        with served.database.write() as session:
            session.execute(update(Key).where(Key.id == own).values(digest=digest(key), revoked_at=None))
            beat(session, "test", "classify", "idle", abilities, "openvino")
            claimed = claim_benchmark(session, "test", MODELS)
            if claimed is not None:
                settle_benchmark(session, claimed, result)
        served.judge_all(abilities, judged)


def test_nothing_breaks_and_nothing_is_undescribed(
    served: Any, known: dict[str, list[str]], key: str, tmp_path: Path
) -> None:
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", SUPPORT / "schemathesis.toml", "run"]
    done = subprocess.run(
        [*command, f"{served.url}/openapi.json", "--seed", "1"],
        cwd=tmp_path,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": str(SUPPORT / "fuzz_hooks.py")}
        | {"FUZZ_IDS": json.dumps(known), "FUZZ_KEY": key},
        capture_output=True,
        text=True,
        timeout=280,
    )
    print(done.stdout[-4000:])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert re.search(r"Tested: [1-9]\d", done.stdout)
