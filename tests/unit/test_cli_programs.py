"""What is supervised, and the files that say so."""

import configparser
import tempfile
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.door import Door
from api.serving import config_of
from cli.programs import dashboard_url, programs, redis_conf, redis_server
from cli.supervise import COMMAND_LINE_ONLY, Supervisor, configuration, environment
from settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "a b #1", port=8123, _env_file=None)


def test_redis_is_ours_unless_another_is_named(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"redis_url": "redis://elsewhere"})

    ours = ["api", "worker-control", "worker-classify", "dashboard"]
    assert [each.name for each in programs(settings)] == ["redis", *ours]
    assert [each.name for each in programs(elsewhere)] == ours
    assert redis_server().exists()


def test_the_dashboard_can_be_left_out(settings: Settings) -> None:
    without = settings.model_copy(update={"dashboard": False})

    assert "dashboard" not in [each.name for each in programs(without)]
    assert (dashboard_url(settings), dashboard_url(without)) == ("http://127.0.0.1:8624", None)


def test_api_listens_where_the_settings_say(settings: Settings) -> None:
    api = next(each for each in programs(settings) if each.name == "api")

    assert api.command.endswith(" -m api")
    told = config_of(FastAPI(), settings)
    assert (told.host, told.port, told.http) == ("127.0.0.1", 8123, Door)


def test_configuration_is_read_as_it_is_meant(settings: Settings) -> None:
    text = configuration(programs(settings))
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(text)

    assert str(settings.home) not in text
    assert parser["group:shoebox"]["programs"] == "api,worker-control,worker-classify,dashboard"
    for name in ("redis", "api", "worker-control", "worker-classify", "dashboard"):
        section = parser[f"program:{name}"]
        assert section["autorestart"] == section["killasgroup"] == "true"
        assert section["stdout_logfile"] == f"logs/{name}.log"


def test_redis_drops_nothing_and_listens_on_no_network(settings: Settings) -> None:
    lines = redis_conf(settings).splitlines()

    assert {"port 0", "unixsocketperm 700", "appendonly yes", "maxmemory-policy noeviction"} <= set(lines)
    assert f'unixsocket "{settings.redis_socket}"' in lines


def test_programs_see_every_setting_as_it_is_here(settings: Settings) -> None:
    found = environment(settings)

    names = {f"SHOEBOX_{name.upper()}" for name in Settings.model_fields if name not in COMMAND_LINE_ONLY}
    assert names <= set(found)
    assert not {f"SHOEBOX_{name.upper()}" for name in COMMAND_LINE_ONLY} & set(found)
    assert found["SHOEBOX_DATA_DIR"] == str(settings.home)
    assert found["SHOEBOX_PORT"] == "8123"


def test_programs_take_memory_in_large_pages_unless_told_otherwise(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert environment(settings)["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"

    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    assert environment(settings)["GLIBC_TUNABLES"] == "glibc.malloc.check=1"


def test_folders_are_private() -> None:
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:  # pytest's own are too deep for sockets
        _private(Settings(data_dir=Path(folder) / "a b #1", port=8123, _env_file=None))


def _private(settings: Settings) -> None:
    supervisor = Supervisor(settings)

    supervisor.prepare()

    for folder in (settings.home, supervisor.run, supervisor.logs):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not supervisor.running()
    assert supervisor.states() == []
