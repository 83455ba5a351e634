"""Progress of an upload and of a job, on standard error: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.output import amount, errors, lively, note, plain, span

if TYPE_CHECKING:
    from client.values import JobView

LINE_SECONDS = 5.0


@contextmanager
def uploading(total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told the bytes sent so far; ``total`` may be an estimate."""
    if not lively():
        note(f"sending {total / 1e6:,.1f} MB")
        yield lambda sent: None
        return
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda sent: bar.update(task, completed=min(sent, total))


@contextmanager
def looking() -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many photos of a folder were looked at."""
    if not lively():
        yield lambda seen: None
        return
    columns = (SpinnerColumn(), TextColumn("looking at the folder: {task.completed:,.0f} photos"))
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda seen: bar.update(task, completed=seen)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many of ``total`` are done. Shown on standard error: results may be JSON."""
    if not lively():
        note(f"{plain(what)}: {total:,}")
        yield lambda done: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def several() -> Iterator[Callable[[str, int, int], None]]:
    """Gives a function that hears what is done, how many of it and of how many: a bar for each, on standard error."""
    if not lively():
        yield lambda what, done, total: note(f"{plain(what)}: {total:,}") if done == total else None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(plain(what), total=total)
            bars.update(tasks[what], completed=done)

        yield show


@contextmanager
def judging() -> Iterator[Callable[["JobView"], None]]:
    """Gives a function that is shown the job at each look."""
    if not lively():
        yield _Lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("waiting", total=None)

        def show(job: "JobView") -> None:
            bar.update(task, total=job.counts.total, completed=job.counts.done, description=describe(job))

        yield show


def describe(job: "JobView") -> str:
    """A job's progress in words."""
    if job.counts.total is None:
        return {"queued": "waiting for a worker", "unpacking": "reading the ZIP"}.get(job.state, job.state)
    text = f"{job.counts.done:,} of {amount(job.counts.total, 'photo')}"
    if job.rate:
        text += f", {job.rate:,.1f}/s"
    if job.eta_seconds and not job.finished:
        text += f", {span(job.eta_seconds)} left"
    return text


class _Lines:
    def __init__(self) -> None:
        self._said = ""
        self._at = 0.0

    def __call__(self, job: "JobView") -> None:
        text = describe(job)
        due = job.finished or time.monotonic() - self._at >= LINE_SECONDS
        if due and text != self._said:
            note(text)
            self._said, self._at = text, time.monotonic()
