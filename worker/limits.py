"""What an archive may ask for and what one photo may cost, from the settings: for verdicts and for previews alike."""

from model.limits import Limits
from settings import Settings
from worker.archive_checks import ArchiveLimits


def archive_limits_of(settings: Settings) -> ArchiveLimits:
    """The limits of one archive."""
    return ArchiveLimits(
        max_entries=settings.max_entries,
        max_entry_bytes=settings.max_file_bytes,
        max_total_bytes=settings.max_unpacked_bytes,
        max_ratio=settings.max_ratio,
    )


def limits_of(settings: Settings) -> Limits:
    """The model's limits. Half of the decoding time may be spent on the processor; the rest is for a busy machine."""
    return Limits(
        max_file_bytes=settings.max_file_bytes,
        max_pixels=settings.max_pixels,
        decode_seconds=settings.decode_seconds,
        # The slowest honest picture (118 MP PNG) took 3 s on a busy machine, a JPEG of 1,000 scans at 16 MP 6.5 s.
        decode_cpu_seconds=settings.decode_seconds / 2,
        decode_memory_bytes=settings.decode_memory_bytes,
    )
