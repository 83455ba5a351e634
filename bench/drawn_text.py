"""Words for drawn pages, screens and charts, in Pillow's own font: the same on every machine."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SYLLABLES = (
    *("an", "ber", "co", "da", "el", "fi", "gra", "ha", "in", "jo", "ka", "lo", "ma", "ne", "or", "pa", "qui", "ra"),
    *("sen", "ta", "un", "ver", "wi", "xo", "ye", "za", "th", "st", "ing", "er", "on", "at", "es", "it"),
)
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Pillow's font at ``size`` pixels."""
    return ImageFont.load_default(max(6, size))


def word(random: np.random.Generator) -> str:
    """One to four syllables; now and then a capital, a number or a comma."""
    if random.random() < 0.06:
        return str(random.integers(1, 10 ** int(random.integers(1, 6))))
    text = "".join(random.choice(_SYLLABLES, int(random.integers(1, 5))))
    text = text.capitalize() if random.random() < 0.12 else text
    return text + str(random.choice(["", ",", "."], p=[0.86, 0.08, 0.06]))


def line(random: np.random.Generator, width: float, size: int) -> str:
    """As many words as fit in ``width`` pixels at ``size``."""
    text, face = word(random), font(size)
    while True:
        longer = f"{text} {word(random)}"
        if face.getlength(longer) > width:
            return text
        text = longer


def write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, ink: Colour, bold: int = 0
) -> None:
    """``text`` with its upper left corner at ``place``; ``bold`` thickens it by so many pixels a side."""
    draw.text(place, text, fill=ink, font=font(size), stroke_width=bold, stroke_fill=ink)


def colour(random: np.random.Generator, low: int = 0, high: int = 255) -> Colour:
    """Any colour whose channels lie between ``low`` and ``high``."""
    red, green, blue = (int(value) for value in random.integers(low, high + 1, 3))
    return red, green, blue


def grey(random: np.random.Generator, low: int, high: int, tint: int = 0) -> Colour:
    """A shade between ``low`` and ``high``, each channel off it by at most ``tint``."""
    shade = int(random.integers(low, high + 1))
    red, green, blue = (int(np.clip(shade + d, 0, 255)) for d in random.integers(-tint, tint + 1, 3))
    return red, green, blue


def blank(width: int, height: int, ground: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet of one colour, and what draws on it."""
    image = Image.new("RGB", (width, height), ground)
    return image, ImageDraw.Draw(image)
