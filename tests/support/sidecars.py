"""Sidecars as other programs write them, and independent programs that read them back."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EXIFTOOL = shutil.which("exiftool")
_READER = Path(__file__).with_name("read_xmp.py")
_HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Test 1.0">\n <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
_TAIL = " </rdf:RDF>\n</x:xmpmeta>\n"
_SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/" '
    'xmlns:darktable="http://darktable.sf.net/" xmlns:digiKam="http://www.digikam.org/ns/1.0/"'
)

LIGHTROOM = f"""\
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000 1.000000, 0000/00/00-00:00:00        ">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" {_SPACES}
   xmp:Rating="4"
   xmp:Label="Red"
   crs:Exposure2012="+0.35"
   crs:HasSettings="True">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>holiday</rdf:li>
     <rdf:li>sea</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>places|Rome &amp; around</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <crs:ToneCurvePV2012>
    <rdf:Seq>
     <rdf:li>0, 0</rdf:li>
     <rdf:li>255, 255</rdf:li>
    </rdf:Seq>
   </crs:ToneCurvePV2012>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
DARKTABLE = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" {_SPACES} xmp:Rating="1" darktable:xmp_version="5">
   <dc:subject>
    <rdf:Seq>
     <rdf:li>darktable</rdf:li>
     <rdf:li>größe</rdf:li>
    </rdf:Seq>
   </dc:subject>
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:num="0" darktable:operation="exposure" darktable:params="gz02eJxjYGBg"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
DIGIKAM = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
{_HEAD}  <rdf:Description rdf:about="uuid:faf5bdd5-ba3d-11da-ad31-d33d75182f1b" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <xmp:Rating>5</xmp:Rating>
  </rdf:Description>
  <!-- the tags stand on their own -->
  <rdf:Description rdf:about="uuid:faf5bdd5-ba3d-11da-ad31-d33d75182f1b"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>People/Anna</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
  </rdf:Description>
{_TAIL}<?xpacket end="w"?>
"""
BARE = f"""\
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" {_SPACES}><dc:subject>one word</dc:subject></rdf:Description>
</rdf:RDF>
"""
ATTRIBUTE = f'{_HEAD}  <rdf:Description rdf:about="" {_SPACES} dc:subject="word" xmp:Rating="2"/>\n{_TAIL}'
EMPTY = f'{_HEAD}  <rdf:Description rdf:about="" {_SPACES}/>\n{_TAIL}'
NOTHING = f"{_HEAD}{_TAIL}"
COMMENTED = f"""\
<!-- before --><?keep this?>
{_HEAD}  <!-- inside -->
  <rdf:Description rdf:about="" {_SPACES}><!-- a note -->
   <dc:subject><rdf:Bag><rdf:li>holiday</rdf:li><!-- last --></rdf:Bag></dc:subject>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default"><![CDATA[Tom & <Anna>]]></rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
{_TAIL}<!-- after -->
"""
OTHERS = {
    "lightroom": LIGHTROOM.encode(),
    "darktable": DARKTABLE.encode(),
    "digikam": DIGIKAM.encode(),
    "rdf alone": BARE.encode(),
    "attribute": ATTRIBUTE.encode(),
    "empty": EMPTY.encode(),
    "nothing": NOTHING.encode(),
    "comments": COMMENTED.encode(),
    "byte order mark": b"\xef\xbb\xbf" + DARKTABLE.encode(),
    "windows lines": LIGHTROOM.replace("\n", "\r\n").encode(),
    "utf-16": DIGIKAM.encode("utf-16"),
    "latin-1": DARKTABLE.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
}


def exiv2(path: Path) -> dict[str, Any]:
    """What Exiv2 reads in a sidecar, by its keys."""
    done = subprocess.run([sys.executable, str(_READER), str(path)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exiftool(path: Path) -> dict[str, Any]:
    """What ExifTool reads in a sidecar, by its names; empty where there is no ExifTool, for Exiv2 has read it too."""
    if EXIFTOOL is None:
        return {}
    command = [EXIFTOOL, "-j", "-G1", "-struct", "-XMP:all", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def rewritten(path: Path, *keywords: str) -> None:
    """Has Exiv2, the library in digiKam and darktable, write a sidecar anew with keywords more and a rating."""
    code = (
        "import exiv2, sys\n"
        "image = exiv2.ImageFactory.open(sys.argv[1]); image.readMetadata(); data = image.xmpData()\n"
        "there = 'Xmp.dc.subject' in data\n"
        "words = data['Xmp.dc.subject'].getValue() if there else exiv2.XmpArrayValue(exiv2.TypeId.xmpBag)\n"
        "for word in sys.argv[2:]: words.read(word)\n"
        "data['Xmp.dc.subject'] = words; data['Xmp.xmp.Rating'] = '3'; image.writeMetadata()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), *keywords], check=True)


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights, where the tests run as root, whom nothing is forbidden."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
