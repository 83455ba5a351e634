import io

import numpy as np
import torch
from PIL import Image

from model.train.augment import Augmentation, views, worse_copy, worsen


def photos(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3), dtype=np.uint8)


def test_views_have_the_asked_size_and_stay_in_range() -> None:
    seen = views(torch.rand(5, 3, 48, 48), 32, Augmentation(), np.random.default_rng(1))
    assert seen.shape == (5, 3, 32, 32)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1


def test_the_same_seed_gives_the_same_views() -> None:
    images = torch.rand(5, 3, 48, 48)
    one, two = (views(images, 32, Augmentation(), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, views(images, 32, Augmentation(), np.random.default_rng(4)))


def test_without_any_strength_a_view_is_the_photo_or_its_mirror_image() -> None:
    still = Augmentation(smallest=1.0, aspect=1.0, tilted=0.0, colour=0.0)
    images = torch.rand(8, 3, 16, 16)
    seen = views(images, 16, still, np.random.default_rng(0))
    mirrored = 0
    for image, view in zip(images, seen, strict=True):
        straight = torch.allclose(view, image, atol=1e-4)
        mirrored += not straight
        assert straight or torch.allclose(view, image.flip(2), atol=1e-4)
    assert 0 < mirrored < 8


def test_worsening_touches_the_asked_share_and_keeps_the_size() -> None:
    before = photos(60)
    kept = before.copy()
    after = worsen(before, 0.3, np.random.default_rng(5))
    changed = int((after != before).any(axis=(1, 2, 3)).sum())
    assert after.shape == before.shape
    assert 8 <= changed <= 30
    assert np.array_equal(before, kept)


def test_a_worse_copy_is_a_jpeg_no_larger_than_the_photo() -> None:
    random = np.random.default_rng(6)
    sizes = set()
    for _ in range(10):
        with Image.open(io.BytesIO(worse_copy(Image.fromarray(photos(1)[0]), random))) as copy:
            assert copy.format == "JPEG"
            sizes.add(copy.size)
    assert len(sizes) > 1
    assert max(sizes) <= (48, 48)
