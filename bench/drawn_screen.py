"""Drawn screens: desktops with windows, editors, terminals, chats, lists and forms, dark and light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from bench.drawn_text import Colour, blank, colour, font, grey, line, word, write

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Theme:
    """A screen's colours and its letters' size in pixels."""

    ground: Colour
    panel: Colour
    ink: Colour
    faint: Colour
    accent: Colour
    size: int


def screenshot(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """A whole screen, or a desktop with some windows on it."""
    theme = _theme(random, max(7, int(min(width, height) * random.uniform(0.014, 0.04))))
    image, draw = blank(width, height, theme.ground)
    if random.random() < 0.45:
        _window(random, draw, (0, 0, width, height), theme)
        return image
    if random.random() < 0.5:
        image.paste(_wallpaper(random, width, height))
    for place in range(int(random.integers(3, 12))):  # icons
        x, y = theme.size * 1.5, theme.size * (1 + place * 5)
        draw.rounded_rectangle((x, y, x + theme.size * 2.5, y + theme.size * 2.5), theme.size / 2, fill=colour(random))
        write(draw, (x, y + theme.size * 2.8), word(random), theme.size, theme.ink)
    for _ in range(int(random.integers(1, 4))):
        wide, high = width * random.uniform(0.5, 0.85), height * random.uniform(0.5, 0.85)
        left, top = random.uniform(0, width - wide), random.uniform(0, height - high)
        other = theme if random.random() < 0.6 else _theme(random, theme.size)
        _window(random, draw, (left, top, left + wide, top + high), other)
    bar = theme.size * 2.4
    draw.rectangle((0, height - bar, width, height), fill=theme.panel)
    for place in range(int(random.integers(4, 12))):
        x = theme.size + place * bar
        draw.rectangle((x, height - bar * 0.8, x + bar * 0.6, height - bar * 0.2), fill=colour(random))
    return image


def _theme(random: np.random.Generator, size: int) -> Theme:
    if random.random() < 0.45:
        ground = grey(random, 12, 45, 8)
        lighter = tuple(min(255, c + int(random.integers(10, 30))) for c in ground)
        return Theme(ground, lighter, grey(random, 190, 240), grey(random, 90, 140), colour(random, 80, 240), size)
    ground = (255, 255, 255) if random.random() < 0.5 else grey(random, 235, 254, 4)
    return Theme(
        ground, grey(random, 215, 245, 5), grey(random, 0, 60), grey(random, 130, 190), colour(random, 20, 220), size
    )


def _wallpaper(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """A gradient of two colours, as desktops come with."""
    ends = random.uniform(0, 255, (2, 3))
    share = (
        np.linspace(0, 1, height)[:, None, None] if random.random() < 0.5 else np.linspace(0, 1, width)[None, :, None]
    )
    planes = np.broadcast_to(ends[0] + (ends[1] - ends[0]) * share, (height, width, 3))
    return Image.fromarray(np.rint(planes).astype(np.uint8))


def _window(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """A title bar, perhaps a menu and a side list, and something inside."""
    left, top, right, bottom = box
    size = theme.size
    draw.rectangle(box, fill=theme.ground, outline=theme.faint)
    draw.rectangle((left, top, right, top + size * 2), fill=theme.panel)
    write(draw, (left + size * 5, top + size * 0.4), f"{word(random)} - {word(random)}", size, theme.ink)
    for place, ink in enumerate(((237, 106, 94), (245, 191, 79), (98, 197, 84))):
        x = left + size * (0.8 + place * 1.3)
        draw.ellipse((x, top + size * 0.6, x + size * 0.8, top + size * 1.4), fill=ink)
    top += size * 2
    if random.random() < 0.5:
        x = left + size
        while x < right - size * 6:
            text = word(random)
            write(draw, (x, top + size * 0.2), text, size, theme.ink)
            x += font(size).getlength(text) + size * 1.5
        top += size * 1.8
    if random.random() < 0.4:
        side = left + (right - left) * random.uniform(0.15, 0.3)
        draw.rectangle((left, top, side, bottom), fill=theme.panel)
        for row in np.arange(top + size * 0.5, bottom - size * 2, size * 1.9):
            if random.random() < 0.1:
                draw.rectangle((left, row - size * 0.2, side, row + size * 1.4), fill=theme.accent)
            write(draw, (left + size, row), line(random, (side - left) * 0.7, size), size, theme.ink)
        left = side
    inside = {"editor": _editor, "terminal": _terminal, "chat": _chat, "form": _form, "text": _article, "tiles": _tiles}
    name = str(random.choice(list(inside)))
    inside[name](random, draw, (left + size, top + size, right - size, bottom - size), theme)


def _editor(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """Indented words in a few colours, with line numbers."""
    left, top, right, bottom = box
    inks = [theme.ink, theme.faint, *(colour(random, 70, 220) for _ in range(3))]
    indent = 0
    for number, row in enumerate(np.arange(top, bottom - theme.size, theme.size * 1.45), start=1):
        write(draw, (left, row), str(number), theme.size, theme.faint)
        indent = int(np.clip(indent + random.integers(-1, 2), 0, 5))
        x = left + theme.size * (3 + 2 * indent)
        for _ in range(int(random.integers(0, 9))):
            text = word(random)
            long = font(theme.size).getlength(text)
            if x + long > right:
                break
            write(draw, (x, row), text, theme.size, inks[int(random.integers(len(inks)))])
            x += long + theme.size * 0.4


def _terminal(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """Lines of every length on black."""
    left, top, right, bottom = box
    draw.rectangle(
        (left - theme.size, top - theme.size, right + theme.size, bottom + theme.size), fill=grey(random, 0, 30, 5)
    )
    ink = (90, 220, 90) if random.random() < 0.4 else grey(random, 170, 235)
    filled = random.uniform(0.4, 1)
    for row in np.arange(top, top + (bottom - top) * filled - theme.size, theme.size * 1.3):
        if random.random() < 0.9:
            write(draw, (left, row), line(random, (right - left) * random.uniform(0.1, 1), theme.size), theme.size, ink)


def _chat(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """Bubbles to the left and the right."""
    left, top, right, bottom = box
    size, at = theme.size, top
    while at < bottom - size * 4:
        wide, lines = (right - left) * random.uniform(0.3, 0.65), int(random.integers(1, 5))
        own = random.random() < 0.5
        x = right - wide if own else left
        high = size * (1 + lines * 1.4)
        draw.rounded_rectangle((x, at, x + wide, at + high), size * 0.8, fill=theme.accent if own else theme.panel)
        for place in range(lines):
            write(
                draw, (x + size, at + size * (0.5 + place * 1.4)), line(random, wide - 2 * size, size), size, theme.ink
            )
        at += high + size


def _form(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """Labels, fields and buttons."""
    left, top, right, bottom = box
    size = theme.size
    for row in np.arange(top, bottom - size * 3, size * random.uniform(3.0, 5.0)):
        write(draw, (left, row), word(random), size, theme.ink)
        x = left + (right - left) * 0.3
        if random.random() < 0.25:
            draw.rounded_rectangle((x, row, x + size * 7, row + size * 1.9), size * 0.3, fill=theme.accent)
        else:
            draw.rectangle((x, row, right, row + size * 1.9), fill=theme.panel, outline=theme.faint)
            write(draw, (x + size * 0.5, row + size * 0.3), line(random, (right - x) * 0.5, size), size, theme.ink)


def _article(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """A heading and paragraphs."""
    left, top, right, bottom = box
    size = theme.size
    write(draw, (left, top), line(random, right - left, size * 2), size * 2, theme.ink)
    for row in np.arange(top + size * 4, bottom - size, size * 1.6):
        if random.random() < 0.85:
            write(draw, (left, row), line(random, (right - left) * random.uniform(0.6, 1), size), size, theme.ink)


def _tiles(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    """A grid of coloured cards with a caption each."""
    left, top, right, bottom = box
    across, down = int(random.integers(2, 6)), int(random.integers(2, 5))
    wide, high = (right - left) / across, (bottom - top) / down
    for row in range(down):
        for column in range(across):
            x, y = left + column * wide, top + row * high
            draw.rectangle((x, y, x + wide * 0.9, y + high * 0.7), fill=colour(random, 30, 230))
            write(draw, (x, y + high * 0.75), line(random, wide * 0.8, theme.size), theme.size, theme.ink)
