"""What the fuzzers begin with, made in code: small whole files of every kind, and some that lie."""

import io
import zipfile

from handmade import Zips
from pictures import PLACE, at_a_place, entities, many_frames, notes, odd_modes, other_formats, png
from PIL import Image
from sandboxed import saved


def archives() -> list[bytes]:
    """Whole ones as tools write them, and each lie once."""
    zips, photo = Zips(), b"picture" * 20
    member = zips.member
    found = [
        zips.archive(),
        zips.archive(member(data=photo, method=8), member(name=b"two.jpg", data=photo)),
        zips.archive(member(), comment=b"a comment"),
        zips.archive(member(name="größe/日本.jpg".encode(), flags=1 << 11)),
        zips.archive(member(name=b"__MACOSX/._a.jpg"), member(name=b"album/", data=b"")),
        zips.archive(member(data=zips.archive(member()))),
        zips.archive(member(flags=1), member(method=12), member(mode=0o120777)),
        zips.archive(member(flags=8, local={"flags": 8, "size": 0, "compressed": 0, "crc": 0, "behind": bytes(16)})),
        zips.archive(member(data=bytes(50_000), method=8, size=10)),
        zips.overlapping(5, photo),
        b"\xff" + bytes(range(64)),
        b"\xff" + b"\0\x90\1\x20abcd" * 8,
    ]
    local, directory = zips.body([member()])
    found.append(local + directory + zips.end64(1, len(directory), len(local)) + zips.end(0xFFFF, 2**32 - 1, 2**32 - 1))
    for large in (False, True):
        file = io.BytesIO()
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a.jpg", "w", force_zip64=large) as a,
        ):
            a.write(photo)
        found.append(file.getvalue())
    return found


def pictures() -> list[bytes]:
    """Each format in several modes, animations, notes, and what is not read at all."""
    image = Image.linear_gradient("L").resize((48, 32)).convert("RGB")
    found = [saved(image, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")]
    found += [saved(image.convert(mode), "PNG") for mode in ("L", "1", "P", "RGBA", "LA")]
    found += [saved(image, "TIFF", compression=kind) for kind in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits")]
    found += [
        saved(image, "JPEG", progressive=True),
        saved(image.convert("L"), "JPEG"),
        saved(image, "WEBP", lossless=True),
    ]
    found += [many_frames(kind, image, 3) for kind in ("GIF", "PNG", "WEBP")]
    found += [*odd_modes(image).values(), *(data for data in other_formats().values() if len(data) < 20_000)]
    found += [
        at_a_place(image),
        saved(image, "JPEG", xmp=entities()),
        png(32, 32, notes(5000)),
        png(20_000, 20_000, bits=1)[:400],
    ]
    assert any(PLACE[0] in data for data in found)
    return found


def forms() -> list[bytes]:
    """Forms with files and fields, and broken ones. The first four bytes are the fuzzer's."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n'
    file = head + b"Content-Type: image/jpeg\r\n\r\nx\r\n"
    field = b'--b\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n'
    odd = b"--b\r\nContent-Disposition: form-data; name=files; filename*=UTF-8''%e2%82%ac.jpg\r\n\r\n\r\n--\r\n-b\r\n"
    end = b"--b--\r\n"
    bodies = [
        file + field + end,
        file * 6 + end,
        field * 101 + end,
        odd + end,
        file[:-1],
        b"preamble\r\n" + file + end,
        end,
    ]
    return [bytes([3, 1, 0, 9]) + body for body in bodies]


SEEDS = {"archive": archives, "picture": pictures, "multipart": forms}
