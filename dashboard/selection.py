"""What the history is narrowed to: as an address, as filters of the API, and as a count of totals."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from client.values import Counts
from dashboard import words

DECISIONS = ("accepted", "rejected", "failed")
REVIEWED = {"yes": True, "no": False}
TEXTS = ("label", "model", "name")
DAYS = ("from", "to")
FIELDS = ("from", "to", "label", "decision", "reason", "model", "name", "reviewed")
LONGEST = 200
Selection = dict[str, Any]


def read(address: Mapping[str, str]) -> Selection:
    """The choices that an address holds, one for each of `FIELDS`; ``None`` for what is missing or makes no sense."""
    found: Selection = dict.fromkeys(FIELDS)
    for field in TEXTS:
        found[field] = address.get(field, "").strip()[:LONGEST] or None
    for field in DAYS:
        found[field] = _day(address.get(field, ""))
    found["decision"] = address.get("decision") if address.get("decision") in DECISIONS else None
    found["reason"] = address.get("reason") if address.get("reason") in words.REASONS else None
    found["reviewed"] = address.get("reviewed") if address.get("reviewed") in REVIEWED else None
    return found


def write(chosen: Mapping[str, Any]) -> dict[str, str]:
    """The address of choices: only those that were made."""
    return {field: str(chosen[field]) for field in FIELDS if chosen.get(field)}


def filters(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the client's filters."""
    asked = {field: chosen.get(field) for field in FIELDS}
    return {
        **{name: asked[name] for name in ("decision", "reason", "label", "model", "name", "to")},
        "from_": asked["from"],
        "reviewed": REVIEWED.get(asked["reviewed"] or ""),
    }


def countable(chosen: Mapping[str, Any]) -> bool:
    """Whether totals can count the selection: they know neither names nor reviews."""
    return not chosen.get("name") and not chosen.get("reviewed")


def counted(rows: Iterable[Mapping[str, Any]], chosen: Mapping[str, Any]) -> Counts:
    """How many photos the selection holds, by fate, from totals by decision, reason, label and model of its days."""
    sums = dict.fromkeys(DECISIONS, 0)
    for row in rows:
        if all(
            not chosen.get(field) or row[field] == chosen[field] for field in ("decision", "reason", "label", "model")
        ):
            sums[row["decision"]] = sums.get(row["decision"], 0) + row["count"]
    return Counts(sum(sums.values()), 0, sums["accepted"], sums["rejected"], sums["failed"], 0, 0)


def options(rows: Iterable[Mapping[str, Any]], field: str, chosen: str | None) -> list[str]:
    """What there is of a field among totals, and what is chosen already, in order."""
    return sorted({str(row[field]) for row in rows if row[field]} | ({chosen} if chosen else set()))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
