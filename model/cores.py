"""What this machine lets the process use."""

import os


def cores() -> int:
    """The processor's cores that this process may run on; where a system does not say, all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
