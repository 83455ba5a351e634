"""States, outcomes, scopes and fingerprints: values without a database."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from db.clock import now
from db.schema import Job
from db.states import JobState, Kind, Lane, Outcome
from db.store.counts import outcome
from db.store.keys import Caller, Scope, digest
from db.store.submit import Submission, Upload

UPLOADS = (Upload("K1", "a.zip", Kind.ZIP, 5, "1" * 64), Upload("K2", "b.jpg", Kind.IMAGE, 6, "2" * 64))
ASKED = Submission("ann", "tiny", "1", UPLOADS, {"top_k": 3, "deny": ["sea"]}, {"trip": "Oslo"}, "key")


def test_three_states_are_final() -> None:
    assert {state for state in JobState if state.finished} == {"completed", "canceled", "failed"}


def test_the_interactive_lane_sorts_first() -> None:
    assert sorted(Lane) == [Lane.INTERACTIVE, Lane.BULK]


@pytest.mark.parametrize(
    ("total", "accepted", "rejected", "failed", "told"),
    [
        (None, 0, 0, 0, Outcome.EMPTY),
        (0, 0, 0, 0, Outcome.EMPTY),
        (5, 0, 0, 0, Outcome.EMPTY),
        (5, 5, 0, 0, Outcome.ALL_ACCEPTED),
        (5, 4, 0, 0, Outcome.PARTIAL),
        (5, 4, 0, 1, Outcome.PARTIAL),
        (5, 0, 1, 0, Outcome.NONE_ACCEPTED),
        (5, 0, 0, 5, Outcome.NONE_ACCEPTED),
    ],
)
def test_the_outcome_follows_from_the_counts(
    total: int | None, accepted: int, rejected: int, failed: int, told: Outcome
) -> None:
    assert outcome(Job(total=total, accepted=accepted, rejected=rejected, failed=failed)) is told


def test_the_fingerprint_is_of_what_was_asked_for() -> None:
    moved = tuple(replace(upload, blob=upload.blob + "9") for upload in UPLOADS)
    same = [
        replace(ASKED, uploads=moved),
        replace(ASKED, params={"deny": ["sea"], "top_k": 3}),
        replace(ASKED, idempotency_key="other"),
        replace(ASKED, version="2"),
    ]
    other = [
        replace(ASKED, uploads=UPLOADS[::-1]),
        replace(ASKED, uploads=UPLOADS[:1]),
        replace(ASKED, uploads=(replace(UPLOADS[0], name="c.zip"), UPLOADS[1])),
        replace(ASKED, uploads=(replace(UPLOADS[0], digest="3" * 64), UPLOADS[1])),
        replace(ASKED, params={"top_k": 4, "deny": ["sea"]}),
        replace(ASKED, meta={}),
        replace(ASKED, model="large"),
    ]
    assert {each.fingerprint for each in same} == {ASKED.fingerprint}
    assert len({each.fingerprint for each in [ASKED, *other]}) == 1 + len(other)


def test_admin_may_everything() -> None:
    admin, reader = (Caller("K", "ann", frozenset({scope})) for scope in (Scope.ADMIN, Scope.READ))
    assert all(admin.may(scope) for scope in Scope)
    assert [scope for scope in Scope if reader.may(scope)] == [Scope.READ]


def test_a_digest_is_sha_256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_each_database_tells_the_time_at_the_statement() -> None:
    assert "clock_timestamp()" in str(select(now()).compile(dialect=PGDialect()))  # type: ignore[no-untyped-call]
    assert "julianday('now')" in str(select(now()).compile(dialect=SQLiteDialect()))
