"""The dashboard's pages against a served API: without photos, without an admin's key, with a report, with a worker."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from client.client import Client
from client.upload import Upload
from dashboard.session import Person
from db.database import Database
from db.store.benchmarks import claim_benchmark, settle_benchmark
from db.store.keys import Scope
from model.bundle import CARD, GRAPH, NOVELTY, REFERENCE, WEIGHTS, Bundle
from model.bundle_write import write_bundle
from model.report.make import FINDINGS, make_report
from model.train.data import open_photos
from settings import Settings

Scene = Callable[..., bytes]
SCRIPT = "from dashboard.care import care\nfrom dashboard.page.{} import page\nwith care():\n    page()\n"
PATIENCE = 60
TIMINGS = [("openvino-fp32", 4.0, 2.0), ("onnxruntime", 6.0, 3.0), ("torch", 12.0, None)]


@pytest.fixture
def seen(api: Any) -> Iterator[Callable[..., AppTest]]:
    """``seen("history", Scope.READ)``: that page as somebody with such a key sees it, who is an owner of their own."""
    clients = []

    def see(name: str, *scopes: Scope, owner: str | None = None, served: Any = api) -> AppTest:
        client = Client(served.url, served.key(*scopes, owner=owner))
        clients.append(client)
        me = client.me()
        shown = AppTest.from_string(SCRIPT.format(name), default_timeout=PATIENCE)
        shown.session_state["person"] = Person(client, me["owner"], frozenset(me["scopes"]))
        return shown

    yield see
    for client in clients:
        client.close()


def words(shown: AppTest) -> str:
    """All that the page says."""
    said = [*shown.title, *shown.header, *shown.subheader, *shown.markdown, *shown.caption]
    said += [*shown.info, *shown.warning, *shown.success, *shown.error]
    return "\n".join(str(one.value) for one in said)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("history", "No photos yet"),
        ("rejections", "No photos in these days"),
        ("performance", "No photo went through the network in these days."),
    ],
)
def test_an_owner_without_photos_is_told_what_to_do(seen: Callable[..., AppTest], name: str, says: str) -> None:
    shown = seen(name, Scope.SUBMIT, Scope.READ, Scope.REVIEW).run()
    assert not shown.exception and not shown.error
    assert says in words(shown)
    assert shown.button


def test_who_is_no_admin_sees_health_alone(seen: Callable[..., AppTest]) -> None:
    shown = seen("system", Scope.READ).run()
    assert not shown.exception and not shown.error
    assert [one.value for one in shown.subheader] == ["Health"]
    assert not shown.button and not shown.dataframe
    assert "Workers that judge photos: None is alive" in words(shown)


def test_who_is_no_admin_sees_neither_workers_nor_backends(seen: Callable[..., AppTest]) -> None:
    shown = seen("performance", Scope.READ).run()
    assert not shown.exception and not shown.error
    assert [one.value for one in shown.subheader] == ["Now", "Speed", "Right or wrong"]
    assert not shown.dataframe


def test_an_unreachable_api_is_said_in_words(seen: Callable[..., AppTest], serve: Any, tmp_path: Path) -> None:
    with serve(Settings(_env_file=None, data_dir=tmp_path, min_free_bytes=1)) as away:
        shown = {name: seen(name, served=away) for name in ("history", "rejections", "performance", "models", "system")}
    for name, page in shown.items():
        page.session_state["person"].client._transport._patience = 0
        page.run()
        assert not page.exception, name
        assert "Shoebox does not answer at present" in words(page), name


def test_a_photo_of_ones_own_measures_the_backends(
    seen: Callable[..., AppTest], api: Any, scene: Scene, judged: Any
) -> None:
    owner = "measurer"
    shown = seen("performance", Scope.ADMIN, owner=owner)
    client: Client = shown.session_state["person"].client
    photo = scene("sea", 42)
    job = client.submit(Upload("sea.jpg", "image/jpeg", lambda: [photo], len(photo), len(photo)))
    assert api.judge(job.id, judged) == 1
    shown.run()
    assert "No backend was measured yet" in words(shown)
    # The API is alone here: this thread is the worker that measures.
    worker = threading.Thread(target=_measure, args=(api.database,))
    worker.start()
    next(button for button in shown.button if button.label == "Measure now").click().run()
    worker.join(PATIENCE)
    assert not shown.exception and not shown.error
    assert "The fastest here is **openvino-fp32**: 2 ms a photo, 1.5 times as quick as the slowest." in words(shown)
    assert "**torch**: it is not installed" in words(shown)


def test_the_job_of_a_model_that_was_removed_is_still_there(
    seen: Callable[..., AppTest], serve: Any, own_home: Path, scene: Scene, judged: Any
) -> None:
    with serve(Settings(_env_file=None, data_dir=own_home, model="scenes", min_free_bytes=1)) as served:
        shown = seen("job", Scope.ADMIN, served=served)
        client: Client = shown.session_state["person"].client
        photo = scene("sea", 44)
        upload = Upload("left.jpg", "image/jpeg", lambda: [photo], len(photo), len(photo))
        job = client.submit(upload, model="tiny")
        assert served.judge(job.id, judged) == 1
        shown.query_params["id"] = job.id
        shown.run()
        assert not shown.exception and not shown.error
        assert [box.label for box in shown.selectbox] == ["Tag", "Reason"] and "was removed" not in words(shown)
        shutil.rmtree(own_home / "models" / "tiny")
        shown.session_state["memory"] = {}
        shown.run()
        assert not shown.exception and not shown.error
        assert [one.value for one in shown.title] == [r"left\.jpg"]
        assert "The model tiny 1 was removed" in words(shown)
        assert [box.label for box in shown.selectbox] == ["Reason"]


SIGN_OUT = """
import streamlit as st
from dashboard import session
from dashboard.page.history import page
if "person" in st.session_state:
    page()
    if st.button("Sign out"):
        session.sign_out()
        st.rerun()
"""


def test_signing_out_leaves_nothing_for_whoever_comes_next(
    seen: Callable[..., AppTest], api: Any, scene: Scene, judged: Any
) -> None:
    anna = seen("history", Scope.ADMIN, owner="signs-out").session_state["person"]
    photo = scene("sea", 43)
    job = anna.client.submit(Upload("annas.jpg", "image/jpeg", lambda: [photo], len(photo), len(photo)))
    assert api.judge(job.id, judged) == 1
    shown = AppTest.from_string(SIGN_OUT, default_timeout=PATIENCE)
    shown.session_state["person"] = anna
    shown.query_params["name"] = "annas"
    shown.run()
    assert not shown.exception and shown.text_input[0].value == "annas"
    kept = ("person", "memory", "previews", "history_address", "pages_history")
    assert all(name in shown.session_state for name in kept)
    next(button for button in shown.button if button.label == "Sign out").click().run()
    assert not shown.exception and not shown.query_params
    assert not [name for name in kept if name in shown.session_state]


def _measure(database: Database) -> None:
    """Takes the benchmark that is asked for, as a worker would, and settles it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with database.write() as session:
            claim = claim_benchmark(session, "test", [("tiny", "1"), ("scenes", "2"), ("fashion", "1")])
            if claim is not None:
                assert settle_benchmark(session, claim, _result())
                return
        time.sleep(0.05)


def _result() -> dict[str, Any]:
    timings = [
        {
            "name": name,
            "available": batch is not None,
            "milliseconds": alone if batch else None,
            "p95": alone if batch else None,
            "batch_milliseconds": batch,
            "batch_p95": batch,
            "speedup": 3.0 / batch if batch else None,
            "bytes": 1000 if batch else None,
            "reason": None if batch else "it is not installed",
        }
        for name, alone, batch in TIMINGS
    ]
    return {"checksum": "9f1c20ab37de5510", "fastest": "openvino-fp32", "backends": timings}


@pytest.fixture(scope="module")
def reported(
    tiny_bundle: Bundle,
    scene: Scene,
    serve: Callable[[Settings], AbstractContextManager[Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """An API with two versions of the tiny model, both measured on drawn photos, the second with its report inside."""
    folder = tmp_path_factory.mktemp("reported")
    for kind in ("sunset", "forest", "sea"):
        (folder / "photos" / kind).mkdir(parents=True)
        for n in range(12):
            (folder / "photos" / kind / f"{n}.jpg").write_bytes(scene(kind, 600 + n))
    photos = open_photos(folder / "photos")
    found = make_report(tiny_bundle, "drawn", photos, [], folder / "report", backend="openvino-fp32")
    files = {name: tiny_bundle.path / name for name in (WEIGHTS, GRAPH, NOVELTY, REFERENCE, CARD)}
    measured = {"validation": {**found["classification"], **found["strictness"]["normal"]}}
    for version, extra in (("1", {}), ("2", {FINDINGS: folder / "report" / FINDINGS})):
        manifest = replace(tiny_bundle.manifest(), version=version, figures=measured)
        write_bundle(folder / "home" / "models" / f"tiny-{version}", manifest, {**files, **extra})
    with serve(Settings(_env_file=None, data_dir=folder / "home", model="tiny@2", min_free_bytes=1)) as served:
        yield served


def test_a_report_becomes_charts(seen: Callable[..., AppTest], reported: Any) -> None:
    shown = seen("models", Scope.READ, served=reported)
    shown.query_params["model"] = "tiny@2"
    shown.run()
    assert not shown.exception and not shown.error
    assert [one.value for one in shown.title] == ["tiny 2"]
    headings = [one.value for one in shown.subheader]
    assert {"By tag", "What it mixes up", "As sure as it is right?", "Fewer tags, fewer errors"} <= set(headings)
    model = shown.session_state["person"].client.model("tiny@2")
    figures = {one.label: one.value for one in shown.metric}
    assert figures["named right"] == f"{100 * model['report']['classification']['accuracy']:.1f} %"
    assert "With novelty strict" in words(shown)
    assert "judges new jobs" in words(shown)


def test_two_versions_are_compared_tag_by_tag(seen: Callable[..., AppTest], reported: Any) -> None:
    shown = seen("models", Scope.READ, served=reported).run()
    assert not shown.exception and not shown.error
    assert {box.label for box in shown.selectbox} == {"First", "Second"}
    next(box for box in shown.selectbox if box.label == "First").select("tiny 1").run()
    next(box for box in shown.selectbox if box.label == "Second").select("tiny 2").run()
    assert not shown.exception and not shown.error
    assert "**Tag by tag**" in words(shown)
    assert "None yet: open a job and run it again" in words(shown)
    table = shown.table[0].value
    assert list(table.columns) == ["tiny 1", "tiny 2"]
    assert table.loc["named right"].nunique() == 1
