"""How much one picture may cost before it is refused."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one picture: the file in bytes, the picture in pixels, the decoder in seconds and bytes.

    ``min_side`` is the fewest pixels the shorter side may have. ``decode_seconds`` is wall time and
    ``decode_cpu_seconds`` processor time, both for one picture. ``decode_memory_bytes`` is address space beyond what
    an idle decoder holds.
    """

    max_file_bytes: int = 128 * MIB
    max_pixels: int = 120_000_000
    min_side: int = 16
    decode_seconds: float = 10.0
    decode_cpu_seconds: float = 5.0
    decode_memory_bytes: int = 1024 * MIB
