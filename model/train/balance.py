"""Classes of unequal size: how often an epoch shows each photo."""

import numpy as np
from numpy.typing import NDArray


def times(targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often an epoch of N photos shows each one on average, float [N], mean 1.

    Each class is shown in proportion to the square root of its size (Mahajan et al., 2018), half way between as it is
    and all alike: a class that is 100 times smaller is then seen 10 times less, and its photos 10 times more often.
    """
    counts = np.bincount(targets)
    shown = np.sqrt(counts)
    each = np.divide(shown * len(targets) / shown.sum(), counts, out=np.zeros(len(counts)), where=counts > 0)
    return np.asarray(each[targets], dtype=np.float64)


def order(targets: NDArray[np.int64], random: np.random.Generator, balanced: bool) -> NDArray[np.int64]:
    """The positions of one epoch, int64 [N], in random order: each photo once, or as often as ``times`` says.

    A photo that is due 2.3 times comes 2 or 3 times (systematic sampling; Madow, 1949), so that classes of one size
    are shown whole, as without balancing.
    """
    shuffled = random.permutation(len(targets))
    if not balanced or not len(targets):
        return shuffled
    due = times(targets)[shuffled].cumsum()
    due[-1] = len(targets)  # the sum, free of rounding
    # Rounded, so that equal classes come out whole whatever the last bit of a sum says.
    seen = np.floor(np.round(due, 6) + random.random()).astype(np.int64)
    return random.permutation(np.repeat(shuffled, np.diff(seen, prepend=0)))
