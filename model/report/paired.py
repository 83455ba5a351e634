"""Whether two models differ by more than chance on the same pictures."""

from collections.abc import Sequence


def mcnemar(gained: int, lost: int) -> float:
    """The chance that a fair coin splits ``gained + lost`` pictures at least as unevenly: McNemar's exact test.

    ``gained`` pictures did well with the new model alone, ``lost`` with the old one alone; the others say nothing about
    a difference. Two-sided (McNemar, "Note on the sampling error of the difference between correlated proportions",
    1947; the exact form is the sign test). 1.0 where nothing changed.
    """
    changed = gained + lost
    # Whole numbers, divided once: 2**changed does not fit a float where thousands changed.
    ways, uneven = 1, 0
    for few in range(min(gained, lost) + 1):
        uneven += ways
        ways = ways * (changed - few) // (few + 1)
    return min(1.0, float(2 * uneven / 2**changed))


def holm(chances: Sequence[float]) -> list[float]:
    """The chances of several tests, raised so that all of them together keep to one limit (Holm, 1979).

    The smallest of n is multiplied by n, the next by n - 1 and so on; none falls below one that was smaller.
    """
    raised = [0.0] * len(chances)
    least = 0.0
    for place, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        least = max(least, min(1.0, chances[i] * (len(chances) - place)))
        raised[i] = least
    return raised
