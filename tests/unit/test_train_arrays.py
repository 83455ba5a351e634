from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.decode import decode
from model.limits import Limits
from model.train.data import DataError, PhotoSet, open_photos

RANDOM = np.random.default_rng(4)


def grey(count: int, side: int = 28) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, side, side), dtype=np.uint8)


def saved(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "pictures.npz"
    np.savez(path, **arrays)
    return path


def numbers(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.uint8)


def both(tmp_path: Path, **more: Any) -> Path:
    return saved(
        tmp_path,
        train_images=grey(12),
        train_labels=numbers(6, 6),
        test_images=grey(8),
        test_labels=numbers(4, 4),
        **more,
    )


def test_numbers_name_themselves(tmp_path: Path) -> None:
    photos = open_photos(saved(tmp_path, train_images=grey(12), train_labels=numbers(6, 0, 6)))
    assert photos.labels == ("0", "2")
    assert photos.counts() == {"0": 6, "2": 6}


def test_plain_keys_do_as_well(tmp_path: Path) -> None:
    photos = open_photos(saved(tmp_path, images=grey(12), labels=numbers(6, 6)), labels=("shoe", "bag"))
    assert photos.labels == ("shoe", "bag")
    assert photos.targets.tolist() == numbers(6, 6).tolist()


def test_names_come_from_the_file_the_option_or_the_model(tmp_path: Path) -> None:
    path = both(tmp_path, labels=np.array(["shoe", "bag"]))
    assert open_photos(path).labels == ("shoe", "bag")
    assert open_photos(path, labels=("boot", "purse")).labels == ("boot", "purse")
    assert open_photos(both(tmp_path), ("boot", "purse"), part="test").labels == ("boot", "purse")


def test_the_test_part_is_kept_apart(tmp_path: Path) -> None:
    path = both(tmp_path)
    train, test = open_photos(path), open_photos(path, part="test")
    assert (len(train), len(test)) == (12, 8)
    assert not {train.source.digest(name) for name in train.names} & {test.source.digest(name) for name in test.names}


@pytest.mark.parametrize("colour", [False, True])
def test_an_array_is_seen_as_its_file_would_be(tmp_path: Path, colour: bool) -> None:
    images = RANDOM.integers(0, 256, (12, 30, 22, 3), dtype=np.uint8) if colour else grey(12)
    photos = open_photos(saved(tmp_path, images=images, labels=numbers(6, 6)))
    name = photos.names[7]
    seen = photos.source.look(name, 48)
    file = decode(photos.read(name), 48, Limits())
    assert np.array_equal(seen.pixels, file.pixels)
    assert (seen.width, seen.height) == (file.width, file.height) == (images.shape[2], images.shape[1])
    if not colour:
        assert np.array_equal(seen.pixels[..., 0], seen.pixels[..., 2])


def test_chosen_pictures_keep_their_own_pixels(tmp_path: Path) -> None:
    images = grey(12)
    photos = open_photos(saved(tmp_path, images=images, labels=numbers(6, 6)))
    some: PhotoSet = photos.take(np.array([11, 2]))
    assert np.array_equal(some.source.look(some.names[0], 28).pixels[..., 0], images[11])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": grey(8).astype(np.float32) / 255, "labels": numbers(4, 4)}, "images is float32; it must be uint8"),
        ({"images": grey(8).reshape(8, -1), "labels": numbers(4, 4)}, r"images has the shape \[8, 784\]"),
        ({"images": grey(8)[..., None], "labels": numbers(4, 4)}, r"the shape \[8, 28, 28, 1\]"),
        ({"images": grey(8, 8), "labels": numbers(4, 4)}, "8 x 8 pixels; at least 16 x 16"),
        ({"images": grey(8), "labels": numbers(4, 3)}, "8 pictures in images but 7 in labels"),
        ({"images": grey(8), "labels": numbers(4, 4).astype(float)}, "one whole number for each picture"),
        ({"images": grey(8), "labels": np.eye(8, 2, dtype=int)}, "one whole number for each picture"),
        ({"images": grey(8), "labels": numbers(4, 4).astype(int) - 1}, "the number -1; numbers start at 0"),
        ({"images": grey(8)}, "holds no labels; it holds images"),
        ({"pixels": grey(8)}, "holds no train_images; it holds pixels"),
        ({"images": grey(8), "labels": numbers(8)}, "at least two classes"),
        ({"images": grey(8), "labels": numbers(5, 3)}, "Too few photos .* of: 1"),
        ({"images": grey(8), "labels": np.array([{}] * 8)}, "cannot be read as an .npz"),
        (
            {"train_images": grey(8), "train_labels": numbers(4, 4), "labels": np.array([1, 2])},
            "labels must be a list of names",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_photos(saved(tmp_path, **arrays))


def test_a_number_without_a_name_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, images=grey(12), labels=numbers(4, 4, 4))
    with pytest.raises(DataError, match="no name is given for the number 2 in labels; there are 2 names"):
        open_photos(path, labels=("a", "b"))


def test_a_name_without_a_picture_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are no photos of: c"):
        open_photos(both(tmp_path), labels=("a", "b", "c"))


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no test_images"):
        open_photos(saved(tmp_path, images=grey(8), labels=numbers(4, 4)), part="test")


def test_a_test_number_that_training_never_saw(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        train_images=grey(8),
        train_labels=numbers(4, 4),
        test_images=grey(12),
        test_labels=numbers(4, 4, 4),
    )
    with pytest.raises(DataError, match="test_labels has the number 2, which train_labels does not have"):
        open_photos(path, part="test")


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(both(tmp_path).read_bytes()[:400])
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        open_photos(path)
