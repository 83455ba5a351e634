"""What is said of settings that cannot be used."""

from pathlib import Path

import pytest

from configuration import BACKENDS, WrongSettings, load
from model.backends.choose import NAMES

DATABASE = "it should look like postgresql://user@host/name or sqlite:////a/file"
REDIS = "it should look like redis://host:6379/0, rediss://host:6379/0 or unix:///a/socket"
HIDDEN = " cannot be used, its value is not shown as it may be secret: "


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a ``.env``."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("port", "99999", "=99999 cannot be used: it should be a whole number, at least 1, at most 65535"),
        ("port", "many", "=many cannot be used: it should be a whole number, at least 1, at most 65535"),
        ("lease_seconds", "0", "=0 cannot be used: it should be a number, more than 0"),
        ("dashboard", "maybe", "=maybe cannot be used: it should be yes or no"),
        ("log_format", "xml", "=xml cannot be used: it should be one of auto, json, console"),
        ("webhook_networks", "10.0", "=10.0 cannot be used: '10.0' does not appear to be an IPv4 or IPv6 network"),
        ("device", "gpu", "=gpu cannot be used: it should be auto, cpu, cuda or cuda with an index: cuda:1"),
        ("redis_url", "localhost:6379", f"=localhost:6379 cannot be used: {REDIS}"),
        ("redis_url", "redis://h/first", f"=redis://h/first cannot be used: {REDIS}"),
        ("redis_url", "redis://h:70000/0", f"=redis://h:70000/0 cannot be used: {REDIS}"),
        ("blobs_url", "ftp://h/x", "=ftp://h/x cannot be used: it should look like file:///a/folder or s3://bucket/prefix"),
        ("database_url", "mysql://h/x", f"=mysql://h/x cannot be used: {DATABASE}"),
        # The port reads as a part of the password.
        ("database_url", "postgresql://u:hu/sh@h/x", HIDDEN + DATABASE),
        ("database_url", "postgres://u:hush@h/x", HIDDEN + DATABASE),
        ("redis_url", "redis//:hush", HIDDEN + REDIS),
    ],
)  # fmt: skip
def test_the_variable_its_value_and_what_is_allowed_are_said(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SHOEBOX_{name.upper()}", value)
    with pytest.raises(WrongSettings) as wrong:
        load()
    assert str(wrong.value) == f"SHOEBOX_{name.upper()}{said}"


@pytest.mark.parametrize(
    "said",
    [
        {"redis_url": "redis://h"},
        {"redis_url": "rediss://:a@[::1]:6379/1?timeout=2"},
        {"redis_url": "unix:///run/redis.sock"},
        {"database_url": "postgresql://ann@/photos?host=/run"},
        {"database_url": "postgresql+psycopg://ann:b%2Fc@h:5432/photos"},
        {"database_url": "sqlite:////data/shoebox.db"},
        {"blobs_url": "file:///a%20folder"},
        {"blobs_url": "s3://photos/uploads?endpoint_url=https://h:9000"},
        {"device": "cuda:1"},
    ],
)
def test_sound_addresses_are_taken(said: dict[str, str]) -> None:
    load(**said)


def test_what_looks_like_a_setting_and_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_DATABSE_URL", "hush")
    monkeypatch.setenv("SHOEBOX_API_PORT", "tcp://10.0.0.1:80")  # Kubernetes makes such variables for its services
    (tmp_path / ".env").write_text("SHOEBOX_LOGLEVEL=debug\nOTHER=1\n")
    with pytest.raises(WrongSettings) as wrong:
        load()
    assert str(wrong.value).splitlines() == [
        "SHOEBOX_DATABSE_URL is no setting: did you mean SHOEBOX_DATABASE_URL?",
        "SHOEBOX_LOGLEVEL is no setting: did you mean SHOEBOX_LOG_LEVEL?",
    ]


def test_every_backend_can_be_set() -> None:
    assert list(BACKENDS) == ["auto", *NAMES]
