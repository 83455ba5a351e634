"""Who is calling, and admins who act for others."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from running import wait_until

from client.client import Client
from client.errors import Refused
from db.store.keys import Scope

Make = Callable[..., bytes]


def test_a_key_is_told_whose_it_is(api: Any) -> None:
    secret = api.key(Scope.READ, Scope.SUBMIT, owner="anna")
    with Client(api.url, secret) as client:
        assert client.me() == {"owner": "anna", "scopes": ["read", "submit"]}
    assert httpx.get(f"{api.url}/v1/me").status_code == 401


def test_an_admin_acts_for_an_owner_and_is_no_admin_meanwhile(api: Any, scene: Make) -> None:
    admin = api.key(Scope.ADMIN, owner="root")
    with Client(api.url, admin, act_for="anna@example.org") as client:
        assert client.me() == {"owner": "anna@example.org", "scopes": ["read", "review", "submit"]}
        with pytest.raises(Refused) as refused:
            client.keys()
        assert (refused.value.status, refused.value.code) == (403, "missing_scope")
    headers = {"X-API-Key": admin, "X-Act-For": "anna@example.org", "Content-Type": "image/jpeg"}
    job = httpx.post(f"{api.url}/v1/jobs", headers=headers, content=scene("sea", 77)).json()["id"]
    with Client(api.url, api.key(Scope.READ, owner="anna@example.org")) as anna:
        assert anna.job(job).id == job
    with Client(api.url, admin) as root, pytest.raises(Refused, match="no such job"):
        root.job(job)


def test_the_log_tells_which_admin_acted(api: Any, said: io.StringIO) -> None:
    admin = api.key(Scope.ADMIN, owner="root")
    for headers in ({"X-Act-For": "anna"}, {}):
        assert httpx.get(f"{api.url}/v1/me", headers={"X-API-Key": admin} | headers).status_code == 200
    wait_until(lambda: said.getvalue().count('"path": "/v1/me"') == 2, 5)
    lines = [json.loads(line) for line in said.getvalue().splitlines() if '"path": "/v1/me"' in line]
    assert [(line["owner"], line.get("actor")) for line in lines] == [("anna", "root"), ("root", None)]


def test_others_may_not_act_for_anybody(api: Any) -> None:
    everything_but = api.key(Scope.SUBMIT, Scope.READ, Scope.REVIEW, owner="bert")
    with Client(api.url, everything_but, act_for="anna") as client, pytest.raises(Refused) as refused:
        client.me()
    assert (refused.value.status, refused.value.code) == (403, "missing_scope")


@pytest.mark.parametrize("owner", ["", "a b", "x" * 65, "anna/../bert", "anna,bert"])
def test_names_that_no_owner_has_are_refused(api: Any, owner: str) -> None:
    headers = {"X-API-Key": api.key(Scope.ADMIN), "X-Act-For": owner}
    answer = httpx.get(f"{api.url}/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
