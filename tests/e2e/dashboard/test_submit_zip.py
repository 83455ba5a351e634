"""The ZIP that the browser makes, held against our reader of archives and the standard library's."""

import base64
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from worker.archive import ArchiveLimits, FileReader, Photo, read_directory, read_entry

ASSETS = Path(__file__).parents[3] / "dashboard" / "assets"
READ = """async (blob) => {
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """A blank page with the upload's functions for archives and names."""
    page = browser.new_page()
    for name in ("upload_zip.js", "upload_files.js", "upload_send.js"):
        page.add_script_tag(path=ASSETS / name)
    page.add_script_tag(content=f"globalThis.inBase64 = {READ}")
    yield page
    page.close()


def test_more_files_than_a_plain_zip_can_count(scripts: Page, tmp_path: Path) -> None:
    made = scripts.evaluate(
        """async () => {
          const encoder = new TextEncoder();
          const parts = [], records = [];
          let at = 0;
          for (let n = 0; n < 66000; n++) {
            const data = encoder.encode(`photo ${n}`);
            const name = encoder.encode(`día/${n} ☀.jpg`);
            const made = zipEntry(name, data.length, crc32(data, 0), Date.UTC(2024, 1, 29, 12), at);
            parts.push(made.header, data);
            records.push(made.record);
            at += made.header.length + data.length;
          }
          const directory = new Blob(records);
          return inBase64(new Blob([...parts, directory, zipEnd(records.length, directory.size, at)]));
        }"""
    )
    path = tmp_path / "many.zip"
    path.write_bytes(base64.b64decode(made))
    with path.open("rb") as file:
        reader = FileReader(file)
        fates = list(read_directory(reader, ArchiveLimits()))
        assert len(fates) == 66000
        last = fates[-1]
        assert isinstance(last, Photo) and last.entry.name == "día/65999 ☀.jpg"
        assert read_entry(reader, last.entry, 100) == b"photo 65999"
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].date_time[:3] == (2024, 2, 29) and archive.read("día/7 ☀.jpg") == b"photo 7"


def test_files_and_archives_beyond_four_gigabytes(scripts: Page, tmp_path: Path) -> None:
    """Headers are the browser's; the data between them is a hole in a file, for nobody has so many bytes to spare."""
    sizes = [5_000_000_000, 3]
    made = scripts.evaluate(
        """async (sizes) => {
          const headers = [], records = [];
          let at = 0;
          for (const [n, size] of sizes.entries()) {
            const name = new TextEncoder().encode(`${n}.jpg`);
            const made = zipEntry(name, size, crc32(new TextEncoder().encode("abc"), 0), Date.now(), at);
            headers.push([at, await inBase64(new Blob([made.header]))]);
            records.push(made.record);
            at += made.header.length + size;
          }
          const directory = new Blob(records);
          return [headers, at, await inBase64(new Blob([directory, zipEnd(sizes.length, directory.size, at)]))];
        }""",
        sizes,
    )
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        for at, header in made[0]:
            file.seek(at)
            file.write(base64.b64decode(header))
        file.write(b"abc")
        file.seek(made[1])
        file.write(base64.b64decode(made[2]))
    try:
        with path.open("rb") as file:
            reader = FileReader(file)
            fates = [
                f.entry for f in read_directory(reader, ArchiveLimits(max_entry_bytes=2**33)) if isinstance(f, Photo)
            ]
            assert [entry.size for entry in fates] == sizes and fates[1].offset > 2**32
            assert read_entry(reader, fates[1], 100) == b"abc"
        with zipfile.ZipFile(path) as archive:
            assert [info.file_size for info in archive.infolist()] == sizes and archive.read("1.jpg") == b"abc"
    finally:
        path.unlink()


def test_checksums_names_and_files_that_have_changed(scripts: Page) -> None:
    found = scripts.evaluate(
        """async () => {
          const bytes = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 131 + 7) & 255);
          const whole = bytes(1003);
          const parts = crc32(whole.slice(500), crc32(whole.slice(0, 500), 0));
          const gone = { size: 3, lastModified: 0, arrayBuffer: async () => { throw new Error("gone"); } };
          const kept = new File(["abc"], "b");
          const stop = new AbortController();
          const { unread } = await zipOf([{ name: "a", file: gone }, { name: "b", file: kept }], () => {}, stop.signal);
          const paths = ["x/a.jpg", "x/a.jpg", "x/y\\\\b"];
          const same = named(paths.map((path) => ({ path, file: kept })));
          const long = shown("é".repeat(300) + "\\n.jpg").length;
          const names = [unread, same.entries].map((some) => some.map((one) => one.name));
          return [crc32(whole, 0), parts, ...names, same.title, long];
        }"""
    )
    data = bytes((i * 131 + 7) & 255 for i in range(1003))
    expected = zlib.crc32(data)
    assert found == [expected, expected, ["a"], ["a.jpg", "a (2).jpg", "y%5Cb"], "x.zip", 200]
