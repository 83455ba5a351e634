"""Drawn paper: pages of text, printed or scanned, and charts of five sorts."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.drawn_text import Colour, blank, colour, font, grey, line, word, write


def page(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """A page of text in one to three columns, with headings, rules and boxes; half of them look scanned or held."""
    scanned = random.random() < 0.6
    paper = grey(random, 225, 255, 8) if scanned or random.random() < 0.3 else (255, 255, 255)
    ink = grey(random, 0, 70, 10)
    image, draw = blank(width, height, paper)
    size = int(max(7, min(width, height) * random.uniform(0.014, 0.05)))
    margin = width * random.uniform(0.03, 0.12)
    columns = int(random.integers(1, 4)) if width / size > 30 else 1
    gap = size * 1.5
    span = (width - 2 * margin - gap * (columns - 1)) / columns
    top = height * random.uniform(0.02, 0.1)
    if random.random() < 0.6:
        large = int(size * random.uniform(1.5, 2.8))
        write(draw, (margin, top), line(random, width - 2 * margin, large), large, ink, bold=large // 24)
        top += large * 1.8
    for number in range(columns):
        _column(random, draw, (margin + number * (span + gap), top, span, height * 0.97), size, ink)
    return _scanned(random, image, paper) if scanned else image


def _column(
    random: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    size: int,
    ink: Colour,
) -> None:
    """Paragraphs from the top of ``box`` (left, top, width, bottom) down."""
    left, at, span, bottom = box
    leading = size * random.uniform(1.15, 1.8)
    while at < bottom - leading:
        special = random.random()
        if special < 0.06:
            draw.line((left, at + size / 2, left + span, at + size / 2), fill=ink, width=max(1, size // 10))
        elif special < 0.12:
            write(draw, (left, at), line(random, span * 0.6, size), size, ink, bold=1)
        elif special < 0.15 and at + 6 * leading < bottom:
            draw.rectangle((left, at, left + span, at + 5 * leading), outline=ink, fill=grey(random, 190, 240))
            at += 5 * leading
        else:
            for place in range(int(random.integers(2, 9))):
                if at > bottom - leading:
                    return
                write(draw, (left, at), line(random, span * (1.0 if place else 0.93), size), size, ink)
                at += leading
        at += leading


def _scanned(random: np.random.Generator, image: Image.Image, paper: Colour) -> Image.Image:
    """As a scanner or a phone held straight gives it: a little turned, soft, shaded, grainy."""
    image = image.rotate(random.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=paper)
    if random.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2) * min(image.size) / 800))
    planes = np.asarray(image, dtype=np.float32)
    height, width = planes.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0, 0.3)
    shade = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    shade = 1 - depth * (shade - shade.min()) / max(float(np.ptp(shade)), 1e-9)
    warm = 1 - random.uniform(0, 0.12) * np.array([0, 0.4, 1])
    planes = planes * shade[..., None] * warm + random.normal(0, random.uniform(0, 6), (height, width, 1))
    return Image.fromarray(np.rint(planes).clip(0, 255).astype(np.uint8))


def chart(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Bars, lines, a pie, points or a heat map, with title, axes and grid, on light or dark ground."""
    dark = random.random() < 0.2
    image, draw = blank(width, height, grey(random, 15, 50, 6) if dark else grey(random, 242, 255, 4))
    ink = grey(random, 180, 235) if dark else grey(random, 0, 90)
    size = int(max(8, min(width, height) * random.uniform(0.025, 0.05)))
    left, top, right, bottom = width * 0.12, height * 0.12, width * random.uniform(0.82, 0.97), height * 0.88
    if random.random() < 0.8:
        write(draw, (left, height * 0.03), line(random, width * 0.7, int(size * 1.4)), int(size * 1.4), ink)
    kind = str(random.choice(["bars", "lines", "pie", "points", "heat"]))
    box = (left, top, right, bottom)
    if kind not in ("pie", "heat"):
        _axes(random, draw, box, size, ink)
    {"bars": _bars, "lines": _lines, "pie": _pie, "points": _points, "heat": _heat}[kind](random, draw, box)
    if random.random() < 0.5:
        for place in range(int(random.integers(2, 6))):
            at = top + place * size * 1.6
            draw.rectangle((right - size * 6, at, right - size * 5, at + size), fill=colour(random, 30, 230))
            write(draw, (right - size * 4.5, at), word(random), size, ink)
    return image


Box = tuple[float, float, float, float]


def _axes(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, size: int, ink: Colour) -> None:
    left, top, right, bottom = box
    steps = int(random.integers(4, 11))
    grid = random.random() < 0.6
    for step in range(steps + 1):
        y = bottom - (bottom - top) * step / steps
        if grid:
            draw.line((left, y, right, y), fill=grey(random, 120, 220), width=1)
        text = str(step * 10)
        write(draw, (left - font(size).getlength(text) - size / 2, y - size / 2), text, size, ink)
        write(draw, (left + (right - left) * step / steps, bottom + size / 3), text, size, ink)
    thick = max(1, size // 12)
    draw.line((left, top, left, bottom), fill=ink, width=thick)
    draw.line((left, bottom, right, bottom), fill=ink, width=thick)


def _bars(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    count, groups = int(random.integers(3, 16)), int(random.integers(1, 4))
    inks = [colour(random, 20, 230) for _ in range(groups)]
    pitch = (right - left) / count
    wide = pitch * random.uniform(0.5, 0.92) / groups
    for bar in range(count):
        for group, ink in enumerate(inks):
            x = left + bar * pitch + pitch * 0.05 + group * wide
            draw.rectangle((x, bottom - (bottom - top) * random.uniform(0.08, 1), x + wide, bottom), fill=ink)


def _lines(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    count = int(random.integers(10, 120))
    thick = max(1, int((right - left) * random.uniform(0.002, 0.012)))
    for _ in range(int(random.integers(1, 6))):
        walk = np.cumsum(random.normal(size=count))
        walk = (walk - walk.min()) / max(float(np.ptp(walk)), 1e-9) * random.uniform(0.3, 1)
        points = [(left + (right - left) * i / (count - 1), bottom - (bottom - top) * v) for i, v in enumerate(walk)]
        if random.random() < 0.2:
            draw.polygon([(left, bottom), *points, (right, bottom)], fill=colour(random, 60, 240))
        draw.line(points, fill=colour(random, 0, 220), width=thick)


def _pie(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    radius = min(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    place = (x - radius, y - radius, x + radius, y + radius)
    edges = np.concatenate([[0], np.cumsum(random.dirichlet(np.full(int(random.integers(3, 9)), 2.0)))]) * 360
    for start, end in pairwise(edges):
        draw.pieslice(
            place, start, end, fill=colour(random, 20, 240), outline=(255, 255, 255), width=max(1, int(radius / 80))
        )


def _points(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    radius = (right - left) * random.uniform(0.003, 0.012)
    for _ in range(int(random.integers(1, 5))):
        ink, middle, spread = colour(random, 0, 220), random.uniform(0.25, 0.75, 2), random.uniform(0.04, 0.15, 2)
        for x, y in random.normal(middle, spread, (int(random.integers(20, 250)), 2)).clip(0, 1):
            x, y = left + (right - left) * x, bottom - (bottom - top) * y
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _heat(random: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    across, down = int(random.integers(4, 26)), int(random.integers(4, 26))
    ends = random.uniform(0, 255, (3, 3))
    gap = 1 if random.random() < 0.5 else 0
    wide, high = (right - left) / across, (bottom - top) / down
    for row in range(down):
        for column in range(across):
            ink = tuple(int(np.interp(value, [0, 0.5, 1], ends[:, c])) for value in [random.random()] for c in range(3))
            x, y = left + column * wide, top + row * high
            draw.rectangle((x, y, x + wide - gap, y + high - gap), fill=ink)
