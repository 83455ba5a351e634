"""Webhooks from the submission to the receiver: a real API, a real courier, a real receiver."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from ports import free_port, listens
from receiver import Receiver, receiving
from running import running, wait_until
from sqlalchemy import update
from standardwebhooks import Webhook, WebhookVerificationError

from client.client import Client
from db.schema import Webhook as Row
from db.store.keys import Scope
from model.bundle import Bundle
from settings import Settings
from worker.courier import Courier, courier_of

Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def hooked(
    home: Path, serve: Callable[[Settings], object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[object]:
    """An API that may send to this machine."""
    settings = Settings(
        _env_file=None,
        data_dir=home,
        database_url=f"sqlite:///{tmp_path_factory.mktemp('rows') / 'rows.db'}",
        model="tiny",
        min_free_bytes=1,
        webhook_networks="127.0.0.0/8",
        webhook_http=True,
    )
    with serve(settings) as served:
        yield served


@pytest.fixture
def user(hooked: Any) -> Iterator[httpx.Client]:
    with hooked.client(Scope.SUBMIT, Scope.READ) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def courier(hooked: Any) -> Courier:
    return courier_of(hooked.settings, hooked.database, Event())


def secret_of(user: httpx.Client, **wanted: int) -> str:
    answer = user.post("/v1/webhook-secret", json=wanted or None)
    assert answer.status_code == 201
    return answer.json()["secret"]


def submit(user: httpx.Client, photo: bytes, url: str, **query: str) -> dict[str, Any]:
    answer = user.post(
        "/v1/jobs", params={"webhook_url": url, **query}, content=photo, headers={"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 202, answer.text
    return answer.json()


def webhook(user: httpx.Client, job: str) -> dict[str, Any]:
    return user.get(f"/v1/jobs/{job}").json()["webhook"]


def test_a_finished_job_is_told_signed(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    secret, url = secret_of(user), f"http://localhost:{receiver.port}/hook"
    job = submit(user, scene("sea"), url, metadata='{"album": "Rome"}')["id"]
    assert webhook(user, job) == {
        "url": url, "state": "waiting", "attempts": 0, "status": None, "error": None, "next_at": None,
        "finished_at": None,
    }  # fmt: skip
    assert courier.deliver() == 0
    hooked.judge(job, judged)
    assert webhook(user, job)["state"] == "pending"
    assert courier.deliver() == 1
    ((path, headers, body),) = receiver.received
    said = Webhook(secret).verify(body, headers)
    assert path == "/hook" and said["type"] == "job.completed" and said["data"]["metadata"] == {"album": "Rome"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"completed", b"cancelled"), headers)
    seen = webhook(user, job)
    assert (seen["state"], seen["attempts"], seen["status"], seen["error"]) == ("delivered", 1, 204, None)
    assert seen["finished_at"] and courier.deliver() == 0
    assert user.get("/v1/jobs").json()["data"][0]["webhook"] == seen


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    secret = secret_of(user)
    receiver.answers = [500, 204]
    job = submit(user, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
    hooked.judge(job, judged)
    assert courier.deliver() == 1
    failed = webhook(user, job)
    assert (failed["state"], failed["attempts"], failed["status"]) == ("pending", 1, 500)
    assert failed["error"] == "The receiver answered with the status 500." and failed["next_at"]
    _hurry(hooked)
    assert courier.deliver() == 1
    (_, first, one), (_, second, two) = receiver.received
    assert first["webhook-id"] == second["webhook-id"] and one == two
    assert Webhook(secret).verify(two, second)
    assert webhook(user, job)["state"] == "delivered"


def test_after_a_day_it_is_given_up_and_said_so(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    secret_of(user)
    receiver.answers = [503]
    job = submit(user, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
    hooked.judge(job, judged)
    pauses = []
    for tries in range(1, 60):
        assert courier.deliver() == 1
        seen = webhook(user, job)
        assert seen["attempts"] == tries
        if seen["state"] == "given_up":
            break
        with hooked.database.write() as session:
            row = session.query(Row).filter_by(job_id=job).one()
            pauses.append(row.due_at - time.time())
            # The time until the next try passes.
            row.created_at -= pauses[-1]
            row.due_at = 0.0
    assert 12 <= tries <= 25 and 20 * 3600 < sum(pauses) <= 24 * 3600
    assert 4 < pauses[0] < 11 and all(pause <= 3 * 3600 + 1 for pause in pauses)
    assert seen["error"] == "The receiver answered with the status 503." and seen["next_at"] is None


def test_what_was_given_up_is_sent_again(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    secret_of(user)
    receiver.answers = [410, 204]
    job = submit(user, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
    path = f"/v1/jobs/{job}/webhook"
    assert (user.post(path).status_code, user.post(path).json()["code"]) == (409, "nothing_to_send")
    hooked.judge(job, judged)
    assert courier.deliver() == 1 and webhook(user, job)["state"] == "given_up" and courier.deliver() == 0
    with hooked.client(Scope.SUBMIT) as other:
        assert other.post(path).status_code == 404
    with Client(hooked.url, user.headers["X-API-Key"]) as client:
        again = client.send_webhook_again(job).view.webhook
    assert again == webhook(user, job) and again["state"] == "pending" and again["next_at"]
    assert user.post(path).status_code == 409
    assert courier.deliver() == 1 and webhook(user, job)["state"] == "delivered"
    (_, first, one), (_, second, two) = receiver.received
    assert first["webhook-id"] == second["webhook-id"] and one == two


def test_during_a_change_both_secrets_sign(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    before, after = secret_of(user), secret_of(user)
    job = submit(user, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
    hooked.judge(job, judged)
    courier.deliver()
    ((_, headers, body),) = receiver.received
    assert Webhook(before).verify(body, headers) == Webhook(after).verify(body, headers)
    last = secret_of(user, grace_seconds=0)
    told = user.get("/v1/webhook-secret").json()
    assert last not in json.dumps(told) and told["previous_until"] <= told["created_at"]


def test_a_cancel_is_told(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, zipped: Make, scene: Make
) -> None:
    secret_of(user)
    answer = user.post(
        "/v1/jobs",
        params={"webhook_url": f"http://127.0.0.1:{receiver.port}/"},
        content=zipped({"a.jpg": scene("sea")}),
        headers={"Content-Type": "application/zip"},
    )
    assert user.post(f"/v1/jobs/{answer.json()['id']}/cancel").status_code == 200
    assert courier.deliver() == 1
    assert json.loads(receiver.received[0][2])["type"] == "job.canceled"


def test_a_receiver_that_hangs_delays_no_other(
    hooked: Any, user: httpx.Client, receiver: Receiver, courier: Courier, scene: Make, judged: Any
) -> None:
    secret_of(user)
    courier._post = type(courier._post)(courier._post.policy, 2.0, courier._post.trust)
    receiver.gate.clear()
    for _ in range(3):
        job = submit(user, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
        hooked.judge(job, judged)
    with receiving() as quick:
        job = submit(user, scene("forest"), f"http://127.0.0.1:{quick.port}/")["id"]
        hooked.judge(job, judged)
        began = time.monotonic()
        courier.start()
        wait_until(lambda: bool(quick.received), 5)
        assert time.monotonic() - began < 1.5
        wait_until(lambda: webhook(user, job)["state"] == "delivered", 5)
    courier._stop.set()
    courier.ring()


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://user:x@example.org/", "gopher://example.org/", "x"])
def test_addresses_that_are_not_allowed_are_refused_before_the_upload(user: httpx.Client, url: str) -> None:
    secret_of(user)
    answer = user.post("/v1/jobs", params={"webhook_url": url}, content=b"x")
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "webhook_url"


def test_the_form_is_checked_too(hooked: Any, user: httpx.Client, scene: Make) -> None:
    secret_of(user)
    files, bad = [("files", ("a.jpg", scene("sea")))], {"webhook_url": "http://10.0.0.1/"}
    answer = user.post("/v1/jobs", files=files, data=bad)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "webhook_url"
    assert user.get("/v1/jobs").json()["data"] == []
    good = user.post("/v1/jobs", files=files, data={"webhook_url": "https://example.org/x"})
    assert good.json()["webhook"]["url"] == "https://example.org/x"


def test_without_a_secret_nothing_is_taken(user: httpx.Client, scene: Make) -> None:
    query = {"webhook_url": "https://example.org/"}
    answer = user.post("/v1/jobs", params=query, content=scene("sea"), headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 422 and answer.json()["code"] == "no_webhook_secret"
    assert user.get("/v1/webhook-secret").status_code == 404


def test_another_address_is_another_submission(user: httpx.Client, scene: Make) -> None:
    secret_of(user)
    photo, headers = scene("sea"), {"Idempotency-Key": "one", "Content-Type": "image/jpeg"}
    codes = [
        user.post("/v1/jobs", params=query, content=photo, headers=headers).status_code
        for query in ({"webhook_url": "https://example.org/a"}, {"webhook_url": "https://example.org/a"}, {})
    ]
    assert codes == [202, 202, 422]


def test_the_whole_road(tiny_bundle: Bundle, scene: Make, receiver: Receiver) -> None:
    """With real workers: told within moments, also where Redis has forgotten every hint."""
    more = {"webhook_networks": "127.0.0.0/8", "webhook_http": True, "webhook_retry_seconds": 0.2}
    with running(tiny_bundle, **more) as shoebox:
        shoebox.start().ready()
        client = httpx.Client(base_url=shoebox.settings.url, headers={"X-API-Key": shoebox.key}, timeout=30)
        with client:
            secret = secret_of(client)
            receiver.answers = [500, 204]
            job = submit(client, scene("sea"), f"http://127.0.0.1:{receiver.port}/")["id"]
            wait_until(lambda: webhook(client, job)["state"] == "delivered", 20, shoebox.logs)
            assert Webhook(secret).verify(receiver.received[1][2], receiver.received[1][1])["data"]["id"] == job
            text = "".join(path.read_text() for path in shoebox.home.glob("*.log"))
            assert secret not in text and "webhook_delivered" in text


def _hurry(hooked: Any) -> None:
    with hooked.database.write() as session:
        session.execute(update(Row).values(due_at=0.0))


def test_the_receiver_in_the_document_runs(
    hooked: Any, user: httpx.Client, courier: Courier, scene: Make, judged: Any
) -> None:
    """As it stands there: it takes what is signed, once, and refuses what is not."""
    document = Path(__file__).parents[3] / "docs" / "webhooks.md"
    (program,) = re.findall(r"^```python\n(.*?)^```", document.read_text(), re.M | re.S)
    port = free_port()
    environment = os.environ | {"WEBHOOK_SECRET": secret_of(user), "PORT": str(port)}
    url = f"http://127.0.0.1:{port}/"
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: listens(port), 20)
        job = submit(user, scene("sea"), url)["id"]
        hooked.judge(job, judged)
        assert courier.deliver() == 1 and webhook(user, job)["status"] == 204
        with hooked.database.write() as session:
            session.execute(update(Row).values(state="pending", due_at=0.0).where(Row.job_id == job))
        assert courier.deliver() == 1 and webhook(user, job)["status"] == 204
        forged = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
        assert httpx.post(url, content=b"{}", headers=forged).status_code == 401
    finally:
        process.terminate()
    said, _ = process.communicate(timeout=10)
    assert said.decode().split() == ["job.completed", job, "1"]
