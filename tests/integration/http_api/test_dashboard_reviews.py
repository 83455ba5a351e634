"""What reviewers say, taken to a served API: what can be kept is, and the rest is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.client import Client
from client.upload import Upload
from dashboard.parts.reviews import say
from db.store.keys import Scope
from settings import Settings

KEPT, NOT = ":material/check:", ":material/error:"


@pytest.fixture
def client(api: Any) -> Iterator[Client]:
    """A reviewer who is an owner of their own."""
    with Client(api.url, api.key(Scope.SUBMIT, Scope.READ, Scope.REVIEW), patience=0) as found:
        yield found


@pytest.fixture
def photos(api: Any, client: Client, scene: Callable[..., bytes], judged: Any) -> list[str]:
    """The ids of their photos: seas, and the third without a tag."""

    def photo(n: int) -> Upload:
        data = scene("sea", n)
        return Upload(f"{n}.jpg", "image/jpeg", lambda: [data], len(data), len(data))

    job = client.submit([photo(n) for n in range(4)])
    assert api.judge(job.id, judged) == 4
    return [item.id for item in client.items(job.id)]


def reviewed(client: Client, photos: list[str]) -> dict[str, str | None]:
    """Their true labels, of those that were reviewed."""
    found = (client.item(one) for one in photos)
    return {item.id: item.review.label for item in found if item.review is not None}


def test_many_are_kept_and_taken_back(client: Client, photos: list[str]) -> None:
    assert say(client, {"ids": photos, "correct": True}) == [("4 photos reviewed", KEPT)]
    assert reviewed(client, photos) == dict(zip(photos, ("sea", "sea", None, "sea"), strict=True))
    assert say(client, {"ids": photos[:1], "label": "forest"}) == [("1 photo reviewed", KEPT)]
    assert say(client, {"ids": photos[1:], "undo": True}) == []
    assert reviewed(client, photos) == {photos[0]: "forest"}


def test_one_that_cannot_be_reviewed_keeps_no_other_from_it(client: Client, photos: list[str]) -> None:
    gone = photos[0].replace("-0", "-99")
    for said in ({"correct": True}, {"label": "forest"}, {"label": None}, {"undo": True}):
        told = say(client, {"ids": [photos[0], gone, photos[3]], **said})
        text, icon = told[-1]
        assert text.startswith("1 photo not reviewed. There is no such") and icon == NOT
        assert [one for one, _ in told[:-1]] == ([] if "undo" in said else ["2 photos reviewed"])
        kept = reviewed(client, photos)
        assert set(kept) == (set() if "undo" in said else {photos[0], photos[3]})
        assert set(kept.values()) <= {"sea" if "correct" in said else said.get("label")}


def test_a_label_that_the_model_does_not_have_is_told(client: Client, photos: list[str]) -> None:
    ((text, icon),) = say(client, {"ids": photos, "label": "unicorn"})
    assert text.startswith("4 photos not reviewed. The model tiny has no label") and icon == NOT
    assert reviewed(client, photos) == {}


def test_who_may_not_review_is_told_once(api: Any, client: Client, photos: list[str]) -> None:
    owner = client.me()["owner"]
    with Client(api.url, api.key(Scope.READ, owner=owner), patience=0) as reader:
        ((text, icon),) = say(reader, {"ids": photos, "correct": True})
    assert text.startswith("4 photos not reviewed.") and icon == NOT
    assert reviewed(client, photos) == {}


def test_an_api_that_is_away_is_told(serve: Any, tmp_path: Path) -> None:
    with serve(Settings(_env_file=None, data_dir=tmp_path, min_free_bytes=1)) as away:
        url = away.url
    for said in ({"correct": True}, {"undo": True}):
        with Client(url, "shoebox_none", patience=0) as client:
            ((text, icon),) = say(client, {"ids": ["a-1", "a-2"], **said})
        assert text.startswith("2 photos not reviewed. Shoebox does not answer at present.") and icon == NOT
