"""Tags put into sidecars that other programs wrote, read back by other programs, and taken out again."""

import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image
from sidecars import EXIFTOOL, OTHERS, exiftool, exiv2, rewritten

from xmp.edit import cleared, fresh, job_in, merged
from xmp.marks import Marks, Tag, Words, above
from xmp.packet import NotXmp

JOB, LATER = "01JZ8Q4T9M6W3V5X7Y2A1B0C4D", "01JZ8Q4T9M6W3V5X7Y2A1B0C4E"
TAGS = (Tag("sea", 0.93), Tag("beagle", 0.61, ("animal", "dog")))


def marks(*tags: Tag, job: str = JOB, root: str = "Shoebox") -> Marks:
    return Marks(job, "scenes", "2", "9f1c20ab37de5510", tags or TAGS, root, "IMG.jpg")


def at(folder: Path, data: bytes) -> Path:
    path = folder / "photo.jpg.xmp"
    path.write_bytes(data)
    return path


def canonical(data: bytes) -> bytes:
    return etree.tostring(etree.fromstring(data).getroottree(), method="c14n", with_comments=True)


def test_a_new_sidecar_says_the_same_to_every_reader(tmp_path: Path) -> None:
    path = at(tmp_path, fresh(marks()).data)

    found = exiv2(path)
    assert found["Xmp.dc.subject"] == ["sea", "beagle"]
    assert found["Xmp.lr.hierarchicalSubject"] == ["Shoebox|sea", "Shoebox|animal|dog|beagle"]
    assert found["Xmp.digiKam.TagsList"] == ["Shoebox/sea", "Shoebox/animal/dog/beagle"]
    assert (found["Xmp.shoebox.JobId"], found["Xmp.shoebox.ModelName"], found["Xmp.shoebox.ModelVersion"]) == (
        JOB,
        "scenes",
        "2",
    )
    assert found["Xmp.shoebox.JudgedTags[2]/shoebox:Label"] == "beagle"
    assert float(found["Xmp.shoebox.JudgedTags[2]/shoebox:Confidence"]) == pytest.approx(0.61)
    if second := exiftool(path):
        assert second["XMP-dc:Subject"] == found["Xmp.dc.subject"]
        assert second["XMP-lr:HierarchicalSubject"] == found["Xmp.lr.hierarchicalSubject"]
        assert second["XMP-digiKam:TagsList"] == found["Xmp.digiKam.TagsList"]
        assert second["XMP-shoebox:JudgedTags"][0] == {"Label": "sea", "Confidence": 0.93}


@pytest.mark.skipif(EXIFTOOL is None, reason="Exiv2 copies nothing by name")
def test_who_copies_a_sidecar_into_a_photo_copies_its_keywords_alone(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (16, 16)).save(photo)
    sidecar = at(tmp_path, fresh(marks()).data)
    command = [str(EXIFTOOL), "-q", "-overwrite_original", "-tagsfromfile", str(sidecar), "-XMP:all", str(photo)]
    subprocess.run(command, check=True)
    found = {name for name in exiftool(photo) if name.startswith("XMP")}
    assert found == {"XMP-x:XMPToolkit", "XMP-dc:Subject", "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList"}


def test_names_in_any_script_and_with_the_signs_that_part_levels(tmp_path: Path) -> None:
    odd = marks(Tag("<海 & Größe>", 0.9), Tag("desktop/laptop|pc", 0.8), Tag("bell\x07", 0.7), root="Ordner & Co")
    found = exiv2(at(tmp_path, fresh(odd).data))
    assert found["Xmp.dc.subject"] == ["<海 & Größe>", "desktop/laptop|pc", "bell\ufffd"]
    assert found["Xmp.lr.hierarchicalSubject"][:2] == ["Ordner & Co|<海 & Größe>", "Ordner & Co|desktop-laptop-pc"]
    assert found["Xmp.digiKam.TagsList"][1] == "Ordner & Co/desktop-laptop-pc"


def foreign(found: dict[str, Any]) -> dict[str, Any]:
    lists = ("Xmp.dc.subject", "Xmp.lr.hierarchicalSubject", "Xmp.digiKam.TagsList")
    return {key: value for key, value in found.items() if key not in lists and not key.startswith("Xmp.shoebox.")}


@pytest.mark.parametrize("program", OTHERS)
def test_what_others_wrote_stays_and_ours_is_added_once(program: str, tmp_path: Path) -> None:
    path = at(tmp_path, OTHERS[program])
    before, seen = exiv2(path), exiftool(path)
    words = before.get("Xmp.dc.subject", [])
    words = words if isinstance(words, list) else [words]

    edited = merged(OTHERS[program], marks())
    path.write_bytes(edited.data)
    after = exiv2(path)

    assert foreign(after) == foreign(before)
    assert after["Xmp.dc.subject"] == words + [word for word in ("sea", "beagle") if word not in words]
    assert after["Xmp.lr.hierarchicalSubject"][-2:] == ["Shoebox|sea", "Shoebox|animal|dog|beagle"]
    assert after["Xmp.digiKam.TagsList"][-2:] == ["Shoebox/sea", "Shoebox/animal/dog/beagle"]
    assert "sea" in edited.added.subjects or "sea" in words
    assert not edited.own_file
    if seen:
        now = exiftool(path)
        same = [key for key in seen if not key.startswith(("XMP-dc:Subject", "XMP-lr:H", "XMP-digiKam:T"))]
        assert same and {key: now[key] for key in same} == {key: seen[key] for key in same}

    assert merged(edited.data, marks()).data == edited.data


@pytest.mark.parametrize("program", [name for name in OTHERS if name not in ("rdf alone", "attribute", "empty")])
def test_taking_out_leaves_the_file_as_it_was(program: str) -> None:
    data = OTHERS[program]
    found = cleared(merged(data, marks()).data, JOB)
    assert found is not None and found.data is not None
    assert canonical(found.data) == canonical(data)
    assert found.data[:40] == data[:40] and found.data[-30:] == data[-30:]
    assert cleared(found.data, JOB) is None


@pytest.mark.parametrize(("program", "word"), [("rdf alone", "one word"), ("attribute", "word")])
def test_a_list_written_as_one_text_keeps_its_word(program: str, word: str, tmp_path: Path) -> None:
    found = cleared(merged(OTHERS[program], marks()).data, JOB)
    assert found is not None and found.data is not None
    after = exiv2(at(tmp_path, found.data))
    assert after.pop("Xmp.dc.subject") == [word]
    assert after == foreign(exiv2(at(tmp_path, OTHERS[program])))


def test_outside_the_root_every_byte_stays() -> None:
    padding = b"\n" + b" " * 2000
    data = OTHERS["digikam"].replace(b'<?xpacket end="w"?>', padding + b'<?xpacket end="w"?>')
    edited = merged(data, marks()).data
    assert edited.endswith(padding + b'<?xpacket end="w"?>\n') and edited.startswith(data[:60])
    assert b"\r\n" in merged(OTHERS["windows lines"], marks()).data
    assert merged(OTHERS["windows lines"], marks()).data.count(b"\n") == merged(
        OTHERS["windows lines"], marks()
    ).data.count(b"\r\n")


def test_all_descriptions_are_about_the_same(tmp_path: Path) -> None:
    data = merged(OTHERS["digikam"], marks()).data
    assert data.count(b'"uuid:faf5bdd5-ba3d-11da-ad31-d33d75182f1b"') == 3


def test_a_second_verdict_replaces_what_the_first_added(tmp_path: Path) -> None:
    first = merged(OTHERS["lightroom"], marks())
    second = merged(first.data, marks(Tag("forest", 0.8), job=LATER, root="Auto"))

    found = exiv2(at(tmp_path, second.data))
    assert found["Xmp.dc.subject"] == ["holiday", "sea", "forest"]
    assert found["Xmp.lr.hierarchicalSubject"] == ["places|Rome & around", "Auto|forest"]
    assert found["Xmp.digiKam.TagsList"] == ["Auto/forest"]
    assert job_in(second.data) == LATER
    assert cleared(second.data, JOB) is None
    gone = cleared(second.data, LATER)
    assert gone is not None and gone.data is not None and canonical(gone.data) == canonical(OTHERS["lightroom"])
    assert cleared(second.data, None) == gone


def test_an_accent_written_in_two_ways_is_the_same_word(tmp_path: Path) -> None:
    data = OTHERS["darktable"].replace("größe".encode(), unicodedata.normalize("NFD", "größe").encode())
    edited = merged(data, marks(Tag("größe", 0.9)))
    assert edited.added.subjects == () and len(exiv2(at(tmp_path, edited.data))["Xmp.dc.subject"]) == 2


def test_a_sidecar_of_ours_alone_is_left_empty_and_one_that_gained_something_is_not(tmp_path: Path) -> None:
    ours = fresh(marks())
    assert cleared(ours.data, JOB).data is None  # type: ignore[union-attr]
    path = at(tmp_path, ours.data)
    rewritten(path, "mine")
    found = cleared(path.read_bytes(), JOB)
    assert found is not None and found.data is not None
    path.write_bytes(found.data)
    after = exiv2(path)
    assert after["Xmp.dc.subject"] == ["mine"] and after["Xmp.xmp.Rating"] == "3"
    assert not [key for key in after if "shoebox" in key or "TagsList" in key or "hierarchical" in key]


@pytest.mark.parametrize("program", ["lightroom", "digikam", "windows lines"])
def test_ours_is_found_again_after_another_program_wrote_the_file_anew(program: str, tmp_path: Path) -> None:
    path = at(tmp_path, merged(OTHERS[program], marks()).data)
    rewritten(path, "mine")
    found = cleared(path.read_bytes(), JOB)
    assert found is not None and found.data is not None
    path.write_bytes(found.data)
    after = exiv2(path)
    kept = ["holiday", "sea"] if program != "digikam" else []
    assert after["Xmp.dc.subject"] == [*kept, "mine"]
    assert not [key for key in after if "shoebox" in key]


def test_what_was_noted_elsewhere_serves_when_our_namespace_is_gone(tmp_path: Path) -> None:
    edited = merged(OTHERS["lightroom"], marks())
    text = edited.data.decode()
    begin = text.index("<shoebox:JobId>")
    stripped = (text[:begin] + text[text.rindex("</shoebox:AddedTagsList>") + 24 :]).encode()
    assert cleared(stripped, JOB) is None
    found = cleared(stripped, JOB, edited.added)
    assert found is not None and found.data is not None
    assert canonical(found.data) == canonical(OTHERS["lightroom"])
    assert cleared(found.data, JOB, edited.added) is None
    assert cleared(OTHERS["digikam"], JOB, Words(("sea",), (), ())) is None


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(
        b'<!ENTITY lol%d "%s">' % (n, b"&lol%s;" % (str(n - 1).encode() if n > 1 else b"") * 10) for n in range(1, 10)
    )
    + b']><x:xmpmeta xmlns:x="adobe:ns:meta/">&lol9;</x:xmpmeta>'
)


def test_entities_are_never_expanded_and_nothing_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    outside = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()
    lightroom = OTHERS["lightroom"]
    for data in (
        BOMB,
        BOMB.decode().replace('<?xml version="1.0"?>', "").encode("utf-16"),
        outside + lightroom.replace(b"holiday", b"&e;"),
        b'<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">' + lightroom,
    ):
        with pytest.raises(NotXmp, match="document type"):
            merged(data, marks())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"just text",
        b"\xff\xd8\xff\xe0 a photo",
        OTHERS["lightroom"][:-30],
        OTHERS["lightroom"].replace(b"</rdf:Bag>", b"</rdf:Seq>"),
        b"<html><body/></html>",
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><other/></x:xmpmeta>',
        b"<a>" * 5000 + b"</a>" * 5000,
        b'<?xml version="1.0" encoding="no-such"?>' + OTHERS["lightroom"],
        OTHERS["lightroom"] + OTHERS["lightroom"],
        OTHERS["latin-1"].replace(b"ISO-8859-1", b"UTF-8"),
    ],
)
def test_what_is_no_xmp_is_refused(data: bytes) -> None:
    with pytest.raises(NotXmp):
        merged(data, marks())


def test_categories_are_listed_from_the_top_and_a_circle_ends() -> None:
    parents = {"beagle": "dog", "dog": "animal"}
    assert above("beagle", parents) == ("animal", "dog")
    assert above("sea", parents) == ()
    assert above("a", {"a": "b", "b": "a"}) == ("a", "b")
