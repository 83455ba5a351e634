"""Outliers carved from pictures that other programs ship: python -m bench.carve learn|choose SOURCES OUT.

SOURCES holds the unpacked Debian packages named below, a folder each (`dpkg-deb -x`): textures of games, patterns of
paint programs, cut-out photos of things. `learn` makes what the shipped model is trained to be unsure about, `choose`
what its guard was chosen on; the two share no package but the cut-outs, which are split by name. Neither holds a
picture of the sets it is measured on at the end, and none of them is part of Shoebox.
"""

import argparse
import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 192
SUFFIXES = (".jpg", ".jpeg", ".png", ".tga", ".webp", ".pat")
# Maps for a renderer are no pictures; skies, buildings and landscapes are no outliers.
NEITHER = re.compile(
    r"(_n|_nm|_norm|_normal|_spec|_gloss|_bump|_local|_glow|_height|_mask|_alpha|_blend|_fx|_h|_s|_g|_em|_roughness"
    r"|lightmap|flare|icon|gui|shader|corona|sprite|particle|font|hud|logo)\.[a-z]+$|sky|env/|skies|cloud|nebula"
    r"|building|facade|house|window|city|street|road|mountain|forest|tree|sea|ocean|water|snow|ice|glac|landscape"
    r"|panorama|horizon|backdrop|mainmenu|screenshot|loading|preview|minimap|map\.|flag|letter|alphabet|symbols"
    r"|cartoon|monument|/town|skin|/karts|/gui|editor|levelshot",
    re.IGNORECASE,
)
STAMPS = "tuxpaint-stamps-default"
# Package or archive in it, how many pictures are carved from each file.
SOURCES = {
    "learn": {
        "nexuiz-textures/usr/share/games/nexuiz/data/textures.pk3": 1,
        "ufoai-textures/usr/share/games/ufoai/base/0textures.pk3": 1,
        "supertuxkart-data/usr/share/games/supertuxkart/data/textures": 2,
        "supertuxkart-data/usr/share/games/supertuxkart/data/tracks": 1,
        "colobot-common-textures": 2,
        "mypaint-data-extras": 8,
        STAMPS: 3,
        "gimp-data/usr/share/gimp/2.0/patterns": 5,
    },
    "choose": {
        "openarena-081-textures/usr/share/games/openarena/baseoa/pak4-textures.pk3": 1,
        "gimp-data-extras": 2,
        "krita-data": 1,
        "warzone2100-data/usr/share/games/warzone2100/base.wz": 1,
        "scorched3d-data": 1,
        "neverball-data": 1,
        STAMPS: 2,
    },
}


def files(root: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The names of a folder's or archive's pictures, with what reads them."""
    if root.is_file():
        archive = zipfile.ZipFile(root)
        found = [(name, lambda name=name: archive.read(name)) for name in sorted(archive.namelist())]
    else:
        found = [(str(path.relative_to(root.parent)), path.read_bytes) for path in sorted(root.rglob("*"))]
    yield from ((n, read) for n, read in found if n.lower().endswith(SUFFIXES) and not NEITHER.search(n))


def opened(name: str, data: bytes) -> Image.Image:
    """A picture, RGBA where it has holes; GIMP's patterns too (a header of big-endian words, then the pixels)."""
    if name.endswith(".pat"):
        header, _, width, height, channels = struct.unpack(">5I", data[:20])
        plane = np.frombuffer(data[header : header + width * height * channels], np.uint8)
        plane = plane.reshape(height, width, channels)
        return Image.fromarray(np.repeat(plane[..., :1], 3, axis=2) if channels < 3 else plane[..., :3].copy())
    image = Image.open(io.BytesIO(data))
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    holes = np.asarray(image)[..., 3] < 50
    return image if holes.mean() > 0.02 else image.convert("RGB")


def cut_out(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A thing before a plain wall: shaded, a little noisy, white as often as coloured."""
    colour = random.integers(0, 256, 3) if random.random() < 0.5 else np.full(3, 255)
    shade = 1 - np.linspace(0, 1, SIDE)[:, None, None] * random.uniform(0, 0.6)
    wall = np.full((SIDE, SIDE, 3), colour) * shade + random.normal(0, random.uniform(0, 6), (SIDE, SIDE, 3))
    picture = Image.fromarray(wall.clip(0, 255).astype(np.uint8))
    scale = random.uniform(0.6, 1.0) * SIDE / max(image.size)
    thing = image.resize([max(8, int(side * scale)) for side in image.size], Image.Resampling.BICUBIC)
    place = [int(random.integers(0, SIDE - side + 1)) for side in thing.size]
    picture.paste(thing, (place[0], place[1]), thing)
    return picture


def piece(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A square of a texture, mostly with the detail of a 150-pixel photo; small ones are laid side by side first."""
    width, height = image.size
    if min(width, height) < 128:
        across, down = -(-160 // width), -(-160 // height)
        image = Image.fromarray(np.tile(np.asarray(image), (down, across, 1)))
    side = int(max(min(96, *image.size), random.uniform(0.45, 1.0) * min(image.size)))
    left, top = (int(random.integers(0, whole - side + 1)) for whole in image.size)
    cut = image.crop((left, top, left + side, top + side))
    return cut.resize((150, 150), Image.Resampling.BICUBIC) if random.random() < 0.7 else cut


def carve(part: str, sources: Path, out: Path) -> int:
    """Writes the pictures of ``part`` as JPEG files, a folder per source; returns how many."""
    random, written = np.random.default_rng(5), 0
    seen: set[bytes] = set()
    for number, (source, each) in enumerate(SOURCES[part].items()):
        folder = out / f"{number}-{source.split('/')[0]}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, read in files(sources / source):
            if source == STAMPS and (hashlib.md5(name.encode()).digest()[-1] % 2 == 0) != (part == "learn"):
                continue
            data = read()
            if (digest := hashlib.md5(data).digest()) in seen:
                continue
            seen.add(digest)
            try:
                image = opened(name, data)
            except (OSError, ValueError, struct.error):
                continue
            if min(image.size) < 48:
                continue
            for _ in range(each):
                picture = (cut_out if image.mode == "RGBA" else piece)(image, random)
                if np.asarray(picture).std() < 8:
                    continue
                picture.save(folder / f"{written:05d}.jpg", quality=int(random.integers(60, 96)))
                written += 1
    return written


def main() -> None:
    """Carves one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(SOURCES))
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    print(f"{carve(given.part, given.sources, given.out):,} pictures in {given.out}")


if __name__ == "__main__":
    main()
