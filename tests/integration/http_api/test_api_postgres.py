"""The API over PostgreSQL, which is stricter about text than SQLite."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.store.keys import Scope
from settings import Settings

NOBODY = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D"
NAMES = {"job_id": NOBODY, "item_id": f"{NOBODY}-0", "name": "tiny", "key_id": NOBODY, "benchmark_id": NOBODY}
# What a query may hold that is no text for a database.
ODD = ("\x00", "a\x00b", "\x1f")


@pytest.fixture(scope="module")
def served(home: Path, serve: Any, postgres: Any) -> Iterator[Any]:
    url = postgres.create()
    with serve(Settings(_env_file=None, data_dir=home, database_url=url, model="tiny", min_free_bytes=1)) as found:
        yield found
    postgres.drop(url)


def texts(operation: dict[str, Any]) -> list[str]:
    """The query parameters that take text of any kind."""
    found = []
    for one in operation.get("parameters", []):
        kinds = [one["schema"], *one["schema"].get("anyOf", []), one["schema"].get("items", {})]
        if one["in"] == "query" and any(kind.get("type") == "string" and "enum" not in kind for kind in kinds):
            found.append(one["name"])
    return found


def test_text_that_is_none_is_refused_by_every_parameter(served: Any, scene: Callable[..., bytes]) -> None:
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    asked = []
    with served.client(Scope.ADMIN, owner="ann") as client:
        for path, methods in paths.items():
            for method, name, value in [(m, n, v) for m, one in methods.items() for n in texts(one) for v in ODD]:
                where = path.format(**NAMES)
                body = {"content": scene("sea"), "headers": {"Content-Type": "image/jpeg"}} if method == "post" else {}
                answer = client.request(method, where, params={name: value}, **body)
                assert 400 <= answer.status_code < 500, (method, path, name, value, answer.text)
                asked.append((path, name))
    assert {("/v1/jobs", "idempotency_key"), ("/v1/items", "name"), ("/v1/scores", "guard")} <= set(asked)


def test_an_idempotency_key_that_is_no_text_is_named(served: Any) -> None:
    with served.client(Scope.READ, Scope.SUBMIT) as client:
        asked = client.get("/v1/jobs", params={"idempotency_key": "a\x00b"})
        sent = client.post("/v1/jobs", headers={"Idempotency-Key": "a\tb", "Content-Type": "image/jpeg"}, content=b"x")
    assert (asked.status_code, asked.json()["errors"][0]["field"]) == (422, "query.idempotency_key")
    assert (sent.status_code, sent.json()["errors"][0]["field"]) == (422, "header.idempotency-key")
