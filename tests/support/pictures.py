"""Pictures that were made to harm, made in code: bombs, thousands of frames, files under false names, hidden notes."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from sandboxed import saved

GREY, COLOUR = 0, 2
PLACE = (struct.pack("<LL", 4815162, 100_003), struct.pack("<LL", 1623420, 100_019))
"""A latitude and a longitude as EXIF writes them: 48.1501... and 16.2311... degrees."""


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *extra: bytes, bits: int = 8, colour: int = GREY) -> bytes:
    """A black PNG, small in bytes whatever its size. ``extra`` chunks stand before its pixels."""
    row = bytes(1 + (width * bits * (3 if colour == COLOUR else 1) + 7) // 8)
    deflate = zlib.compressobj(9)
    body = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def notes(size: int) -> bytes:
    """PNG chunks that unpack to ``size`` bytes of XMP, of text and of a colour profile."""
    packed = zlib.compress(bytes(size), 9)
    return b"".join(
        (
            chunk(b"iCCP", b"icc\0\0" + packed),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
            chunk(b"zTXt", b"Comment\0\0" + packed),
        )
    )


def many_frames(kind: str, first: Image.Image, count: int) -> bytes:
    """An animation (GIF, PNG or WEBP) of ``first`` and ``count - 1`` small frames of another colour."""
    return {"GIF": _many_gif, "PNG": _many_png, "WEBP": _many_webp}[kind](first, count)


def _two(kind: str, first: Image.Image, **options: Any) -> bytes:
    second = first.copy()
    second.paste(0 if first.mode == "P" else (255, 0, 255), (0, 0, 16, 16))
    return saved(first, kind, save_all=True, append_images=[second], duration=40, **options)


def _many_gif(first: Image.Image, count: int) -> bytes:
    data = _two("GIF", first.quantize(32))
    second = data.rindex(b"\x21\xf9\x04")
    return data[:second] + data[second:-1] * (count - 1) + b";"


def _many_png(first: Image.Image, count: int) -> bytes:
    still = saved(first, "PNG")
    start, pixels = still.index(b"IDAT") - 4, still[still.index(b"IDAT") - 4 : -12]
    control = struct.pack(">IIIIIHHBB", 0, *first.size, 0, 0, 1, 25, 0, 0)
    parts = [still[:start], chunk(b"acTL", struct.pack(">II", count, 0)), chunk(b"fcTL", control), pixels]
    tile = zlib.compress((b"\0" + b"\xff\0\xff" * 16) * 16)
    for number in range(count - 1):
        control = struct.pack(">IIIIIHHBB", 2 * number + 1, 16, 16, 0, 0, 1, 25, 0, 0)
        parts += [chunk(b"fcTL", control), chunk(b"fdAT", struct.pack(">I", 2 * number + 2) + tile)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def _many_webp(first: Image.Image, count: int) -> bytes:
    data = _two("WEBP", first, lossless=True)
    second = data.rindex(b"ANMF")
    body = data[8:second] + data[second:] * (count - 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def other_formats() -> dict[str, bytes]:
    """Real files of kinds that are not read, by kind. Pillow opens all but the PDF and the drawing."""
    image = Image.linear_gradient("L").convert("RGB")
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2"]
    cards += ["NAXIS1  =                   16", "NAXIS2  =                   16", "END"]
    photoshop = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 16, 16, 8, 3) + bytes(12) + struct.pack(">H", 0)
    return {
        "eps": saved(image, "EPS"),
        "pdf": saved(image, "PDF"),
        "icns": saved(image.resize((128, 128)), "ICNS"),
        "jp2": saved(image, "JPEG2000"),
        "psd": photoshop + bytes(3 * 16 * 16),
        "fits": "".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(2880),
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>',
    }


def turned(image: Image.Image, orientation: int) -> bytes:
    """``image`` as a camera that was held so would store it, as a JPEG that says so."""
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image if stored is None else image.transpose(stored), "JPEG", quality=95, exif=exif)


def at_a_place(image: Image.Image) -> bytes:
    """A JPEG whose EXIF and XMP say where it was taken: `PLACE`, and 48.150175 N, 16.231116 E."""
    tags = ((1, 2, 2, b"N\0\0\0"), (2, 5, 1, 0), (3, 2, 2, b"E\0\0\0"), (4, 5, 1, 1))
    after = 26 + 2 + 12 * len(tags) + 4
    directory = struct.pack("<H", len(tags))
    for tag, kind, count, value in tags:
        raw = struct.pack("<L", after + 8 * value) if isinstance(value, int) else value
        directory += struct.pack("<HHL", tag, kind, count) + raw
    first = struct.pack("<2sHLHHHLLL", b"II", 42, 8, 1, 0x8825, 4, 1, 26, 0)
    exif = b"Exif\0\0" + first + directory + bytes(4) + b"".join(PLACE)
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,9.0105N"/></rdf:RDF>'
        "</x:xmpmeta>"
    )
    return saved(image, "JPEG", quality=92, exif=exif, xmp=xmp.encode(), comment=b"48.150175 N 16.231116 E")


def entities() -> bytes:
    """XMP whose entities would unfold to gigabytes, and one that would read a file."""
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    outside = '<!ENTITY file SYSTEM "file:///etc/passwd">'
    return (
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{nested}{outside}]>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:note="&e11;">&file;&e11;</x:xmpmeta>'
    ).encode()


def odd_modes(image: Image.Image) -> dict[str, bytes]:
    """``image`` in 16 bits, in CMYK, with a palette with transparency, and two sizes that say nothing."""
    grey = np.asarray(image.convert("L"), dtype=np.uint16) * 257
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    return {
        "16-bit.png": saved(Image.fromarray(grey), "PNG"),
        "16-bit.tif": saved(Image.fromarray(grey), "TIFF"),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG", quality=92),
        "palette.png": saved(clear.quantize(64), "PNG"),
        "1x1.png": png(1, 1),
        "1x60000.png": png(1, 60_000),
    }


def opened(data: bytes) -> Image.Image:
    """The picture as Pillow sees it, with whatever decoder it likes."""
    return Image.open(BytesIO(data))
