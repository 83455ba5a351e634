"""What an upload is, by its first bytes: never by its name or its declared type."""

HEAD_BYTES = 512  # enough for every mark below; a tar's stands at 257

ZIP = "zip"
IMAGES = frozenset({"jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif"})
OTHER_ARCHIVES = frozenset({"rar", "7z", "tar", "gzip", "bzip2", "xz", "zstd"})

# The third mark opens a split archive, which is told apart by its end record.
_STARTS = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),  # BigTIFF
    (b"MM\0+", "tiff"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # bytes, by version of the format


def sniff(head: bytes) -> str | None:
    """The kind of a file by its first `HEAD_BYTES`: `ZIP`, one of `IMAGES`, of `OTHER_ARCHIVES`, or nothing known."""
    for mark, kind in _STARTS:
        if head.startswith(mark):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "bmp"
    if head[257:262] == b"ustar":
        return "tar"
    return _sniff_boxes(head) if head[4:8] == b"ftyp" else None


def _sniff_boxes(head: bytes) -> str | None:
    """HEIC and AVIF share their container (ISO 14496-12): the brands in its first box tell them apart."""
    box = head[: min(int.from_bytes(head[:4], "big"), HEAD_BYTES)]
    brands = {box[8:12], *(box[at : at + 4] for at in range(16, len(box), 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heic" if brands & _HEIF_BRANDS else None
