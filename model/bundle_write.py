"""Writes a bundle: every file first, then the manifest that seals them, then the folder takes its place at once."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from model.bundle import MANIFEST, Bundle, Manifest, seal, sha256


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes | Path]) -> Bundle:
    """Writes ``files`` (name to contents, or to a file to copy) and bundle.json to ``folder``, replacing what is there.

    Returns the bundle as `Bundle.open` reads it. Raises `BundleInvalid` and leaves ``folder`` alone when the parts do
    not belong together.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as place:
        fresh, old = Path(place) / "fresh", Path(place) / "old"
        fresh.mkdir(mode=0o755)
        for name, contents in files.items():
            if isinstance(contents, Path):
                shutil.copyfile(contents, fresh / name)
            else:
                (fresh / name).write_bytes(contents)
        known = {field.name for field in fields(Manifest)}
        document = {name: value for name, value in asdict(manifest).items() if name in known}
        document["files"] = {name: sha256(fresh / name) for name in sorted(files)}
        document = json.loads(json.dumps(document, allow_nan=False))
        document["seal"] = seal(document)
        (fresh / MANIFEST).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        Bundle.open(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    return Bundle.open(folder)
