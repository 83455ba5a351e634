"""What a run found, as JSON and as a page."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Campaign:
    """One run over one stack. ``recoveries``: seconds by kind of fault; ``idle``: faults that found nothing to hurt."""

    name: str
    seed: int
    settings: dict[str, float]
    seconds: float = 0.0
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many faults were inflicted."""
        return sum(len(times) for times in self.recoveries.values())


def page(campaigns: Sequence[Campaign]) -> str:
    """Markdown: what was done and counted, and the recovery times (median, largest) of each kind of fault."""
    names = [campaign.name for campaign in campaigns]
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    lines += [
        _row("seed", [campaign.seed for campaign in campaigns]),
        _row("seconds", [round(campaign.seconds) for campaign in campaigns]),
        _row("faults inflicted", [campaign.faults for campaign in campaigns]),
    ]
    for figure in dict.fromkeys(name for campaign in campaigns for name in campaign.figures):
        lines.append(_row(figure, [campaign.figures.get(figure, "") for campaign in campaigns]))
    lines += [_row("promises broken", [len(campaign.broken) for campaign in campaigns]), ""]
    lines += ["| fault | times | median (s) | largest (s) |", "|---|---:|---:|---:|"]
    for fault in dict.fromkeys(name for campaign in campaigns for name in campaign.recoveries):
        times = [seconds for campaign in campaigns for seconds in campaign.recoveries.get(fault, [])]
        lines.append(f"| {fault} | {len(times)} | {statistics.median(times):.1f} | {max(times):.1f} |")
    for campaign in campaigns:
        said = [f"- {campaign.name}: {note}" for note in campaign.notes]
        if campaign.refusals:
            refused = ", ".join(f"{what} {n}" for what, n in sorted(campaign.refusals.items()))
            said.append(f"- {campaign.name}: answers after which a sender sent again: {refused}")
        if campaign.idle:
            idle = ", ".join(f"{what} {n}" for what, n in sorted(campaign.idle.items()))
            said.append(f"- {campaign.name}: faults that found nothing to hurt: {idle}")
        said += [f"- {campaign.name}: BROKEN: {what}" for what in campaign.broken]
        lines += ["", *said] if said else []
    return "\n".join(lines) + "\n"


def _row(name: str, cells: Sequence[object]) -> str:
    return f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |"


def write(campaigns: Sequence[Campaign], folder: Path) -> None:
    """Writes faults.md and faults.json into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.md").write_text(page(campaigns))
    (folder / "faults.json").write_text(json.dumps([asdict(campaign) for campaign in campaigns], indent=1) + "\n")
