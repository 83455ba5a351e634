"""Which kind of file is this? Told from its first bytes; names and extensions are never looked at."""

from model.verdict import Reason, Unreadable

# The allowlist, by the name Pillow knows each decoder by. A decoder that is not here is never tried.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

# Recognised only to give a better answer than "not a picture".
_KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "an EPS drawing"),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing"),
    (b"8BPS", "a Photoshop document"),
    (b"SIMPLE  =", "a FITS file"),
    (b"icns", "an icon"),
    (b"\0\0\1\0", "an icon"),
    (b"\0\0\2\0", "a cursor"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"gimp xcf", "a GIMP document"),
    (b"DDS ", "a game texture"),
    (b"BLP", "a game texture"),
    (b"qoif", "a QOI picture"),
    (b"\x01\xda", "an SGI picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance picture"),
    (b"/* XPM", "an XPM drawing"),
    (b"#define", "an XBM drawing"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"FORM", "an IFF file"),
)
_SUPPORTED = "Please use JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP."


def identify(data: bytes) -> str:
    """Pillow's name for the format of ``data``. ``Unreadable``: empty, of a kind we do not read, or not a picture."""
    if not data:
        raise Unreadable(Reason.EMPTY_FILE, "The file is empty.", size=0)
    other = _other_kind(data)
    if other is not None:
        raise Unreadable(
            Reason.UNSUPPORTED_FORMAT, f"This is {other}, which Shoebox does not read. {_SUPPORTED}", size=len(data)
        )
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if data[4:8] == b"ftyp":
        return "AVIF" if _brands(data) & _AVIF_BRANDS else "HEIF"
    raise Unreadable(Reason.NOT_AN_IMAGE, "This file is not a picture.", size=len(data))


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from a WebP's first chunk (RFC 9649), ``None`` where it has none that we know."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None


def _other_kind(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        return None if _brands(data) & (_AVIF_BRANDS | _HEIF_BRANDS) else "a video"
    if data.startswith((b"II*\0", b"MM\0*")) and data[8:10] == b"CR":
        return "a camera raw file"
    if data[:1] == b"P" and data[1:2] in b"1234567fF" and data[2:3].isspace():
        return "a Netpbm picture"
    if b"<svg" in data[:1024].lower():
        return "an SVG drawing"
    return next((words for signature, words in _KNOWN if data.startswith(signature)), None)


def _brands(data: bytes) -> set[bytes]:
    """The major and compatible brands of an ISO media file's first box, at most 64 of them."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 16 + 4 * 64)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
