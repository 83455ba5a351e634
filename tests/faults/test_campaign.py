"""Faults by a plan, with real processes, real Redis and both databases: what was accepted is judged once."""

import pytest
from faults.campaign import run, stack
from faults.report import Campaign

from model.bundle import Bundle


def test_a_few_faults_of_each_kind_lose_nothing(tiny_bundle: Bundle, photos: list[bytes], seed: int) -> None:
    with stack(tiny_bundle, None, aof=False) as shoebox:
        found = run(shoebox, "short", photos, total=300, faults=12, seed=seed, pause=0.8)
    assert found.broken == []
    assert found.figures["jobs accepted"] > 3


@pytest.mark.timeout(900)
@pytest.mark.long
@pytest.mark.parametrize("aof", [True, False], ids=["aof", "no_aof"])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_faults_over_2500_photos_lose_nothing(
    request: pytest.FixtureRequest,
    tiny_bundle: Bundle,
    photos: list[bytes],
    seed: int,
    campaigns: list[Campaign],
    database: str,
    aof: bool,
) -> None:
    server = request.getfixturevalue("postgres_to_restart") if database == "postgresql" else None
    name = f"{database}, Redis {'with' if aof else 'without'} AOF"
    with stack(tiny_bundle, server, aof=aof) as shoebox:
        found = run(shoebox, name, photos, total=2500, faults=58, seed=seed + 2 * aof + (server is None), pause=1.5)
    campaigns.append(found)
    assert found.broken == []
