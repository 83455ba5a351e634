"""Settings that are secrets: from files, into URLs, to the programs, and into no log."""

from pathlib import Path

import pytest

from cli.supervise import environment
from settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets that the environment names."""
    monkeypatch.setenv("SHOEBOX_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_file_among_the_secrets_is_a_setting(folder: Path) -> None:
    (folder / "shoebox_redis_password").write_text("from a file\n")
    (folder / "shoebox_port").write_text("8123")
    (folder / "somebody_elses").write_text("x")

    found = Settings(_env_file=None)

    assert (found.redis_password.get_secret_value(), found.port) == ("from a file", 8123)
    assert found.secrets_dir == folder


def test_the_environment_is_stronger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "shoebox_port").write_text("8123")
    monkeypatch.setenv("SHOEBOX_PORT", "8124")

    assert Settings(_env_file=None).port == 8124


def test_a_folder_that_is_not_there_is_no_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_SECRETS_DIR", str(folder / "none"))

    assert Settings(_env_file=None).redis_password.get_secret_value() == ""


@pytest.mark.parametrize(
    ("url", "in_force"),
    [
        ("postgresql://shoebox@postgres/shoebox", "postgresql+psycopg://shoebox:a%2Fb%40c@postgres/shoebox"),
        ("postgresql://shoebox@/db?host=/run", "postgresql+psycopg://shoebox:a%2Fb%40c@/db?host=/run"),
        ("postgresql://shoebox:own@postgres/shoebox", "postgresql+psycopg://shoebox:own@postgres/shoebox"),
        ("sqlite:////data/shoebox.db", "sqlite:////data/shoebox.db"),
    ],
)
def test_the_database_has_its_password(url: str, in_force: str) -> None:
    assert Settings(_env_file=None, database_url=url, database_password="a/b@c").database == in_force


@pytest.mark.parametrize(
    ("url", "in_force"),
    [
        ("redis://redis:6379/0", "redis://:a%2Fb%40c@redis:6379/0"),
        ("redis://:own@redis:6379/0", "redis://:own@redis:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_redis_has_its_password(url: str, in_force: str) -> None:
    assert Settings(_env_file=None, redis_url=url, redis_password="a/b@c").redis == in_force


def test_programs_get_the_secret_and_logs_do_not(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url="redis://h", redis_password="hush")

    assert environment(settings)["SHOEBOX_REDIS_PASSWORD"] == "hush"
    assert "hush" not in repr(settings)
