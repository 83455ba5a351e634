"""Bytes become upright RGB squares, or a refusal that says why. All pictures are made here."""

import random
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from typing import Any

import heif_encoder  # noqa: F401  (so that pictures can be written as HEIF)
import numpy as np
import pytest
from PIL import Image, ImageDraw

from model.decode import Decoded, decode
from model.formats import identify, webp_size
from model.limits import Limits
from model.preview import preview
from model.verdict import Decision, Reason, Unreadable

SIZE = 64
LIMITS = Limits()
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"]
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 300, height: int = 200) -> Image.Image:
    """Sky, hill, sun: no two quarters alike."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, height), (width * 0.35, height * 0.4), (width * 0.7, height)], fill=(40, 120, 50))
    draw.ellipse((width * 0.7, height * 0.1, width * 0.85, height * 0.3), fill=(240, 200, 60))
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def black_png(width: int, height: int, *extra: bytes) -> bytes:
    """A grey PNG of zeros, small in bytes whatever its size."""
    deflate = zlib.compressobj(9)
    body = b"".join(deflate.compress(bytes(width + 1)) for _ in range(height)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    middle = b"".join(extra)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refused(data: bytes, limits: Limits = LIMITS) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        decode(data, SIZE, limits)
    assert caught.value.explanation.endswith(".")
    return caught.value


def differ(first: Decoded, second: Decoded) -> float:
    return float(np.abs(first.pixels.astype(int) - second.pixels).mean())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_picture(kind: str) -> None:
    data = saved(scene(), kind)
    found = decode(data, SIZE, LIMITS)
    assert (found.format, found.width, found.height, found.bytes) == (kind, 300, 200, len(data))
    assert found.pixels.shape == (SIZE, SIZE, 3)
    assert found.pixels.dtype == np.uint8
    assert differ(found, decode(saved(scene(), "BMP"), SIZE, LIMITS)) < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(301, 200), (1203, 1801)])
def test_a_turned_camera_changes_nothing(orientation: int, size: tuple[int, int]) -> None:
    turn = TURNS[orientation]
    stored = scene(*size) if turn is None else scene(*size).transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(saved(stored, "JPEG", quality=95, exif=exif), SIZE, LIMITS)
    assert (found.width, found.height) == size
    assert differ(found, decode(saved(scene(*size), "JPEG", quality=95), SIZE, LIMITS)) < 1.5


def test_scaling_in_the_decoder_leaves_the_picture_alone() -> None:
    data = saved(scene(2000, 1500), "JPEG", quality=92)
    assert differ(decode(data, SIZE, LIMITS), decode(data, SIZE, LIMITS, full=True)) < 1


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_iso_media_brands(brand: bytes) -> None:
    assert identify(b"\0\0\0\x14ftyp" + brand + b"\0\0\0\0" + brand) == ("AVIF" if brand == b"avif" else "HEIF")


@pytest.mark.parametrize(
    "start",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"8BPS\0\1",
        b"SIMPLE  =                    T",
        b"%PDF-1.7",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"icns\0\0\0\x20",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\xff\x4f\xff\x51\0\x2f",
        b"\0\0\1\0\1\0",
        b"P6\n2 2\n255\n",
        b"PK\x03\x04",
        b"\0\0\0\x18ftypisom",
        b"II*\0\x10\0\0\0CR\2\0",
    ],
)
def test_formats_are_an_allowlist(start: bytes) -> None:
    refusal = refused(start + bytes(200))
    assert refusal.reason is Reason.UNSUPPORTED_FORMAT
    assert "JPEG" in refusal.explanation


@pytest.mark.parametrize("data", [b"x", b"BM, dear diary" + bytes(40), b"hello, world" * 20, bytes(500)])
def test_what_is_no_picture(data: bytes) -> None:
    assert refused(data).reason is Reason.NOT_AN_IMAGE


def test_an_empty_file() -> None:
    assert refused(b"").reason is Reason.EMPTY_FILE


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_files_are_corrupt(kind: str) -> None:
    data = saved(scene(), kind)
    assert refused(data[: len(data) // 2]).reason is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("kind", FORMATS)
def test_mutated_files_end_typed(kind: str) -> None:
    chance = random.Random(kind)
    data = saved(scene(96, 64), kind)
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            decode(bytes(damaged), SIZE, replace(LIMITS, max_pixels=1_000_000))
        except Unreadable as refusal:
            assert refusal.reason in Reason
            assert refusal.reason is not Reason.INTERNAL_ERROR


def test_a_bomb_is_refused_from_its_header() -> None:
    header = struct.pack(">IIBBBBB", 13312, 13312, 8, 2, 0, 0, 0)
    refusal = refused(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert refusal.reason is Reason.TOO_MANY_PIXELS
    assert refusal.scores["pixels"].value == 13312**2
    assert "177" in refusal.explanation


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_a_webp_is_measured_before_its_decoder_takes_memory(options: dict[str, Any]) -> None:
    data = saved(scene(301, 203), "WEBP", **options)
    assert webp_size(data) == (301, 203)
    assert refused(data, replace(LIMITS, max_pixels=301 * 203 - 1)).reason is Reason.TOO_MANY_PIXELS
    assert webp_size(data[:24]) is None


def test_a_file_over_the_limit() -> None:
    refusal = refused(bytes(2000), replace(LIMITS, max_file_bytes=1999))
    assert refusal.reason is Reason.FILE_TOO_LARGE
    assert refusal.verdict().bytes == 2000


@pytest.mark.parametrize("size", [(1, 1), (1, 60000), (60000, 3), (15, 400)])
def test_too_small(size: tuple[int, int]) -> None:
    refusal = refused(black_png(*size))
    assert refusal.reason is Reason.TOO_SMALL
    assert refusal.verdict().decision is Decision.REJECTED


def test_a_long_strip_is_judged() -> None:
    assert decode(black_png(16, 30000), SIZE, LIMITS).height == 30000


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_show_their_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), (index % 7 * 30, 0, 200)) for index in range(300)]
    found = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:]), SIZE, LIMITS)
    assert np.abs(found.pixels.reshape(-1, 3).mean(axis=0) - (0, 0, 200)).max() < 8


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (0, 0, 40, 20))
    for image in (clear, clear.quantize(8), clear.convert("LA")):
        pixels = decode(saved(image, "PNG"), SIZE, LIMITS).pixels
        assert pixels[-4:].min() > 250, image.mode
        assert pixels[:4, :, 0].max() < 60, image.mode


def test_a_transparent_colour_lies_on_white() -> None:
    assert decode(saved(Image.new("RGB", (40, 40)), "PNG", transparency=(0, 0, 0)), SIZE, LIMITS).pixels.min() > 250


def test_cmyk() -> None:
    image = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        assert np.abs(decode(saved(image, kind), SIZE, LIMITS).pixels[0, 0].astype(int) - (0, 255, 255)).max() < 8


@pytest.mark.parametrize(("dtype", "white"), [("uint16", 65535), ("int32", 65535), ("float32", 1.0)])
def test_more_than_eight_bits(dtype: str, white: float) -> None:
    values = np.zeros((40, 40), dtype=dtype)
    values[:, 20:] = white / 2
    values[:, 39] = white
    pixels = decode(saved(Image.fromarray(values), "TIFF"), SIZE, LIMITS).pixels
    assert pixels[32, 4].max() < 4
    assert np.abs(pixels[32, 48].astype(int) - 128).max() < 4


def test_sixteen_bit_png() -> None:
    grey = Image.fromarray(np.full((40, 40), 32896, dtype=np.uint16))
    assert np.abs(decode(saved(grey, "PNG"), SIZE, LIMITS).pixels.astype(int) - 128).max() < 2


def test_a_large_picture_read_in_bands_equals_a_small_one() -> None:
    whole, small = scene(3000, 2000).convert("RGBA"), scene(750, 500)
    assert differ(decode(saved(whole, "PNG"), SIZE, LIMITS), decode(saved(small, "PNG"), SIZE, LIMITS)) < 2


def test_huge_notes_are_bounded() -> None:
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(90_000_000), 1)
    profile = b"icc\0\0" + zlib.compress(bytes(20_000_000), 1)
    for extra in (chunk(b"iTXt", text), chunk(b"iCCP", profile)):
        try:
            decode(black_png(40, 40, extra), SIZE, LIMITS)
        except Unreadable as refusal:
            assert refusal.reason is Reason.CORRUPT_IMAGE
    noted = saved(scene(), "JPEG", exif=b"Exif\0\0" + bytes(60_000), icc_profile=bytes(3_000_000))
    assert decode(noted, SIZE, LIMITS).width == 300


def test_xml_entities_are_never_expanded() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    xmp = f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><x:xmpmeta xmlns:x="adobe:ns:meta/">&e11;</x:xmpmeta>'
    assert decode(saved(scene(), "JPEG", xmp=xmp.encode()), SIZE, LIMITS).width == 300


def test_a_heic_of_another_size_than_it_says_is_corrupt() -> None:
    """Its clean aperture may promise more than there is. Found by the fuzzer."""
    data = saved(scene(48, 32), "HEIF")
    at = data.index(b"clap") + 4
    lying = data[:at] + struct.pack(">LL", 8195, 1) + data[at + 8 :]
    assert Image.open(BytesIO(lying)).size == (8195, 32)
    assert refused(lying).reason is Reason.CORRUPT_IMAGE
    with pytest.raises(Unreadable):
        preview(lying, 32, LIMITS)
    assert decode(data, SIZE, LIMITS).width == 48


def test_the_measurements_come_along() -> None:
    assert all(np.isfinite(decode(saved(scene(), "PNG"), SIZE, LIMITS).statistics))


def test_a_preview_is_small_upright_and_says_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(scene(900, 600), "JPEG", exif=exif, comment=b"at home", icc_profile=bytes(300))
    made = preview(data, 128, LIMITS)
    with Image.open(BytesIO(made)) as image:
        assert image.size == (85, 128)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(image.info)
    assert b"Camera" not in made


def test_a_preview_is_never_enlarged() -> None:
    with Image.open(BytesIO(preview(saved(scene(50, 40), "PNG"), 512, LIMITS))) as image:
        assert image.size == (50, 40)
