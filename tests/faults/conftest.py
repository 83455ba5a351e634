"""What the fault tests share. ``make faults`` runs them in full, ``make test`` in a short form."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.postgres import RestartablePostgres
from faults.report import Campaign, page, write

KINDS = ("sunset", "forest", "sea")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of ``make faults``; they are there only when this folder is asked for."""
    parser.addoption("--full", action="store_true", help="the long fault tests, too")
    parser.addoption("--out", default="", help="folder for faults.md and faults.json")
    parser.addoption("--seed", type=int, default=5, help="what the plans of faults are drawn from")


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What the plans of faults are drawn from."""
    return int(request.config.getoption("--seed", 5))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The short form has no long tests."""
    if not config.getoption("--full", False):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def photos(scene: Callable[..., bytes]) -> list[bytes]:
    """A few drawn pictures; archives repeat them under other names."""
    return [scene(KINDS[i % 3], i) for i in range(24)]


@pytest.fixture(scope="session")
def postgres_to_restart() -> Iterator[RestartablePostgres]:
    """A PostgreSQL server that keeps what it commits, started when the first test wants it."""
    # Not in pytest's own folder: another run of pytest closes that to the user whom root runs the server as.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = RestartablePostgres(Path(folder) / "data")
        yield server
        server.close()


@pytest.fixture(scope="session")
def campaigns(request: pytest.FixtureRequest) -> Iterator[list[Campaign]]:
    """Campaigns to be told of at the end: printed, and written to the folder that ``--out`` names."""
    found: list[Campaign] = []
    yield found
    if found:
        print("\n" + page(found))
        folder = request.config.getoption("--out", "")
        if folder:
            write(found, Path(folder))
