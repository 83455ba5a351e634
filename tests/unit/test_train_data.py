import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.train.data import DataError, decoded, open_photos, split


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
    train, held = split(photos, 0.2, seed=1)
    assert held.counts() == {"attic": 1, "beach": 2}
    assert sorted(train.names + held.names) == sorted(photos.names)
    assert split(photos, 0.2, seed=1)[1].names == held.names


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


def test_photos_are_decoded_once_and_mapped_again(folder: Path, tmp_path: Path) -> None:
    photos = open_photos(folder)
    first = decoded(photos, 32, tmp_path / "work", lambda words: None)
    again = decoded(photos, 32, tmp_path / "work", lambda words: None)
    assert first.shape == (15, 32, 32, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert len(list((tmp_path / "work").iterdir())) == 1


def test_unreadable_photos_are_named_before_any_training(folder: Path, tmp_path: Path) -> None:
    (folder / "beach" / "0.jpg").write_bytes(b"this is no picture")
    with pytest.raises(DataError, match=r"beach/0\.jpg \(not_an_image\)"):
        decoded(open_photos(folder), 32, tmp_path / "work", lambda words: None)
    assert not list((tmp_path / "work").iterdir())
