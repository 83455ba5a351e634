"""What came out of a job, for the person who waited for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from cli.output import amount, console, own_name, plain, say, span

if TYPE_CHECKING:
    from client.values import Counts, JobView

MOST_TAGS = 25


@dataclass(slots=True)
class Tally:
    """Counts over a results file, with the first photo and the explanation for each reason."""

    tags: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {"rejected": Counter(), "failed": Counter()})
    examples: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, item: dict[str, Any]) -> None:
        """Takes one item in."""
        if item["decision"] == "accepted":
            self.tags.update(tag["label"] for tag in item["tags"])
            return
        self.reasons[item["decision"]][item["reason"]] += 1
        self.examples.setdefault(item["reason"], (item["name"], item["explanation"]))

    def passing(self, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The items as they come, each taken in: results of any length are read once."""
        for item in items:
            self.add(item)
            yield item


def as_json(jobs: Sequence["JobView"], found: Tally) -> dict[str, Any]:
    """The same for programs: the counts of all jobs together, photos by tag and by reason."""
    reasons = {decision: dict(counts) for decision, counts in found.reasons.items()}
    return {"counts": asdict(_together(jobs)), "tags": dict(found.tags), "reasons": reasons}


def show(jobs: Sequence["JobView"], found: Tally, model: dict[str, Any] | None) -> None:
    """Prints the whole summary of one or several jobs."""
    counts = _together(jobs)
    if not counts.total and all(job.state == "completed" for job in jobs):
        say(
            "There was no photo in it"
            + (f" ({amount(counts.skipped, 'other file')} skipped)" if counts.skipped else "")
            + "."
        )
        return
    if found.tags:
        table = Table("tag", "photos", title="Tags", title_justify="left")
        table.columns[1].justify = "right"
        for label, count in found.tags.most_common(MOST_TAGS):
            table.add_row(plain(label), f"{count:,}")
        if len(found.tags) > MOST_TAGS:
            table.add_row(f"and {len(found.tags) - MOST_TAGS} more", "")
        console.print(table)
    _reasons("Not tagged", found, "rejected")
    _reasons("Failed on our side", found, "failed")
    for job in jobs:
        _sources(job)
    _totals(counts, [job.seconds for job in jobs if job.seconds is not None])
    for job in jobs:
        if job.counts.failed:
            say(f"To try the failed ones again: {own_name()} retry {job.id}")
    if model is not None:
        say(f"About the model {plain(str(model['name']))}: {plain(str(model['knows']))}")
        say(f"To use another: --model NAME; what there is: {own_name()} model list")


def _reasons(title: str, found: Tally, decision: str) -> None:
    if not found.reasons[decision]:
        return
    table = Table("reason", "photos", "for example", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for reason, count in found.reasons[decision].most_common():
        name, explanation = found.examples[reason]
        table.add_row(reason.replace("_", " "), f"{count:,}", f"{plain(name)}\n[dim]{plain(explanation)}[/]")
    console.print(table)


def _sources(job: "JobView") -> None:
    for source in job.sources:
        if source.error is not None:
            say(f"{plain(source.name)} could not be opened: {escape(source.message or source.error)}")


def _totals(counts: "Counts", seconds: Sequence[float]) -> None:
    parts = [f"{amount(counts.total or 0, 'photo')}: {counts.accepted:,} tagged, {counts.rejected:,} not tagged"]
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    if counts.canceled:
        parts.append(f"{counts.canceled:,} canceled")
    if counts.skipped:
        parts.append(f"{amount(counts.skipped, 'other file')} skipped")
    if seconds:
        parts.append(f"in {span(sum(seconds))}")
    say(", ".join(parts))


def _together(jobs: Sequence["JobView"]) -> "Counts":
    """The counts of all jobs; a job that was never opened has no photos."""
    from client.values import Counts

    names = Counts.__dataclass_fields__
    return Counts(**{name: sum(getattr(job.counts, name) or 0 for job in jobs) for name in names})
