"""A worker's batch of photos, each in a shard of its own: written in one transaction, unless one of them is lost."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from threading import Event, Timer

import pytest
from desk import MODEL, Desk
from sqlalchemy import event, select, update

from db.blobs import FileBlobs, FileReader
from db.schema import Shard, Source
from db.states import JobState, Kind, ShardState
from db.store.submit import Submission, Upload, insert_job
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.engine import Engine
from model.sandbox import DecodePool
from model.shelf import Shelf
from settings import Settings
from worker.benchmarks import Benchmarks
from worker.bundles import Bundles
from worker.classify import Classifier
from worker.engines import Engines
from worker.run import Policy, Surroundings

# More than go before the bulk: they wait for each other, and are one batch.
PHOTOS = 9


class Meddler(FileBlobs):
    """A store in which another worker takes a photo's shard over while this one opens it."""

    def __init__(self, folder: Path, desk: Desk) -> None:
        super().__init__(folder)
        self._desk = desk
        self.taken: set[str] = set()

    def open(self, key: str) -> FileReader:
        if key in self.taken:
            source = select(Source.id).where(Source.blob == key).scalar_subquery()
            with self._desk.database.write() as session:
                values = {"attempt": Shard.attempt + 1, "worker": "another"}
                session.execute(update(Shard).where(Shard.source_id == source).values(values))
        return super().open(key)


@pytest.fixture
def blobs(tmp_path: Path, desk: Desk) -> Meddler:
    return Meddler(tmp_path / "blobs", desk)


@pytest.fixture
def told() -> list[set[str]]:
    """The jobs that were said to have ended, as they were said together."""
    return []


@pytest.fixture
def classifier(
    tmp_path: Path, desk: Desk, tiny_bundle: Bundle, decoders: DecodePool, blobs: Meddler, told: list[set[str]]
) -> Iterator[Classifier]:
    """A worker's heart, in this process."""

    def closed(jobs: Collection[str]) -> None:
        told.append(set(jobs))

    def opened(bundle: Bundle, backend: str | None) -> Engine:
        return Engine(bundle, FakeBackend(bundle), decoders, shares_pool=True)

    settings, stop = Settings(_env_file=None, data_dir=tmp_path), Event()
    with ExitStack() as stack:
        bundles = Bundles(Shelf([tiny_bundle.path.parent], "tiny"), lambda bundle: ["fake"])
        engines = Engines(bundles, opened)
        stack.callback(engines.close)
        benchmarks = Benchmarks(settings, desk.database, blobs, bundles, decoders, "me", stop, lambda job: None)
        policy = Policy("me", 30, settings.max_file_bytes)
        around = Surroundings(desk.database, blobs, engines, benchmarks, policy, stop, closed, lambda: None)
        yield Classifier(around)


def sent(desk: Desk, blobs: Meddler, photos: list[bytes]) -> tuple[str, list[str]]:
    """A job of single photos, and the keys of their files."""
    uploads = []
    for number, photo in enumerate(photos):
        writer = blobs.create()
        writer.write(photo)
        uploads.append(Upload(writer.commit(), f"{number}.jpg", Kind.IMAGE, len(photo), sha256(photo).hexdigest()))
    with desk.database.write() as session:
        return insert_job(session, Submission("ann", *MODEL, uploads), 32).id, [upload.blob for upload in uploads]


def test_a_batch_is_written_in_one_transaction(
    desk: Desk, blobs: Meddler, classifier: Classifier, told: list[set[str]], scene: Callable[..., bytes]
) -> None:
    jobs = [sent(desk, blobs, [scene("sea", n) for n in range(PHOTOS)])[0] for _ in range(2)]
    assert classifier.drain() == 2 * PHOTOS
    assert [desk.job(job).state for job in jobs] == [JobState.COMPLETED] * 2
    moments = {item.decided_at for job in jobs for item in desk.items(job)}
    assert len(moments) < 6, "of 18 photos few were written alone"
    assert set().union(*told) == set(jobs) and sum(map(len, told)) == 2


def test_a_shard_that_another_worker_took_over_costs_the_batch_no_other(
    desk: Desk, blobs: Meddler, classifier: Classifier, told: list[set[str]], scene: Callable[..., bytes]
) -> None:
    job, keys = sent(desk, blobs, [scene("sea", n) for n in range(PHOTOS)])
    blobs.taken = {keys[4]}
    classifier.drain()
    assert (desk.job(job).accepted, desk.job(job).pending, told) == (PHOTOS - 1, 1, [])
    assert [item.position for item in desk.items(job)] == [0, 1, 2, 3, 5, 6, 7, 8]
    (left,) = [shard for shard in desk.shards(job) if shard.state != ShardState.DONE]
    assert (left.worker, left.attempt) == ("another", 2)
    blobs.taken.clear()
    desk.lapse()
    assert desk.recover() == ["ready"]
    assert classifier.drain() == 1
    assert desk.job(job).state == JobState.COMPLETED and told == [{job}]


def is_glance(statement: str) -> bool:
    """Whether it only looks for small jobs."""
    return statement.startswith("SELECT shards.id") and "shards.lane =" in statement


@pytest.fixture
def asked(desk: Desk) -> Iterator[list[str]]:
    """The first words of the statements about shards, in their order, without glances."""
    found: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if "shards" in statement and not is_glance(statement):
            found.append("UPDATE" if "UPDATE shards" in statement else statement.split()[0])

    event.listen(desk.database.engine, "before_cursor_execute", note)
    yield found
    event.remove(desk.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("photos", "first"), [(1, ["UPDATE"]), (PHOTOS, ["SELECT"])], ids=["small", "bulk"])
def test_a_hinted_worker_claims_small_jobs_for_its_last_model_before_it_looks(
    desk: Desk,
    blobs: Meddler,
    classifier: Classifier,
    scene: Callable[..., bytes],
    asked: list[str],
    photos: int,
    first: list[str],
) -> None:
    sent(desk, blobs, [scene("sea", 0)])
    assert classifier.drain() == 1
    assert asked[0] == "SELECT", "which model is wanted, nobody has said yet"
    job, _ = sent(desk, blobs, [scene("sea", n) for n in range(photos)])
    asked.clear()
    assert classifier.drain() == photos
    assert asked[: len(first)] == first, "for the bulk nothing is written before the look"
    assert desk.job(job).state == JobState.COMPLETED


def test_a_worker_that_was_hinted_early_waits_for_the_photo(
    desk: Desk, blobs: Meddler, classifier: Classifier, scene: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert classifier.drain() == 0
    monkeypatch.setattr("worker.classify.EXPECT_SECONDS", 20.0)
    soon = Timer(0.2, sent, (desk, blobs, [scene("sea", 0)]))
    soon.start()
    began = time.monotonic()
    assert classifier.drain() == 1
    assert time.monotonic() - began < 15, "it is taken when it is there, not when the time is up"
    soon.join()


def test_a_stop_ends_the_waiting_for_a_photo(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.classify.EXPECT_SECONDS", 60.0)
    Timer(0.2, classifier._around.stop.set).start()
    began = time.monotonic()
    assert classifier.drain() == 0
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("urged", [False, True], ids=["calm", "urged"])
def test_a_worker_asks_for_urgent_photos_often_only_while_there_are_some(
    desk: Desk,
    blobs: Meddler,
    classifier: Classifier,
    scene: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    urged: bool,
) -> None:
    monkeypatch.setattr("worker.glances.ASK_SECONDS", 0.0)
    monkeypatch.setattr("worker.glances.RARELY_SECONDS", 1000.0)
    if urged:
        classifier._glances.paid_off()
    glances: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if is_glance(statement):
            glances.append(statement)

    event.listen(desk.database._glancing, "before_cursor_execute", note)
    sent(desk, blobs, [scene("sea", n) for n in range(PHOTOS)])
    try:
        assert classifier.drain() == PHOTOS
    finally:
        event.remove(desk.database._glancing, "before_cursor_execute", note)
    assert (len(glances) > 1) == urged, "one is when it begins"
