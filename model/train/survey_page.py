"""The survey as files: ``data.json``, contact sheets, and ``data.html``, a page that needs nothing beside it."""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from model.train import sheet
from model.train.prepare import Prepared
from model.train.survey import Survey, summary

PAGE, FINDINGS = "data.html", "data.json"
SHOWN = 24  # pairs on a sheet
LISTED = 200  # names in a list; data.json has them all

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.2rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.bar { display: inline-block; height: .8em; background: #4a7ab5 } img { max-width: 100% }
.scroll { max-height: 22rem; overflow: auto }
"""


def write(folder: Path, parts: Sequence[Prepared], found: Survey, size: int, seed: int) -> Path:
    """Writes the page, the findings and the sheets (``samples.png``, ``augmented.png`` and, where there are any,
    ``suspicious.png`` and ``leakage.png``) into ``folder``; returns the page. ``size`` is the side of augmented views.
    """
    random, known = np.random.default_rng(seed), parts[0]
    pixels, targets, labels = known.pixels, known.photos.targets.copy(), known.photos.labels
    targets[known.facts.problem != ""] = -1  # what cannot be read is on no sheet
    there = [label for label in range(len(labels)) if (targets == label).any()]
    sheets = {"samples": sheet.sheet(sheet.samples(pixels, targets, labels, random))}
    if len(there) == len(labels):
        sheets["augmented"] = sheet.sheet(sheet.augmented(pixels, targets, labels, size, random))
    for name, pairs in (("suspicious", found.conflicts), ("leakage", found.leaks)):
        if pairs:
            sheets[name] = sheet.sheet([_pair(parts, *pair) for pair in pairs[:SHOWN]])
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("suspicious", "leakage", "augmented"):
        (folder / f"{old}.png").unlink(missing_ok=True)
    for name, data in sheets.items():
        (folder / f"{name}.png").write_bytes(data)
    (folder / FINDINGS).write_text(json.dumps(found.findings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(found.findings, sheets), encoding="utf-8")
    return folder / PAGE


def page(findings: dict[str, Any], sheets: dict[str, bytes]) -> str:
    """The findings and the sheets (PNG by name) as one HTML page."""
    notes = "".join(f"<li>{escape(line)}</li>" for line in summary(findings))
    parts = list(findings["parts"])
    most = max(max(each["classes"].values()) for each in findings["parts"].values())
    rows = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f'<td class="number">{findings["parts"][part]["classes"][label]:,}</td>' for part in parts)
        + f'<td><span class="bar" style="width:{200 * count / max(1, most):.0f}px"></span></td></tr>'
        for label, count in findings["parts"][parts[0]]["classes"].items()
    )
    heads = "".join(f"<th>{part}</th>" for part in parts)
    sections = [
        f'<h2>Classes</h2><div class="scroll"><table><tr><th>class</th>{heads}<th></th></tr>{rows}</table></div>',
        _image("Samples", "Photos drawn at random, class by class (the first 40 classes).", sheets.get("samples")),
        _image("As training sees them", "Views at random, new ones every epoch.", sheets.get("augmented")),
        _sizes(findings),
        _twins(findings),
        _image("Suspicious labels", "The same or nearly the same picture, two labels.", sheets.get("suspicious")),
        _list([_told(pair) for pair in findings["suspicious"]]),
        _image("Leakage", "The same or nearly the same picture in training and validation.", sheets.get("leakage")),
        _list([_told(pair) for pair in findings["leakage"]]),
        _titled("Unreadable", [f"{each['name']}: {each['why']}" for each in findings["unreadable"]]),
        _titled("Left out", findings["skipped"]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The data</title>'
        f"<style>{STYLE}</style></head><body><h1>The data</h1><ul>{notes}</ul>{''.join(sections)}</body></html>\n"
    )


def _pair(parts: Sequence[Prepared], *pair: int) -> sheet.Row:
    pictures, words = [], []
    for i in pair:
        part, at = (parts[0], i) if i < len(parts[0].photos) else (parts[1], i - len(parts[0].photos))
        pictures.append(part.pixels[at])
        words.append(f"{part.photos.names[at]} ({part.photos.labels[part.photos.targets[at]]})")
    return "   |   ".join(words), pictures


def _sizes(findings: dict[str, Any]) -> str:
    sizes = findings["sizes"]
    rows = "".join(
        f"<tr><td>{name}</td>"
        + "".join(f'<td class="number">{value:,}</td>' for value in sizes[name].values())
        + "</tr>"
        for name in ("width", "height", "bytes")
        if sizes[name]
    )
    formats = ", ".join(f"{escape(name)} {count:,}" for name, count in findings["formats"].items())
    return (
        f"<h2>Sizes and formats</h2><table><tr><th></th><th>least</th><th>median</th><th>most</th></tr>{rows}</table>"
        f"<p>{sizes['share_smaller_than_read']:.1%} are smaller than the {findings['reading_size']} pixels at which "
        f"photos are read. Formats: {formats}.</p>"
    )


def _twins(findings: dict[str, Any]) -> str:
    found = findings["duplicates"]
    return (
        f"<h2>Duplicates</h2><p>{found['files_there_more_than_once']:,} files are there more than once "
        f"({found['copies_too_many']:,} copies too many; {found['same_across_classes']:,} of the files lie in more "
        f"than one class). {found['near_pairs']:,} pairs are nearly the same picture: {found['near_within_classes']:,} "
        f"within a class, {found['near_across_classes']:,} across classes.</p>"
    )


def _told(pair: dict[str, Any]) -> str:
    one, other = (f"{each['name']} ({each['label']}, {each['part']})" for each in pair["photos"])
    return f"{one} {'is the same file as' if pair['same_file'] else 'is nearly the same as'} {other}"


def _image(title: str, words: str, data: bytes | None) -> str:
    if data is None:
        return ""
    encoded = base64.b64encode(data).decode()
    return f'<h2>{title}</h2><p>{words}</p><img alt="{title}" src="data:image/png;base64,{encoded}">'


def _titled(title: str, lines: list[str]) -> str:
    return f"<h2>{title}</h2>{_list(lines)}" if lines else ""


def _list(lines: list[str]) -> str:
    more = f"<li>and {len(lines) - LISTED:,} more, in {FINDINGS}</li>" if len(lines) > LISTED else ""
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines[:LISTED])
    return f'<ul class="scroll">{shown}{more}</ul>' if lines else ""
