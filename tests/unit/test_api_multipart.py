"""Forms as events, however their bytes are cut."""

import pytest

from api.multipart import BadMultipart, MultipartReader, PartBegins, PartData, PartEnds, boundary_of

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n5\r\n'
    b'--b\r\ncontent-disposition: form-data; name="files"; filename="sun%22set.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    b"pic\r\n--ture\r\n--\r\n"
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="\xc3\xa9t\xc3\xa9.jpg"\r\n\r\n\r\n--b--\r\n'
)


def parts(body: bytes, size: int) -> list[tuple[str, str | None, bytes]]:
    reader, found = MultipartReader(b"b", 10), []
    for start in range(0, len(body), size):
        for event in reader.feed(body[start : start + size]):
            if isinstance(event, PartBegins):
                name, filename, data = event.name, event.filename, b""
            elif isinstance(event, PartData):
                data += event.data
            elif isinstance(event, PartEnds):
                found.append((name, filename, data))
    reader.finish()
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 61, 1000])
def test_however_the_body_is_cut_the_parts_are_the_same(size: int) -> None:
    assert parts(BODY, size) == [
        ("top_k", None, b"5"),
        ("files", 'sun"set.jpg', b"pic\r\n--ture\r\n--"),
        ("files", "été.jpg", b""),
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_what_stands_around_a_form_counts_the_same_however_it_is_cut(size: int) -> None:
    """The parser's own answer depended on the cuts. Found by the fuzzer."""
    whole = parts(BODY, 1000)
    assert parts(b"\r\n\n\r\n" + BODY, size) == whole
    assert parts(BODY[:-2] + b"\r~ anything --b\n", size) == whole
    for before in (b"\r\npreamble --b\r\n", b"preamble\r\n"):
        with pytest.raises(BadMultipart):
            parts(before + BODY, size)


def test_a_cut_off_form_is_told() -> None:
    for length in range(1, len(BODY) - 4):
        with pytest.raises(BadMultipart):
            parts(BODY[:length], 50)


def test_the_boundary_is_read_from_the_content_type() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    assert boundary_of("application/zip") is None and boundary_of("") is None
    for bad in ("multipart/form-data", "multipart/form-data; boundary="):
        with pytest.raises(BadMultipart):
            boundary_of(bad)
    with pytest.raises(BadMultipart):
        MultipartReader(b"x" * 300, 1)
