"""JSON says numbers and truths with their own types; what only looks like one is refused, as the schema says."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from db.store.keys import Scope

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/jobs/{job}/rerun", {"model": "tiny", "min_confidence": False}, "body.min_confidence"),
    ("/v1/jobs/{job}/rerun", {"model": "tiny", "min_confidence": "0.5"}, "body.min_confidence"),
    ("/v1/jobs/{job}/rerun", {"model": "tiny", "top_k": True}, "body.top_k"),
    ("/v1/jobs/{job}/rerun", {"model": "tiny", "top_k": "3"}, "body.top_k"),
    ("/v1/items/{job}-0/review", {"correct": 1}, "body.correct"),
    ("/v1/items/{job}-0/review", {"correct": "yes"}, "body.correct"),
    ("/v1/keys", {"name": "a", "expires_in_days": True}, "body.expires_in_days"),
    ("/v1/keys", {"name": "a", "expires_in_days": "7"}, "body.expires_in_days"),
]


@pytest.fixture
def admin(api: Any) -> Iterator[httpx.Client]:
    with api.client(Scope.ADMIN) as client:
        yield client


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
def test_what_only_looks_like_a_number_is_refused(
    admin: httpx.Client, scene: Callable[..., bytes], path: str, body: dict[str, Any], field: str
) -> None:
    job = admin.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"}).json()["id"]
    answer = admin.post(path.format(job=job), json=body)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("confidence", [0, 0.5, 1, None])
def test_numbers_are_taken(
    api: Any, admin: httpx.Client, scene: Callable[..., bytes], judged: Any, confidence: float | None
) -> None:
    job = admin.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"}).json()["id"]
    api.judge(job, judged)
    body = {"model": "tiny", "min_confidence": confidence, "top_k": 3}
    assert admin.post(f"/v1/jobs/{job}/rerun", json=body).status_code == 202
