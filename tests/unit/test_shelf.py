"""Models side by side: which is found, which is current, what may go."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from model.bundle import Bundle, BundleDamaged, BundleMissing, seal
from model.bundle_write import write_bundle
from model.promoted import CURRENT
from model.shelf import Shelf, ShelfRefused, in_order

Make = Callable[..., Path]


@pytest.fixture
def make(tiny_bundle: Bundle, tmp_path: Path) -> Make:
    """``make(version, name, folder)``: a bundle in the user's folder, or elsewhere."""

    def bundle(version: str, name: str = "tiny", folder: str | None = None) -> Path:
        path = tmp_path / "models" / (folder or f"{name}@{version}")
        files = {file: tiny_bundle.path / file for file in tiny_bundle.files}
        return write_bundle(path, tiny_bundle.manifest(name=name, version=version), files).path

    return bundle


@pytest.fixture
def shelf(tmp_path: Path, tiny_bundle: Bundle) -> Shelf:
    """An empty user's folder, beside a built-in folder with ``scenes`` 1."""
    files = {file: tiny_bundle.path / file for file in tiny_bundle.files}
    write_bundle(tmp_path / "built-in" / "scenes", tiny_bundle.manifest(name="scenes", version="1"), files)
    return Shelf([tmp_path / "models"], built_in=tmp_path / "built-in")


def again(shelf: Shelf, default: str = "") -> Shelf:
    """The same folders, as another process sees them."""
    return Shelf([shelf.home], default, shelf.home.parent / "built-in")


def test_versions_stand_side_by_side_and_the_lowest_is_current_until_one_is_promoted(shelf: Shelf, make: Make) -> None:
    make("10")
    make("9", folder="tiny")
    found = [(m.name, m.version, m.current, m.default, m.built_in) for m in shelf.models()]
    assert found == [
        ("scenes", "1", True, True, True),
        ("tiny", "9", True, False, False),
        ("tiny", "10", False, False, False),
    ]
    assert shelf.find("tiny").version == "9"
    assert shelf.find("tiny@10").version == shelf.find("tiny", "10").version == "10"
    assert shelf.find().key == ("scenes", "1")
    assert shelf.problems() == []


def test_the_manifest_counts_and_not_the_folder(shelf: Shelf, make: Make) -> None:
    make("3", folder="something else")
    assert shelf.find("tiny").version == "3"
    with pytest.raises(BundleMissing, match=r"'something'.*scenes@1, tiny@3"):
        shelf.find("something")


def test_of_two_folders_with_one_name_and_version_the_first_is_used_and_the_other_named(
    shelf: Shelf, make: Make
) -> None:
    first = make("1", name="scenes", folder="a")
    second = make("1", name="scenes", folder="b")
    assert shelf.find("scenes").path == first
    assert [problem.path for problem in shelf.problems()] == [shelf.home.parent / "built-in" / "scenes", second]
    assert "scenes@1 is in" in shelf.problems()[1].why


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"seal": 1}', '{"seal": "ab", "name": 7}', "\x00", '{"a": NaN}'])
def test_a_manifest_that_is_not_ours_is_a_problem_and_no_model(shelf: Shelf, make: Make, text: str) -> None:
    make("1")
    other = shelf.home / "other"
    other.mkdir()
    (other / "bundle.json").write_text(text)
    assert [model.name for model in shelf.models()] == ["scenes", "tiny"]
    [problem] = shelf.problems()
    assert problem.path == other and "bundle.json" in problem.why


def test_a_sealed_manifest_that_describes_no_model_is_a_problem(shelf: Shelf, make: Make) -> None:
    path = make("1") / "bundle.json"
    facts = json.loads(path.read_text()) | {"version": "../1"}
    path.write_text(json.dumps(facts | {"seal": seal(facts)}))
    assert [model.name for model in shelf.models()] == ["scenes"]
    assert "version" in shelf.problems()[0].why


def test_promoting_makes_a_version_current_and_its_name_the_default(shelf: Shelf, make: Make) -> None:
    make("1")
    make("2")
    watching = again(shelf)
    assert watching.find().name == "scenes"
    chosen = shelf.promote("tiny@2")
    assert chosen.current and chosen.default
    assert watching.find().key == watching.find("tiny").key == ("tiny", "2")
    shelf.promote("tiny", "1", default=False)
    shelf.promote("scenes", default=False)
    assert watching.find().key == ("tiny", "1")
    assert json.loads((shelf.home / CURRENT).read_text()) == {
        "default": "tiny",
        "versions": {"tiny": "1", "scenes": "1"},
    }
    assert sorted(path.name for path in shelf.home.iterdir()) == [CURRENT, "tiny@1", "tiny@2"]


def test_the_setting_wins_over_what_was_promoted(shelf: Shelf, make: Make) -> None:
    make("1")
    make("2")
    shelf.promote("tiny@2")
    assert again(shelf, "scenes").find().key == ("scenes", "1")
    assert again(shelf, "tiny@1").find().key == ("tiny", "1")
    assert [m.key for m in again(shelf, "tiny@1").models() if m.default] == [("tiny", "1")]
    assert again(shelf, "tiny").find().key == ("tiny", "2")


def test_what_is_not_whole_is_not_promoted(shelf: Shelf, make: Make) -> None:
    weights = make("2") / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BundleDamaged, match=r"weights\.safetensors"):
        shelf.promote("tiny")
    with pytest.raises(BundleMissing, match="tiny@7"):
        shelf.promote("tiny@7")
    assert shelf.find().name == "scenes" and not (shelf.home / CURRENT).exists()


def test_a_promoted_version_that_vanished_gives_way_and_a_default_that_vanished_is_said(
    shelf: Shelf, make: Make
) -> None:
    make("1")
    shelf.promote(make("2").name)
    shutil.rmtree(shelf.home / "tiny@2")
    assert shelf.find("tiny").version == "1"
    shutil.rmtree(shelf.home / "tiny@1")
    with pytest.raises(BundleMissing, match="'tiny'"):
        shelf.find()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"default": 1, "versions": {}}', '{"default": null, "versions": {"a": 1}}']
)
def test_a_damaged_record_of_promotions_is_named_and_can_be_written_anew(shelf: Shelf, make: Make, text: str) -> None:
    make("1")
    (shelf.home / CURRENT).write_text(text)
    assert shelf.find().name == "scenes"
    assert [problem.path.name for problem in shelf.problems()] == [CURRENT]
    assert shelf.promote("tiny").default
    assert shelf.problems() == []


def test_promotions_at_the_same_moment_are_all_kept(shelf: Shelf, make: Make) -> None:
    names = [f"model-{number}" for number in range(6)]
    for name in names:
        make("2", name)
    threads = [threading.Thread(target=again(shelf).promote, args=(f"{name}@2",)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads((shelf.home / CURRENT).read_text())["versions"]) == set(names)


def test_what_came_along_and_what_is_the_default_stay(shelf: Shelf, make: Make) -> None:
    make("1")
    shelf.promote("tiny")
    with pytest.raises(ShelfRefused, match="promote another"):
        shelf.remove("tiny")
    with pytest.raises(ShelfRefused, match="came with Shoebox"):
        shelf.remove("scenes")
    shelf.promote("scenes")
    assert shelf.remove("tiny@1").version == "1"
    assert [path.name for path in shelf.home.iterdir()] == [CURRENT]
    assert json.loads((shelf.home / CURRENT).read_text())["versions"] == {"scenes": "1"}
    with pytest.raises(BundleMissing):
        shelf.remove("tiny")


def test_removing_a_link_leaves_what_it_points_at(shelf: Shelf, make: Make, tmp_path: Path) -> None:
    elsewhere = shutil.move(make("1"), tmp_path / "elsewhere")
    (shelf.home / "tiny").symlink_to(elsewhere)
    shelf.remove("tiny")
    assert Bundle.open(Path(elsewhere)).name == "tiny" and list(shelf.home.glob("tiny*")) == []


def test_adding_copies_what_is_sealed_and_nothing_else(shelf: Shelf, tiny_bundle: Bundle, tmp_path: Path) -> None:
    source = tmp_path / "downloaded"
    shutil.copytree(tiny_bundle.path, source)
    (source / "notes.txt").write_text("mine")
    added = shelf.add(source)
    assert added.key == ("tiny", "1") and added.path == shelf.home / "tiny@1"
    assert added.checksum == tiny_bundle.checksum == Bundle.open(added.path).checksum
    assert not (added.path / "notes.txt").exists()
    assert shelf.add(source).path == added.path
    other = shelf.add(source, name="other")
    assert other.key == ("other", "1") and other.checksum != added.checksum
    assert Bundle.open(other.path).labels == tiny_bundle.labels


def test_another_model_of_a_name_and_version_that_is_there_is_refused(
    shelf: Shelf, make: Make, tiny_bundle: Bundle
) -> None:
    make("1", name="scenes", folder="../fresh")
    with pytest.raises(ShelfRefused, match="scenes@1"):
        shelf.add(tiny_bundle.path, name="scenes")
    assert not shelf.home.exists() or list(shelf.home.iterdir()) == []
    assert shelf.next_version("scenes") == "2" and shelf.next_version("new") == "1"


def test_a_damaged_bundle_is_not_added(shelf: Shelf, make: Make) -> None:
    source = make("1", folder="../fresh")
    (source / "card.md").write_text("changed")
    with pytest.raises(BundleDamaged, match=r"card\.md"):
        shelf.add(source)
    assert shelf.models()[-1].name == "scenes"


def test_a_manifest_that_changed_is_read_again(shelf: Shelf, make: Make) -> None:
    path = make("1", folder="tiny") / "bundle.json"
    before = shelf.find("tiny")
    facts = json.loads(path.read_text()) | {"version": "5"}
    path.write_text(json.dumps(facts | {"seal": seal(facts)}))
    assert shelf.find("tiny").version == "5" and shelf.find("tiny").checksum != before.checksum


def test_versions_are_sorted_as_people_count() -> None:
    versions = ["1.10", "2", "1.9", "1", "1.9-rc1", "10"]
    assert sorted(versions, key=in_order) == ["1", "1.9", "1.9-rc1", "1.10", "2", "10"]
