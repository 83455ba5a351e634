"""A network that lost its arithmetic: its photos fail, and no answer of the API holds a NaN."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from model.backends.base import Outputs
from model.backends.fake import FakeBackend
from model.bundle import Bundle
from model.engine import Engine
from model.sandbox import DecodePool


class Lost(FakeBackend):
    """Answers one number for everything."""

    number = np.nan

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        outputs = super().run(batch)
        outputs.logits[:] = self.number
        return outputs


def refuse(constant: str) -> None:
    raise AssertionError(constant)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_no_answer_holds_a_nan(
    api: Any,
    client: httpx.Client,
    tiny_bundle: Bundle,
    decoders: DecodePool,
    scene: Callable[..., bytes],
    number: float,
) -> None:
    photo = scene("sea")
    job = client.post("/v1/jobs", content=photo, headers={"Content-Type": "image/jpeg"}).json()["id"]
    backend = Lost(tiny_bundle)
    backend.number = number
    engine = Engine(tiny_bundle, backend, decoders, shares_pool=True)
    assert api.judge(job, lambda position, name: engine.judge_one(photo)) == 1
    item = json.loads(client.get(f"/v1/items/{job}-0").text, parse_constant=refuse)
    assert (item["decision"], item["reason"]) == ("failed", "internal_error")
    for path in (f"/v1/jobs/{job}/items", f"/v1/jobs/{job}/results.jsonl", "/v1/stats?by=reason", "/v1/stats/latency"):
        json.loads(client.get(path).raise_for_status().text, parse_constant=refuse)
    cells = client.get(f"/v1/jobs/{job}/results.csv").text.lower().split(",")
    assert "internal_error" in cells and not {"nan", "inf", "-inf"} & set(cells)
    with zipfile.ZipFile(io.BytesIO(client.get(f"/v1/jobs/{job}/results.xlsx").content)) as book:
        sheets = [book.read(name).decode().lower() for name in book.namelist() if "sheet" in name]
    assert sheets and not any(f"<v>{word}</v>" in sheet for sheet in sheets for word in ("nan", "inf", "-inf"))
