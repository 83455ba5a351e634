"""Varied views of training photos: geometry and colour on whole batches, resolution and JPEG quality one by one."""

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a view may stray. Fractions are of the photo's side, ``smallest`` of its area; angles are in degrees."""

    smallest: float = 0.4
    aspect: float = 1.25
    rotation: float = 20.0
    shear: float = 0.2
    tilted: float = 0.4
    colour: float = 0.3
    worsened: float = 0.3


# A small picture of one centred thing loses it to what a large photo of a whole scene hardly notices.
SMALL = Augmentation(smallest=0.75, aspect=1.15, rotation=8.0, shear=0.08, tilted=0.5, colour=0.2, worsened=0.15)
AUGMENTATIONS = {"photos": Augmentation(), "small": SMALL}


def worse_copy(image: Image.Image, random: np.random.Generator) -> bytes:
    """The photo as other cameras and programs might have saved it: a JPEG of other resolution, sharpness and quality.

    The pixel size falls to between 40 and 100 %; half of the copies are sharpened, since a large photo that is reduced
    shows finer detail than a small one that is enlarged. Quality lies between 30 and 95.
    """
    scale = random.uniform(0.4, 1.0) if random.random() < 0.5 else 1.0
    if scale < 1.0:
        image = image.resize(
            (max(16, round(image.width * scale)), max(16, round(image.height * scale))), Image.Resampling.BICUBIC
        )
    if random.random() < 0.5:
        image = image.filter(ImageFilter.UnsharpMask(random.uniform(0.6, 1.5), int(random.integers(40, 160)), 0))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(random.integers(30, 96)))
    return buffer.getvalue()


def worsen(photos: NDArray[np.uint8], share: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """The batch uint8 [N, S, S, 3] with about ``share`` of its photos replaced by worse copies of the same size."""
    photos = photos.copy()
    size = (photos.shape[2], photos.shape[1])
    for i in np.flatnonzero(random.random(len(photos)) < share):
        with Image.open(io.BytesIO(worse_copy(Image.fromarray(photos[i]), random))) as copy:
            photos[i] = np.asarray(copy.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    return photos


def views(photos: torch.Tensor, size: int, augmentation: Augmentation, random: np.random.Generator) -> torch.Tensor:
    """Float [N, 3, S, S] in [0, 1] -> [N, 3, size, size]: crop, zoom, turn, shear, mirror and colour, each at random.

    All the geometry is one affine map per photo, sampled once; what falls outside is mirrored in.
    """
    theta = torch.from_numpy(_maps(len(photos), augmentation, random)).to(photos.device)
    grid = functional.affine_grid(theta, [len(photos), 3, size, size], align_corners=False)
    seen = functional.grid_sample(photos, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return _coloured(seen, augmentation.colour, random)


def _maps(count: int, augmentation: Augmentation, random: np.random.Generator) -> NDArray[np.float32]:
    """Affine maps [N, 2, 3] from the view's coordinates in [-1, 1] to the photo's."""
    maps = np.zeros((count, 2, 3), dtype=np.float32)
    for i in range(count):
        side = math.sqrt(random.uniform(augmentation.smallest, 1.0))
        aspect = math.exp(random.uniform(-1, 1) * math.log(augmentation.aspect) / 2)
        wide, high = min(1.0, side * aspect), min(1.0, side / aspect)
        angle = shear = 0.0
        if random.random() < augmentation.tilted:
            angle = math.radians(random.uniform(-augmentation.rotation, augmentation.rotation))
            shear = random.uniform(-augmentation.shear, augmentation.shear)
        mirror = -1.0 if random.random() < 0.5 else 1.0
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        maps[i, :, :2] = turn @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag([mirror * wide, high])
        maps[i, :, 2] = random.uniform(-1, 1) * (1 - wide), random.uniform(-1, 1) * (1 - high)
    return maps


def _coloured(photos: torch.Tensor, strength: float, random: np.random.Generator) -> torch.Tensor:
    """Brightness, contrast, saturation and tint, each by a factor within ``strength`` (tint: a third of it)."""

    def factors(spread: float, channels: int = 1) -> torch.Tensor:
        drawn = 1 + random.uniform(-spread, spread, (len(photos), channels, 1, 1)).astype(np.float32)
        return torch.from_numpy(drawn).to(photos.device)

    photos = photos * factors(strength) * factors(strength / 3, 3)
    mean = photos.mean((1, 2, 3), keepdim=True)
    photos = (photos - mean) * factors(strength) + mean
    grey = photos.mean(1, keepdim=True)
    return ((photos - grey) * factors(strength) + grey).clamp(0, 1)
