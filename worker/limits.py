"""What one photo may cost, from the settings: the same for verdicts and for previews."""

from model.limits import Limits
from settings import Settings


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
