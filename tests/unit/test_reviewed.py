"""Reviewed photos become folders of labels: nothing twice, nothing outside, nothing lost without being named."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.reviewed import DataSet, PhotoMissing, folder_name
from client.values import Item, Review

START = datetime(2026, 1, 1, tzinfo=UTC)


def reviewed(number: int, label: str | None, day: int = 0, judged: str | None = "sea") -> Item:
    review = Review(label, label == judged, START + timedelta(days=day))
    return Item(
        f"J-{number}", "J", number, f"{number}.jpg", "accepted", None, "", judged, 0.9, (), "m", "1", review, {}
    )


def by_number(item: Item) -> bytes:
    return f"photo {item.position}".encode()


def filled(
    folder: Path, items: list[Item], fetch: Callable[[Item], bytes] = by_number, holdout: float = 0.0
) -> DataSet:
    made = DataSet(folder, holdout)
    made.fill(items, fetch, lambda done: None)
    return made


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"manifest.jsonl"}


def lines(folder: Path) -> list[dict[str, str | None]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_labels_become_folders_and_none_of_these_outliers(tmp_path: Path) -> None:
    made = filled(tmp_path, [reviewed(0, "sea"), reviewed(1, "forest"), reviewed(2, None), reviewed(3, "sea")])

    assert files(tmp_path) == {
        "train/sea/J-0.jpg",
        "train/forest/J-1.jpg",
        "train-outliers/J-2.jpg",
        "train/sea/J-3.jpg",
    }
    assert (made.counts("train"), made.outliers("train")) == ({"forest": 1, "sea": 2}, 1)
    assert lines(tmp_path)[1] == {
        "file": "train/forest/J-1.jpg",
        "item": "J-1",
        "job": "J",
        "name": "1.jpg",
        "model": "m",
        "version": "1",
        "decision": "accepted",
        "judged": "sea",
        "reviewed": "forest",
        "reviewed_at": "2026-01-01T00:00:00+00:00",
    }


@pytest.mark.parametrize("days", [(0, 1), (1, 0)])
def test_of_the_same_photo_the_later_review_counts(tmp_path: Path, days: tuple[int, int]) -> None:
    items = [reviewed(0, "sea", days[0]), reviewed(1, "forest", days[1])]

    made = filled(tmp_path, items, lambda item: b"the same photo")

    kept = "train/sea/J-0.jpg" if days[0] else "train/forest/J-1.jpg"
    assert files(tmp_path) == {kept}
    assert [line["file"] for line in lines(tmp_path)] == [kept]
    assert (made.reviewed, made.repeated, sum(made.counts("train").values())) == (2, 1, 1)


def test_photos_that_are_gone_are_named_and_the_others_stay(tmp_path: Path) -> None:
    def fetch(item: Item) -> bytes:
        if item.position == 1:
            raise PhotoMissing("upload_gone")
        return by_number(item)

    made = filled(tmp_path, [reviewed(n, "sea") for n in range(3)], fetch)

    assert made.missing == {"upload_gone": ["J-1 (1.jpg)"]}
    assert files(tmp_path) == {"train/sea/J-0.jpg", "train/sea/J-2.jpg"}
    assert [line.get("missing") for line in lines(tmp_path)] == [None, "upload_gone", None]


def test_a_photo_stays_in_its_part_when_more_come(tmp_path: Path) -> None:
    items = [reviewed(n, None if n % 4 == 0 else "sea") for n in range(400)]
    for name, some in (("small", items[::2]), ("large", items[::-1])):
        (tmp_path / name).mkdir()
        filled(tmp_path / name, some, holdout=0.25)

    assert files(tmp_path / "small") < files(tmp_path / "large")
    test = [name for name in files(tmp_path / "large") if name.startswith("test")]
    assert 60 <= len(test) <= 140
    assert {name.split("/")[0] for name in test} == {"test", "test-outliers"}


@pytest.mark.parametrize(
    ("label", "folder"),
    [
        ("sea", "sea"),
        ("hen-of-the-woods", "hen-of-the-woods"),
        ("Grand piano", "Grand piano"),
        ("海 🌊", "海 🌊"),
        ("a/b", "a_b"),
        ("../../etc", "_/.._etc".replace("/", "_")),
        (".hidden", "_hidden"),
        ("..", "_"),
        ("__MACOSX", "___MACOSX"),
        ("a\x00\nb", "a__b"),
        ("end. ", "end"),
    ],
)
def test_any_label_has_a_visible_folder(label: str, folder: str) -> None:
    assert folder_name(label) == folder


def test_labels_that_look_alike_do_not_mix(tmp_path: Path) -> None:
    made = filled(tmp_path, [reviewed(n, label) for n, label in enumerate(("a/b", "a_b", "A_B", "x" * 500))])

    assert len({folder.casefold() for folder in made.folders.values()}) == 4
    assert made.folders["a_b"] == "a_b~2"
    assert {path.count("/") for path in files(tmp_path)} == {2}


def test_zips_hold_what_the_folders_held(tmp_path: Path) -> None:
    made = filled(tmp_path, [reviewed(0, "sea"), reviewed(1, "forest"), reviewed(2, None)])

    made.zip()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.jsonl", "train-outliers.zip", "train.zip"]
    with zipfile.ZipFile(tmp_path / "train.zip") as archive:
        assert sorted(archive.namelist()) == ["forest/J-1.jpg", "sea/J-0.jpg"]
        assert archive.read("sea/J-0.jpg") == b"photo 0"
