import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.train.data import DataError, open_photos, split


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for label, count in (("beach", 10), ("attic", 5)):
        (root / label).mkdir(parents=True)
        for i in range(count):
            (root / label / f"{i}.jpg").write_bytes(jpeg((20 * i, 90, 200)))
    (root / "beach" / ".DS_Store").write_bytes(b"junk")
    (root / "beach" / "notes.txt").write_bytes(b"junk")
    return root


def test_a_folder_per_class_becomes_labels_and_targets(folder: Path) -> None:
    photos = open_photos(folder)
    assert photos.labels == ("attic", "beach")
    assert photos.counts() == {"attic": 5, "beach": 10}
    assert photos.names[0] == "attic/0.jpg"


def test_a_zip_of_the_folder_is_the_same_set(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("wrapped") / file.relative_to(folder))
        archive.writestr("__MACOSX/beach/0.jpg", b"junk")
    zipped, plain = open_photos(path), open_photos(folder)
    assert zipped.labels == plain.labels
    assert zipped.targets.tolist() == plain.targets.tolist()
    assert [zipped.read(name) for name in zipped.names] == [plain.read(name) for name in plain.names]


def test_a_split_takes_its_share_of_every_class_and_repeats(folder: Path) -> None:
    photos = open_photos(folder)
    train, held = split(photos.targets, 0.2, seed=1)
    assert photos.take(held).counts() == {"attic": 1, "beach": 2}
    assert sorted([*train, *held]) == list(range(15))
    assert split(photos.targets, 0.2, seed=1)[1].tolist() == held.tolist()
    assert split(photos.targets, 0.2, seed=2)[1].tolist() != held.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_a_split_keeps_twins_on_one_side(seed: int) -> None:
    targets, groups = np.repeat([0, 1], 40), np.arange(80) // 4
    train, held = split(targets, 0.25, seed, groups)
    assert not set(groups[train]) & set(groups[held])
    assert np.bincount(targets[held]).tolist() == [8, 8]  # two groups of four; a third would be too much


def test_a_class_of_twins_alone_is_split_all_the_same() -> None:
    train, held = split(np.repeat([0, 1], 10), 0.2, 1, np.repeat([0, 1], 10))
    assert (len(train), len(held)) == (16, 4)


def test_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    for i in range(5):
        (tmp_path / "only" / f"{i}.jpg").write_bytes(jpeg((i, i, i)))
    with pytest.raises(DataError, match="at least two classes"):
        open_photos(tmp_path)


def test_a_class_with_too_few_photos_is_named(folder: Path) -> None:
    (folder / "cellar").mkdir()
    (folder / "cellar" / "0.jpg").write_bytes(jpeg((1, 2, 3)))
    with pytest.raises(DataError, match="cellar"):
        open_photos(folder)


def test_validation_photos_must_have_the_same_classes(folder: Path) -> None:
    with pytest.raises(DataError, match="training has attic, beach, cellar"):
        open_photos(folder, ("attic", "beach", "cellar"))


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("hello")
    with pytest.raises(DataError, match="neither a folder nor a ZIP"):
        open_photos(tmp_path / "data.txt")


def test_an_empty_class_is_named(folder: Path) -> None:
    (folder / "cellar").mkdir()
    (folder / "cellar" / "notes.txt").write_bytes(b"junk")
    with pytest.raises(DataError, match="hold no photos: cellar"):
        open_photos(folder)


def test_an_empty_class_in_a_zip_is_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.jpg"):
            archive.write(file, file.relative_to(folder))
        archive.writestr("cellar/", b"")
    with pytest.raises(DataError, match="hold no photos: cellar"):
        open_photos(path)


def test_hidden_folders_are_no_classes(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / "beach" / "@eaDir").mkdir()
    (folder / "beach" / "@eaDir" / ".thumb").mkdir()
    with pytest.raises(DataError, match="@eaDir"):
        open_photos(folder)
    (folder / "beach" / "@eaDir" / ".thumb").rmdir()
    (folder / "beach" / "@eaDir").rmdir()
    assert open_photos(folder).labels == ("attic", "beach")


def test_what_is_left_out_is_told(folder: Path) -> None:
    (folder / "stray.jpg").write_bytes(jpeg((1, 2, 3)))
    assert open_photos(folder).skipped == ("beach/notes.txt", "stray.jpg")


def test_validation_photos_keep_the_order_of_the_labels(folder: Path) -> None:
    photos = open_photos(folder, ("beach", "attic"))
    assert photos.labels == ("beach", "attic")
    assert photos.counts() == {"beach": 10, "attic": 5}
    assert all(photos.labels[target] in name for name, target in zip(photos.names, photos.targets, strict=True))


def test_folders_name_themselves(folder: Path) -> None:
    with pytest.raises(DataError, match="folders name the classes"):
        open_photos(folder, labels=("a", "b"))
