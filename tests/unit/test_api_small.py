"""Small parts of the API: throttle, cursors, options, catalog, errors."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from api import errors
from api.auth import secret_of
from api.catalog import Catalog, UnknownModel
from api.cursors import BadCursor, decode_item, decode_job, encode
from api.options import BadField, Wanted, metadata_of, with_form
from api.schemas import iso
from api.throttle import MINUTE, MOST_ADDRESSES, Throttle
from model.bundle import Bundle, seal

JOB = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D"


def test_the_throttle_counts_a_minute_per_address() -> None:
    at = 1000.0
    throttle = Throttle(2, lambda: at)
    assert throttle.fail("a") is None
    at += 10
    assert throttle.fail("a") is None and throttle.fail("b") is None
    assert throttle.fail("a") == 50
    at += MINUTE - 9
    assert throttle.fail("a") is None


def test_the_throttle_forgets_before_it_grows() -> None:
    throttle = Throttle(1, lambda: 0.0)
    for number in range(MOST_ADDRESSES + 50):
        throttle.fail(str(number))
    assert throttle.fail("0") is None and throttle.fail(str(MOST_ADDRESSES + 49)) == 60


def test_cursors_go_both_ways_and_nothing_else_does() -> None:
    assert decode_job(encode(JOB)) == JOB
    assert decode_item(encode(f"{JOB}-12")) == (JOB, 12)
    for bad in ("", "a", "é", "%00", encode("x"), encode(JOB.lower()), encode(f"{JOB}-"), encode(f"{JOB}--1")):
        with pytest.raises(BadCursor):
            decode_item(bad)
        with pytest.raises(BadCursor):
            decode_job(bad)


def test_secrets_are_found_in_their_headers() -> None:
    from starlette.datastructures import Headers

    assert secret_of(Headers({"authorization": "bearer  abc "})) == "abc"
    assert secret_of(Headers({"authorization": "Basic dTpwOnE=", "x-api-key": "k"})) == "k"
    assert secret_of(Headers({"authorization": "Basic dTpwOnE="})) == "p:q"
    assert secret_of(Headers({"authorization": "Negotiate x"})) == "" and secret_of(Headers({})) == ""


def test_the_form_goes_before_the_query() -> None:
    wanted = with_form(Wanted(top_k=2, novelty="off"), {"top_k": ["4"], "deny": ["a", "b"]})
    assert (wanted.top_k, wanted.novelty, wanted.deny) == (4, "off", ["a", "b"])
    with pytest.raises(BadField) as caught:
        with_form(Wanted(), {"top_k": ["x"]})
    assert caught.value.field == "top_k"
    with pytest.raises(ValidationError):
        Wanted(allow=["a\x00b"])


@pytest.mark.parametrize("text", ["{", "[]", '"a"', "1", '{"a": Infinity}', "[" * 3000, '{"a":' * 11 + "1" + "}" * 11])
def test_metadata_is_a_small_flat_object(text: str) -> None:
    with pytest.raises(BadField):
        metadata_of(text)


def test_metadata_that_is_fine() -> None:
    assert metadata_of(None) == metadata_of("") == metadata_of("{}") == {}
    assert metadata_of('{"a": {"b": [1, null, "é"]}}') == {"a": {"b": [1, None, "é"]}}


def test_a_manifest_that_was_changed_is_no_model(tiny_bundle: Bundle, tmp_path: Path) -> None:
    facts = json.loads((tiny_bundle.path / "bundle.json").read_text())
    catalog = Catalog([tmp_path], "tiny")
    (tmp_path / "tiny").mkdir()
    manifest = tmp_path / "tiny" / "bundle.json"
    for text in ("{", "[]", json.dumps(facts | {"labels": []}), json.dumps({"seal": 1})):
        manifest.write_text(text)
        assert "tiny" not in [model.name for model in catalog.models()]
    manifest.write_text(json.dumps(facts))
    assert catalog.find(None).labels == {"sunset", "forest", "sea"}
    facts["version"] = "2"
    manifest.write_text(json.dumps(facts | {"seal": seal(facts)}))
    assert catalog.find("tiny").version == "2"
    manifest.unlink()
    with pytest.raises(UnknownModel):
        catalog.find("tiny")


def test_every_error_has_a_status_and_a_code_of_its_own_kind() -> None:
    for kind, (status, code) in errors.TABLE.items():
        assert kind.__doc__ and 400 <= status <= 599 and code.isidentifier()


def test_times_are_utc_to_the_millisecond() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z" and iso(1769851800.1239) == "2026-01-31T09:30:00.123Z"
