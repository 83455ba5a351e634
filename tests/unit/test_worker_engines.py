"""A worker's models, noticed as they come, change and go; its engines: opened on demand, few kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from db.store.shards import Ability
from model.backends.fake import FakeBackend
from model.bundle import Bundle, BundleDamaged, BundleMissing
from model.bundle_write import write_bundle
from model.engine import Engine
from model.sandbox import DecodePool
from model.shelf import Shelf
from worker.bundles import Bundles
from worker.engines import EngineRefused, Engines

Put = Callable[..., Bundle]


class Counted(FakeBackend):
    """Is among ``open`` until it is closed."""

    open: list["Counted"]

    def close(self) -> None:
        self.open.remove(self)


@pytest.fixture
def put(tiny_bundle: Bundle, tmp_path: Path) -> Put:
    """``put(name, version, **changes)`` installs the tiny model under another name, or anew."""

    def make(name: str, version: str = "1", **changes: object) -> Bundle:
        files = {file: tiny_bundle.path / file for file in tiny_bundle.files}
        manifest = tiny_bundle.manifest(name=name, version=version, **changes)
        return write_bundle(tmp_path / "models" / f"{name}@{version}", manifest, files)

    return make


@pytest.fixture
def bundles(put: Put, tmp_path: Path) -> Bundles:
    """What lies in a folder that holds one model, looked at anew each time."""
    put("one")
    return Bundles(Shelf([tmp_path / "models"], "one", tmp_path / "none"), lambda bundle: ["fake", "odd"], 0)


class Opener:
    """Opens engines on a fake that is counted; ``broken`` holds what cannot be opened."""

    def __init__(self, pool: DecodePool) -> None:
        self.pool = pool
        self.calls: list[Ability] = []
        self.open: list[Counted] = []
        self.broken: set[str | None] = {"odd"}

    def __call__(self, bundle: Bundle, backend: str | None) -> Engine:
        self.calls.append((bundle.name, bundle.version, backend))
        if backend in self.broken:
            raise RuntimeError("the driver is on strike")
        network = Counted(bundle)
        network.open = self.open
        self.open.append(network)
        return Engine(bundle, network, self.pool, shares_pool=True)


@pytest.fixture
def opener(decoders: DecodePool) -> Opener:
    return Opener(decoders)


@pytest.fixture
def engines(bundles: Bundles, opener: Opener) -> Engines:
    return Engines(bundles, opener)


def test_models_are_noticed_as_they_come_change_and_go(bundles: Bundles, put: Put) -> None:
    first = bundles.offers()
    assert list(first) == [("one", "1")] and first["one", "1"].backends == ("fake", "odd")
    assert bundles.offers()["one", "1"] is first["one", "1"], "what has not changed is not read again"
    two = put("two", "7")
    assert set(bundles.offers()) == {("one", "1"), ("two", "7")}
    changed = put("two", "7", knows="Something else.")
    assert bundles.offers()["two", "7"].bundle.checksum == changed.checksum != two.checksum
    shutil.rmtree(changed.path)
    assert set(bundles.offers()) == {("one", "1")}


def test_a_damaged_model_is_left_out_until_it_is_mended(
    bundles: Bundles, put: Put, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    weights = put("two").path / "weights.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    for _ in range(3):
        assert set(bundles.offers()) == {("one", "1")}
    # Printed, or logged where an earlier test of this process has set logging up.
    logged = [record for record in caplog.records if "weights.safetensors" in record.getMessage()]
    printed = [line for text in capsys.readouterr() for line in text.splitlines() if "weights.safetensors" in line]
    assert len(logged or printed) == 1, "it is told once, by the file's name"
    weights.write_bytes(sound)
    assert set(bundles.offers()) == {("one", "1"), ("two", "1")}


def test_the_default_must_be_sound(bundles: Bundles, put: Put) -> None:
    assert bundles.default() == ("one", "1")
    graph = put("one").path / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(BundleDamaged, match=r"model\.onnx"):
        bundles.default()
    shutil.rmtree(graph.parent)
    with pytest.raises(BundleMissing):
        bundles.default()


def test_a_look_is_taken_only_now_and_then(put: Put, tmp_path: Path) -> None:
    seldom = Bundles(Shelf([tmp_path / "models"], "one", tmp_path / "none"), lambda bundle: ["fake"], 3600)
    put("one")
    assert set(seldom.offers()) == {("one", "1")}
    put("two")
    assert set(seldom.offers()) == {("one", "1")}


def test_engines_are_opened_on_demand_and_few_are_kept(engines: Engines, put: Put, opener: Opener) -> None:
    for name in ("two", "three"):
        put(name)
    assert not opener.open
    for name in ("one", "two", "one", "three", "one", "two"):
        assert engines.get((name, "1", "fake")).bundle.name == name
        assert len(opener.open) <= 2
    assert [call[0] for call in opener.calls] == ["one", "two", "three", "two"], "the least recently used went"
    engines.close()
    assert not opener.open


def test_the_workers_own_choice_is_the_backend_of_that_name(engines: Engines, opener: Opener) -> None:
    chosen = engines.get(("one", "1", None))
    assert engines.get(("one", "1", "fake")) is chosen and len(opener.calls) == 1
    both = {("one", "1", None), ("one", "1", "fake")}
    assert engines.alike(("one", "1", None)) == both == engines.alike(("one", "1", "fake"))
    assert engines.alike(("one", "1", "odd")) == {("one", "1", "odd")}


def test_a_named_engine_that_turns_out_to_be_the_choice_is_open_once(engines: Engines, opener: Opener) -> None:
    engines.get(("one", "1", "fake"))
    engines.get(("one", "1", None))
    assert len(opener.open) == 1


def test_a_changed_model_gets_a_new_engine_and_a_removed_one_loses_its_own(
    engines: Engines, put: Put, opener: Opener
) -> None:
    old = engines.get(("one", "1", None)).bundle
    new = put("one", knows="Something else.")
    assert engines.get(("one", "1", None)).bundle.checksum == new.checksum != old.checksum
    assert len(opener.open) == 1
    put("two")
    shutil.rmtree(new.path)
    with pytest.raises(EngineRefused, match="no longer here"):
        engines.get(("one", "1", None))
    engines.get(("two", "1", None))
    assert len(opener.open) == 1


def test_an_engine_that_fails_is_not_offered_until_its_model_changes(
    engines: Engines, put: Put, opener: Opener
) -> None:
    everything = {("one", "1", None), ("one", "1", "fake"), ("one", "1", "odd")}
    assert engines.abilities == everything
    with pytest.raises(EngineRefused, match="on strike"):
        engines.get(("one", "1", "odd"))
    assert engines.abilities == everything - {("one", "1", "odd")}
    assert engines.get(("one", "1", "fake")).judge is not None
    put("one", knows="Something else.")
    assert engines.abilities == everything
    opener.broken.clear()
    assert engines.get(("one", "1", "odd")).bundle.knows == "Something else."


def test_the_default_engine_fails_with_its_own_error(engines: Engines, opener: Opener) -> None:
    opener.broken.add(None)
    with pytest.raises(RuntimeError, match="on strike"):
        engines.open_default(("one", "1"))
