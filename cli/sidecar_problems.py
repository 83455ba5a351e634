"""Sidecars that were left as they are, and why: told the same way whoever met them."""

from collections.abc import Mapping

from cli.output import complain

SHOWN = 5


def tell(problems: Mapping[str, str]) -> None:
    """Complains of the first few (path: why), and of how many more there are."""
    for path, why in list(problems.items())[:SHOWN]:
        complain(f"{path} was left as it is: {why}")
    if len(problems) > SHOWN:
        complain(f"and {len(problems) - SHOWN:,} more sidecars that were left as they are")


def as_json(problems: Mapping[str, str]) -> list[dict[str, str]]:
    """The same for programs, all of them."""
    return [{"sidecar": path, "why": why} for path, why in problems.items()]
