"""Messages about finished jobs in the database: written with the end, one for each job, one try at a time."""

import json

import pytest
from desk import Desk, at_once
from sqlalchemy import select, update

from db.query.webhooks import secret_of, undelivered, webhooks
from db.schema import Webhook
from db.states import Kind, WebhookState
from db.store.broken import fail_job
from db.store.counts import database_time
from db.store.retry import retry
from db.store.settle import LeaseLost
from db.store.sweep import recover_unpacking
from db.store.unpack import fail_unpack
from db.store.webhooks import (
    LEASE_SECONDS,
    LONGEST_PAUSE,
    NothingToSend,
    Sending,
    claim_webhooks,
    new_secret,
    send_again,
    settle_webhook,
)

URL = "https://example.org/hook"


def messages(desk: Desk) -> list[Webhook]:
    with desk.database.read() as session:
        return list(session.scalars(select(Webhook).order_by(Webhook.id)))


def claimed(desk: Desk, limit: int = 10) -> list[Sending]:
    with desk.database.write() as session:
        return claim_webhooks(session, limit)


def settled(desk: Desk, sending: Sending, error: str | None = None, again_in: float | None = None) -> bool:
    with desk.database.write() as session:
        return settle_webhook(session, sending, 500 if error else 204, error, again_in)


def secret(desk: Desk, owner: str = "ann", grace: float = 60) -> str:
    with desk.database.write() as session:
        return new_secret(session, owner, database_time(session), grace)[0]


def pass_time(desk: Desk, seconds: float) -> None:
    with desk.database.write() as session:
        session.execute(update(Webhook).values(due_at=Webhook.due_at - seconds))


def test_the_end_writes_the_message(desk: Desk) -> None:
    job = desk.running(3, webhook_url=URL, meta={"album": "Röm"})
    assert messages(desk) == []
    for taken in desk.claim():
        desk.settle(taken, {0: "accepted", 1: "rejected", 2: "accepted"})
    (message,) = messages(desk)
    assert (message.job_id, message.owner, message.url, message.state) == (job, "ann", URL, WebhookState.PENDING)
    said = json.loads(message.body)
    assert said["type"] == "job.completed" and said["data"]["id"] == job
    assert said["data"]["counts"] | {"pending": 0} == {
        "total": 3, "accepted": 2, "rejected": 1, "failed": 0, "canceled": 0, "skipped": 0, "pending": 0,
    }  # fmt: skip
    assert said["data"]["outcome"] == "partial" and said["data"]["metadata"] == {"album": "Röm"}


def test_jobs_that_ask_for_none_have_none(desk: Desk) -> None:
    desk.finished(2)
    assert messages(desk) == []


def test_every_way_to_end_writes_one(desk: Desk) -> None:
    waiting = desk.submit(Kind.ZIP, webhook_url=URL)
    desk.cancel(waiting)
    running = desk.running(3, webhook_url=URL)
    desk.cancel(running)
    half = desk.running(3, webhook_url=URL)
    (taken,) = desk.claim()
    desk.cancel(half)
    assert [row.job_id for row in messages(desk)] == [waiting, running]
    desk.settle(taken, "accepted")
    broken = desk.running(2, webhook_url=URL)
    refused = desk.submit(Kind.ZIP, webhook_url=URL)
    with desk.database.write() as session:
        fail_job(session, broken, "blob_missing", "It is gone.")
    unpacking = desk.claim_unpack()
    with desk.database.write() as session:
        fail_unpack(session, unpacking, "unsafe_archive", "Files overlap.")
    empty = desk.submit(Kind.ZIP, webhook_url=URL)
    desk.unpack(desk.claim_unpack(), photos=0)
    lost = desk.submit(Kind.ZIP, webhook_url=URL)
    for _ in range(3):
        desk.claim_unpack()
        desk.lapse()
        with desk.database.write() as session:
            recover_unpacking(session, 30.0)
    said = {row.job_id: json.loads(row.body) for row in messages(desk)}
    kinds = {job: said[job]["type"] for job in said}
    assert kinds == {
        waiting: "job.canceled", running: "job.canceled", half: "job.canceled", broken: "job.failed",
        refused: "job.failed", empty: "job.completed", lost: "job.failed",
    }  # fmt: skip
    assert said[refused]["data"]["error"] == {"code": "unsafe_archive", "message": "Files overlap."}
    assert len(messages(desk)) == 7


def test_a_zombie_writes_no_second_message(desk: Desk) -> None:
    desk.running(2, webhook_url=URL)
    (zombie,) = desk.claim()
    desk.lapse()
    desk.recover()
    (taken,) = desk.claim(worker="w2")
    assert desk.settle(taken)
    with pytest.raises(LeaseLost):
        desk.settle(zombie)
    assert len(messages(desk)) == 1


def test_of_many_last_settles_one_writes(desk: Desk) -> None:
    desk.running(6, shard_items=1, webhook_url=URL)
    assert sum(at_once(desk.settle, desk.claim())) == 1
    assert len(messages(desk)) == 1


def test_one_worker_has_a_message_at_a_time(desk: Desk) -> None:
    for _ in range(4):
        desk.finished(1, webhook_url=URL)
    secret(desk)
    taken = at_once(lambda n: claimed(desk, 2), range(4))
    ids = [sending.id for some in taken for sending in some]
    assert len(ids) == len(set(ids)) == 4
    assert claimed(desk) == []


def test_a_try_whose_worker_died_is_made_by_another_and_the_dead_one_writes_nothing(desk: Desk) -> None:
    job = desk.finished(1, webhook_url=URL)
    signing = secret(desk)
    (first,) = claimed(desk)
    assert (first.job, first.attempt, first.secrets) == (job, 1, (signing,)) and 0 <= first.age < 20
    pass_time(desk, LEASE_SECONDS + 1)
    (second,) = claimed(desk)
    assert (second.id, second.attempt, second.body) == (first.id, 2, first.body)
    assert not settled(desk, first)
    assert settled(desk, second) and not settled(desk, second)
    (row,) = messages(desk)
    assert row.state == WebhookState.DELIVERED and row.due_at is None and row.finished_at and row.status == 204


def test_a_failed_try_waits_its_time_and_the_last_ends_it(desk: Desk) -> None:
    job = desk.finished(1, webhook_url=URL)
    (first,) = claimed(desk)
    assert settled(desk, first, "It said 500.", 40.0)
    assert claimed(desk) == []
    pass_time(desk, 41)
    (second,) = claimed(desk)
    with desk.database.read() as session:
        assert undelivered(session, [job])
        assert webhooks(session, [job, "other"])[job].error == "It said 500."
    assert settled(desk, second, "It said 500.", None)
    pass_time(desk, 1e6)
    assert claimed(desk) == [] and messages(desk)[0].state == WebhookState.GIVEN_UP
    with desk.database.read() as session:
        assert not undelivered(session, [job])


def test_a_message_that_has_ended_is_sent_again(desk: Desk) -> None:
    job, quiet = desk.finished(1, webhook_url=URL), desk.finished(1)
    signing = secret(desk)
    for end in ("It said 500.", None):
        with desk.database.write() as session, pytest.raises(NothingToSend):
            send_again(session, job)
        (last,) = claimed(desk)
        assert settled(desk, last, end, None)
        pass_time(desk, 1e6)
        assert claimed(desk) == []
        with desk.database.write() as session:
            session.execute(update(Webhook).values(created_at=Webhook.created_at - 1e6))
            send_again(session, job)
    (again,) = claimed(desk)
    assert (again.id, again.body, again.attempt, again.secrets) == (last.id, last.body, 3, (signing,))
    assert 0 <= again.age < 20 and messages(desk)[0].finished_at is None
    with desk.database.write() as session, pytest.raises(NothingToSend):
        send_again(session, quiet)


def test_what_was_tried_least_goes_first(desk: Desk) -> None:
    old = desk.finished(1, webhook_url=URL)
    settled(desk, claimed(desk)[0], "no", 0.0)
    new = desk.finished(1, webhook_url=URL)
    assert [one.job for one in claimed(desk, 1)] == [new]
    assert [one.job for one in claimed(desk, 1)] == [old]


def test_a_clock_that_jumped_delays_no_message_for_ever(desk: Desk) -> None:
    desk.finished(1, webhook_url=URL)
    pass_time(desk, -3 * LONGEST_PAUSE)
    assert len(claimed(desk)) == 1


def test_the_secret_before_signs_for_a_while(desk: Desk) -> None:
    desk.finished(1, webhook_url=URL)
    before, now = secret(desk), secret(desk)
    assert before != now and before.startswith("whsec_")
    (first,) = claimed(desk)
    assert first.secrets == (now, before)
    latest = secret(desk, grace=0)
    pass_time(desk, LEASE_SECONDS + 1)
    (second,) = claimed(desk)
    assert second.secrets == (latest,)
    with desk.database.read() as session:
        assert secret_of(session, "bob") is None


def test_a_retry_tells_the_same_receiver_and_a_deleted_job_nobody(desk: Desk) -> None:
    job = desk.finished(2, "failed", webhook_url=URL)
    with desk.database.write() as session:
        again = retry(session, desk.locked(session, job), ["failed"], ("tiny", "1"), None, 32).id
    for taken in desk.claim():
        desk.settle(taken)
    assert [row.job_id for row in messages(desk)] == [job, again]
    assert json.loads(messages(desk)[1].body)["data"]["retry_of"] == job
    desk.delete(job)
    assert [row.job_id for row in messages(desk)] == [again]
