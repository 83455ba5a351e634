"""Photos of a folder or ZIP as the network sees them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model.decode import decode
from model.limits import Limits
from model.report.pictures import Pictures, careful
from model.verdict import Unreadable


def squares(pictures: Pictures, size: int) -> Iterator[NDArray[np.uint8]]:
    """Every readable picture, decoded as the judge decodes: uint8 [size, size, 3], in an order mixed by a fixed seed,
    since files lie together by class. The others are left out."""
    for place in np.random.default_rng(0).permutation(len(pictures.names)):
        name = pictures.names[place]
        try:
            yield decode(careful(pictures.read, name), size, Limits()).pixels
        except Unreadable:
            continue
