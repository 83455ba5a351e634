"""Reviewed photos as folders that can be trained on, and as a manifest that says where each came from."""

import hashlib
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client.values import Item

TRAIN, TEST = "train", "test"
OUTLIERS = {TRAIN: "train-outliers", TEST: "test-outliers"}
MANIFEST = "manifest.jsonl"
LONGEST_FOLDER = 120
_UNSAFE = frozenset('/\\:*?"<>|')

Fetch = Callable[["Item"], bytes]


class PhotoMissing(Exception):
    """There is no picture of an item; ``why`` is the server's word for it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Kept:
    item: str
    part: str
    path: Path
    label: str | None
    reviewed_at: datetime


@dataclass(slots=True)
class DataSet:
    """A data set under way in ``folder``. ``holdout`` is the share of photos that go into the test part.

    A photo's part follows from its content alone, so it stays where it is when a later export has more photos. Of the
    same photo reviewed twice the later review counts. What is held in memory is a few words for each photo.
    """

    folder: Path
    holdout: float
    reviewed: int = 0
    repeated: int = 0
    missing: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    _kept: dict[bytes, _Kept] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)

    def fill(self, items: Iterable["Item"], fetch: Fetch, on_item: Callable[[int], None]) -> None:
        """Takes in every item that has a review; ``fetch`` gives its picture, or raises `PhotoMissing`."""
        draft = self.folder / f".{MANIFEST}"
        with draft.open("w", encoding="utf-8") as lines:
            for item in items:
                line = self._take(item, fetch)
                if line is not None:
                    lines.write(json.dumps(line, ensure_ascii=False) + "\n")
                on_item(self.reviewed)
        with draft.open(encoding="utf-8") as lines, (self.folder / MANIFEST).open("w", encoding="utf-8") as final:
            final.writelines(line for line in lines if json.loads(line)["item"] not in self._replaced)
        draft.unlink()

    def counts(self, part: str) -> dict[str, int]:
        """How many photos each label has in `TRAIN` or `TEST`."""
        found = Counter(k.label for k in self._kept.values() if k.label is not None and k.part == part)
        return {label: found[label] for label in sorted(self.folders)}

    def outliers(self, part: str) -> int:
        """How many photos there that show none of the model's labels."""
        return sum(kept.label is None and kept.part == part for kept in self._kept.values())

    def zip(self) -> None:
        """Makes a ZIP of each part, beside the manifest, and removes the folder it was made from."""
        for part in [path for path in self.folder.iterdir() if path.is_dir()]:
            # The photos are JPEGs: deflating them would save nothing.
            with zipfile.ZipFile(part.with_suffix(".zip"), "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(path for path in part.rglob("*") if path.is_file()):
                    archive.write(path, path.relative_to(part))
            shutil.rmtree(part)

    def _take(self, item: "Item", fetch: Fetch) -> dict[str, Any] | None:
        """The manifest's line of an item; ``None`` where a later review of the same photo is there already."""
        assert item.review is not None
        self.reviewed += 1
        try:
            data = fetch(item)
        except PhotoMissing as error:
            self.missing.setdefault(error.why, []).append(f"{item.id} ({item.name})")
            return {"file": None, "missing": error.why, **_origin(item)}
        digest = hashlib.sha256(data).digest()
        before = self._kept.get(digest)
        if before is not None:
            self.repeated += 1
            if item.review.reviewed_at <= before.reviewed_at:
                return None
            before.path.unlink()
            self._replaced.add(before.item)
        label, at = item.review.label, item.review.reviewed_at
        part = TEST if int.from_bytes(digest[:8]) < self.holdout * 2**64 else TRAIN
        place = self.folder / (OUTLIERS[part] if label is None else f"{part}/{self._folder_of(label)}")
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{item.id}.jpg"
        path.write_bytes(data)
        self._kept[digest] = _Kept(item.id, part, path, label, at)
        return {"file": path.relative_to(self.folder).as_posix(), **_origin(item)}

    def _folder_of(self, label: str) -> str:
        """The label as a folder's name: itself where it can be one, and never that of another label."""
        if label not in self.folders:
            name = folder_name(label)
            taken = {folder.casefold() for folder in self.folders.values()}
            number = 2
            while name.casefold() in taken:
                name, number = f"{folder_name(label)}~{number}", number + 1
            self.folders[label] = name
        return self.folders[label]


def folder_name(label: str) -> str:
    """``label`` as a visible folder of its own: no path, nothing hidden, not too long."""
    clean = "".join("_" if c in _UNSAFE or not c.isprintable() else c for c in label).strip()
    clean = clean.encode()[:LONGEST_FOLDER].decode(errors="ignore").rstrip(" .")
    if not clean or clean.startswith(".") or clean == "__MACOSX":
        clean = "_" + clean.lstrip(".")
    return clean


def _origin(item: "Item") -> dict[str, Any]:
    assert item.review is not None
    return {
        "item": item.id,
        "job": item.job,
        "name": item.name,
        "model": item.model,
        "version": item.version,
        "decision": item.decision,
        "judged": item.label,
        "reviewed": item.review.label,
        "reviewed_at": item.review.reviewed_at.isoformat(),
    }
