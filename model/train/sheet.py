"""Contact sheets: rows of small pictures with their names, as PNG."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.train.augment import Augmentation, views, worsen
from model.train.network import as_images

TILE = 96
GAP = 4
LINE = 18
COLUMNS = 10
ROWS = 40
WIDEST = 1200  # pixels that words may take

Row = tuple[str, Sequence[NDArray[np.uint8]]]


def sheet(rows: Sequence[Row], tile: int = TILE) -> bytes:
    """A PNG of rows of pictures uint8 [S, S, 3], each row under its words."""
    font, high = ImageFont.load_default(12), LINE + tile + GAP
    wide = max([tile, *(len(pictures) * (tile + GAP) for _, pictures in rows)])
    words_wide = max([0, *(font.getlength(words) for words, _ in rows)])
    wide = max(wide, min(WIDEST, round(words_wide))) + 2 * GAP
    page = Image.new("RGB", (wide, max(1, len(rows)) * high + GAP), "white")
    pen = ImageDraw.Draw(page)
    for i, (words, pictures) in enumerate(rows):
        pen.text((GAP, i * high + 2), words, fill="black", font=font)
        for j, picture in enumerate(pictures):
            small = Image.fromarray(picture).resize((tile, tile), Image.Resampling.BICUBIC)
            page.paste(small, (GAP + j * (tile + GAP), i * high + LINE))
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def samples(
    pixels: NDArray[np.uint8], targets: NDArray[np.int64], labels: Sequence[str], random: np.random.Generator
) -> list[Row]:
    """Up to ten photos of each of the first forty classes, drawn at random, with the class's size."""
    rows: list[Row] = []
    for label, name in enumerate(labels[:ROWS]):
        members = np.flatnonzero(targets == label)
        chosen = np.sort(random.permutation(members)[:COLUMNS])
        rows.append((f"{name}: {len(members):,}", [pixels[i] for i in chosen]))
    return rows


def augmented(
    pixels: NDArray[np.uint8],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    size: int,
    random: np.random.Generator,
    augmentation: Augmentation | None = None,
) -> list[Row]:
    """A photo of each of the first twelve classes, and nine views of it as training sees it at ``size`` pixels."""
    augmentation = augmentation or Augmentation()
    rows: list[Row] = []
    for label, name in enumerate(labels[:12]):
        photo = pixels[random.choice(np.flatnonzero(targets == label))]
        copies = worsen(np.stack([photo] * (COLUMNS - 1)), augmentation.worsened, random)
        seen = views(as_images(torch.from_numpy(copies)), size, augmentation, random)
        varied = (seen.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
        rows.append((f"{name}: the photo, then as training sees it", [photo, *varied]))
    return rows
