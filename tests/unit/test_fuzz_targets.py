"""The fuzzers' targets over the files they begin with, and over what they once found."""

import pytest
from seeds import SEEDS
from targets import TARGETS, built


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes(name: str) -> None:
    seeds = SEEDS[name]()
    assert len(seeds) > 5
    for data in seeds:
        TARGETS[name](data)
        TARGETS[name](data[: len(data) // 2])


def test_archives_that_are_built_to_lie_do_so_in_every_field() -> None:
    whole = built(b"\xff" * 8)
    assert all(built(bytes([field, 90, 3, 9, *b"abcd"])) != whole for field in range(14))
