"""What must hold of a whole archive before any of its entries is read. Each check raises `UnsafeArchive` by itself."""

from array import array
from dataclasses import dataclass

from worker.archive_bytes import UnsafeArchive
from worker.archive_end import End
from worker.archive_records import Record


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may ask for.

    ``max_total_bytes`` bounds what its photos declare together. ``max_ratio`` is that sum over the archive's own bytes,
    held against archives that declare more than ``ratio_from_bytes``: blank scans shrink a hundredfold honestly, whole
    libraries of photos do not.
    """

    max_entries: int = 200_000
    max_directory_bytes: int = 256 << 20
    max_entry_bytes: int = 128 << 20
    max_total_bytes: int = 1 << 40
    max_ratio: int = 200
    ratio_from_bytes: int = 1 << 30


def check_count(end: End, limits: ArchiveLimits) -> None:
    """No more entries than allowed, by the end record alone."""
    if end.count > limits.max_entries:
        raise UnsafeArchive(f"The archive holds {end.count:,} files; at most {limits.max_entries:,} are allowed.")


def check_directory(end: End, limits: ArchiveLimits) -> None:
    """A table of contents of bounded size: names and comments could fill gigabytes."""
    if end.length > limits.max_directory_bytes:
        raise UnsafeArchive("The archive's table of contents is too large.")


def check_before_directory(record: Record, end: End) -> None:
    """An entry ends where the table of contents begins, or sooner."""
    if record.least_end > end.directory:
        raise UnsafeArchive("A file in the archive reaches into the archive's table of contents.")


def check_total(declared: int, limits: ArchiveLimits) -> None:
    """The photos' declared bytes together."""
    if declared > limits.max_total_bytes:
        raise UnsafeArchive(
            f"The archive would unpack to {declared / 2**30:,.1f} GiB; "
            f"at most {limits.max_total_bytes / 2**30:,.1f} GiB are allowed."
        )


def check_ratio(declared: int, size: int, limits: ArchiveLimits) -> None:
    """The photos' declared bytes beside the ``size`` of the archive."""
    if declared > max(limits.ratio_from_bytes, limits.max_ratio * size):
        raise UnsafeArchive(
            f"The archive would unpack to {declared / size:,.0f} times its size; "
            f"an archive of photos grows {limits.max_ratio:,} times at most."
        )


def check_starts_at_once(starts: "array[int]") -> None:
    """Nothing stands before the first entry; ``starts`` are sorted."""
    if starts and starts[0] != 0:
        raise UnsafeArchive("The archive has foreign data in front of it.")


def check_apart(starts: "array[int]", ends: "array[int]") -> None:
    """No two entries share a byte; both sorted, each for itself.

    Sorted apart, the n-th end still lies at or before the next start exactly where no two entries overlap.
    """
    if any(before > after for before, after in zip(ends, starts[1:], strict=False)):
        raise UnsafeArchive("Files in the archive overlap.")
