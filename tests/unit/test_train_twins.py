import io
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.decode import decode
from model.limits import Limits
from model.train import twins
from model.train.augment import worse_copy

SIDE = 96


def picture(random: np.random.Generator) -> NDArray[np.uint8]:
    """A soft random landscape: no two alike."""
    small = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def facts(photos: list[NDArray[np.uint8]]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    seen = [twins.thumbnail(photo) for photo in photos]
    return np.array([bits for _, bits in seen], dtype=np.uint64), np.stack([thumb for thumb, _ in seen])


def test_other_size_quality_and_brightness_are_nearly_the_same() -> None:
    random = np.random.default_rng(0)
    photos = [picture(random) for _ in range(60)]
    copies = [decode(worse_copy(Image.fromarray(photo), random), SIDE, Limits()).pixels for photo in photos[:30]]
    copies += [(photo * 0.7 + 20).astype(np.uint8) for photo in photos[30:]]
    pairs = {tuple(pair) for pair in twins.near(*facts(photos + copies)).tolist()}
    wanted = {(i, i + 60) for i in range(60)}
    assert not pairs - wanted
    assert len(pairs) >= 57


def test_different_pictures_are_not() -> None:
    random = np.random.default_rng(1)
    assert len(twins.near(*facts([picture(random) for _ in range(200)]))) == 0


def test_blank_pictures_are_near_to_none() -> None:
    blank = [np.full((SIDE, SIDE, 3), value, np.uint8) for value in (10, 10, 200)]
    assert len(twins.near(*facts(blank))) == 0


def test_twins_are_told_by_file_and_by_look() -> None:
    random = np.random.default_rng(2)
    one, other = picture(random), picture(random)
    photos = [one, other, one, (one * 0.9).astype(np.uint8), one]
    found = twins.find(("a", "b", "a", "c", ""), *facts(photos))
    assert found.same == ((0, 2),)
    assert found.near.tolist() == [[0, 3]]  # the copy speaks through the first, and what could not be read not at all
    groups = found.groups(5)
    assert groups[0] == groups[2] == groups[3]
    assert len({groups[0], groups[1], groups[4]}) == 3


def test_nothing_to_look_at() -> None:
    empty = twins.find(("", ""), np.zeros(2, np.uint64), np.zeros((2, 16, 16), np.uint8))
    assert (empty.same, len(empty.near)) == ((), 0)


def test_photos_that_all_look_alike_do_not_cost_their_square() -> None:
    random = np.random.default_rng(3)
    base = np.asarray(Image.fromarray(picture(random)).convert("L").resize((16, 16)), dtype=np.int16)
    thumbs = (base + random.integers(-60, 60, (4_000, 16, 16))).clip(0, 255).astype(np.uint8)
    started = time.process_time()
    twins.near(np.zeros(4_000, np.uint64), thumbs)  # one hash for all: every pair is a candidate
    assert time.process_time() - started < 20  # all eight million pairs, for each of six bands, take a minute


def test_a_thumbnail_is_of_the_whole_photo() -> None:
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    photo[:, SIDE // 2 :] = 255
    thumb, bits = twins.thumbnail(photo)
    assert thumb.shape == (16, 16)
    assert thumb[:, :8].max() == 0
    assert thumb[:, 8:].min() == 255
    assert bits.bit_count() == 16  # the middle column of nine is half bright: two steps up in each of eight rows


def test_the_same_jpeg_in_two_qualities_has_nearly_one_hash() -> None:
    image = Image.fromarray(picture(np.random.default_rng(5)))
    seen = []
    for quality in (95, 40):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        seen.append(twins.thumbnail(decode(buffer.getvalue(), SIDE, Limits()).pixels)[1])
    assert (seen[0] ^ seen[1]).bit_count() <= 5
