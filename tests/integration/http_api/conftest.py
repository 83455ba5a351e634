"""What tests of the API share: a served API with a real database, blob store and model, and a hand that judges."""

import io
import shutil
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

import logs
from api.app import create_app
from api.serving import config_of
from db.blobs import open_blobs
from db.database import Database
from db.store.keys import Scope, create_key
from db.store.settle import Rest, settle
from db.store.shards import claim
from db.store.unpack import claim_unpack, settle_unpack
from db.upgrade import upgrade
from model.bundle import Bundle
from model.verdict import Decision, Reason, Score, Tag, Verdict
from settings import Settings
from worker.archive_checks import ArchiveLimits
from worker.unpack import open_up


@dataclass(frozen=True)
class Api:
    """A running API process' insides and outsides."""

    settings: Settings
    database: Database
    url: str

    def key(self, *scopes: Scope, owner: str | None = None) -> str:
        """A fresh key; its owner is a new one unless named."""
        with self.database.write() as session:
            owner = owner or f"owner-{uuid.uuid4().hex[:12]}"
            _, secret = create_key(session, owner, "test", frozenset(scopes or (Scope.ADMIN,)))
        return secret

    def client(self, *scopes: Scope, owner: str | None = None) -> httpx.Client:
        """A client with such a key."""
        headers = {"X-API-Key": self.key(*scopes, owner=owner)}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def blobs(self) -> set[str]:
        """Every file in the blobs' folder, half-written ones too."""
        return {entry.name for entry in Path(self.settings.blobs.removeprefix("file://")).iterdir()}

    def unpack(self, job_id: str) -> None:
        """Opens the job's uploads, as a worker would; nothing else may wait to be opened."""
        with self.database.write() as session:
            taken = claim_unpack(session, "test", 30.0)
            assert taken is not None and taken.job == job_id
        blobs = open_blobs(self.settings.blobs)
        opened = [open_up(blobs, source, 0, ArchiveLimits()) for source in taken.sources]
        with self.database.write() as session:
            settle_unpack(session, taken, opened, 32)

    def judge(self, job_id: str, verdicts: Callable[[int, str], Verdict]) -> int:
        """Claims and settles every ready shard of the job, as a worker would; returns how many photos."""
        done = 0
        with self.database.write() as session:
            taken = claim(session, "test", [("tiny", "1", None)], 30.0, 1000)
        for one in taken:
            with self.database.write() as session:
                if one.job != job_id:
                    settle(session, one, {}, Rest.READY)
                    continue
                settle(session, one, {entry[0]: verdicts(entry[0], entry[1]) for entry in one.entries})
                done += len(one.entries)
        return done

    def judge_all(self, abilities: list[tuple[str, str, str | None]], verdicts: Callable[[int, str], Verdict]) -> None:
        """The same for every job that asks for one of these."""
        with self.database.write() as session:
            taken = claim(session, "test", abilities, 30.0, 1000)
        for one in taken:
            with self.database.write() as session:
                settle(session, one, {entry[0]: verdicts(entry[0], entry[1]) for entry in one.entries})


@contextmanager
def serving(settings: Settings, **more: Any) -> Iterator[Api]:
    """The API behind a real socket, in a thread of this process. ``more`` goes to uvicorn."""
    database = Database(settings.database)
    upgrade(database)
    config = config_of(create_app(settings), settings, **{"port": 0} | more)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the API did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Api(settings, database, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(20)
        database.close()
        assert not thread.is_alive(), "the API did not stop"


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Faults are logged as in production, requests are not."""
    logs.configure("json", "error")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that is logged during the test, as JSON lines."""
    heard = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", heard)
        logs.configure("json", "debug")
    yield heard
    logs.configure("json", "error")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Bundle) -> Path:
    """A data directory that holds the tiny model."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_bundle.path, folder / "models" / "tiny")
    return folder


@pytest.fixture
def own_home(home: Path, tmp_path: Path) -> Path:
    """A data directory with the tiny model, and nothing of other tests."""
    shutil.copytree(home / "models", tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[Api]:
    """An API whose Redis is away."""
    settings = Settings(
        _env_file=None,
        data_dir=home,
        model="tiny",
        max_upload_bytes=2**20,
        max_files=20,
        min_free_bytes=1,
        auth_failures_per_minute=1000,
    )
    with serving(settings) as served:
        yield served


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    """A client of an owner of its own, who may everything but administrate."""
    with api.client(Scope.SUBMIT, Scope.READ, Scope.REVIEW) as found:
        yield found


@pytest.fixture(scope="session")
def serve() -> Callable[[Settings], object]:
    """Starts further APIs with settings of their own."""
    return serving


@pytest.fixture(scope="session")
def zipped() -> Callable[..., bytes]:
    """``zipped(name=bytes, …)`` or ``zipped({name: bytes})`` makes an ordinary ZIP."""

    def make(files: dict[str, bytes] | None = None, **more: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in {**(files or {}), **more}.items():
                archive.writestr(name, data)
        return buffer.getvalue()

    return make


def accepted(label: str = "sea", confidence: float = 0.93) -> Verdict:
    """A verdict with one tag."""
    return Verdict(
        Decision.ACCEPTED,
        None,
        f"Looks like: {label}.",
        (Tag(label, confidence), Tag("forest", 0.04)),
        {"confidence": Score(confidence, 0.6)},
        checksum="9f1c20ab37de5510",
        backend="fake",
        width=160,
        height=120,
        bytes=4000,
        inference_ms=1.5,
    )


def rejected(reason: Reason = Reason.BLANK) -> Verdict:
    """A verdict without tags."""
    return Verdict(reason.decision, reason, "There is nothing to see.", scores={"blank": Score(0.001, 0.01)})


@pytest.fixture(scope="session")
def judged() -> Callable[[int, str], Verdict]:
    """By position: every third photo is rejected, every fifth failed, the others are accepted."""

    def verdict(position: int, name: str) -> Verdict:
        if position % 3 == 2:
            return rejected()
        return rejected(Reason.TIMEOUT) if position % 5 == 4 else accepted()

    return verdict
