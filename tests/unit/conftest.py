"""What unit tests share."""

import pytest
from handmade import Zips


@pytest.fixture(scope="session")
def zips() -> Zips:
    """Archives written byte by byte."""
    return Zips()
