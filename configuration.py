"""The settings of a process, or a sentence for each that cannot be used. Every program gets its settings here."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from settings import Settings

PREFIX = "SHOEBOX_"
USAGE = 2
# The model package knows them; settings know nothing of it. A test compares the two.
BACKENDS = (
    "auto",
    "torch",
    "torchscript",
    "torch-bf16",
    "openvino",
    "openvino-bf16",
    "openvino-fp32",
    "openvino-int8",
    "onnxruntime",
    "onnxruntime-int8",
    "onnxruntime-dynamic",
    "fake",
)
# What addresses may look like, and how that is said.
ADDRESSES = {
    "database_url": (
        re.compile(r"sqlite:///.+|postgresql(\+psycopg)?://.+"),
        "it should look like postgresql://user@host/name or sqlite:////a/file",
    ),
    "redis_url": (
        re.compile(r"rediss?://[^/?#]+(/\d*)?([?#].*)?|unix://[^/]*/.+"),
        "it should look like redis://host:6379/0, rediss://host:6379/0 or unix:///a/socket",
    ),
    "blobs_url": (
        re.compile(r"file:///.+|s3://[^/?#]+.*"),
        "it should look like file:///a/folder or s3://bucket/prefix",
    ),
}
DEVICES = re.compile(r"auto|cpu|cuda(:\d+)?")
# An address of this form has no place for a password.
_HARMLESS = re.compile(r"([\w+.-]+:/{2,3})?([\w.-]+(:\d+)?)?(/[\w.~%/ -]*)?")
_KINDS: dict[object, str] = {int: "a whole number", float: "a number", bool: "yes or no"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
# Of two names that share less than this, neither is the other mistyped.
ALIKE = 0.8


class WrongSettings(Exception):
    """Settings that cannot be used; a line for each says the variable, its value unless that may be secret, and why."""


def load(**said: Any) -> Settings:
    """The settings of the environment, with ``said`` before them. Raises `WrongSettings`."""
    try:
        settings = Settings(**said)
    except ValidationError as error:
        lines = [refusal(str(e["loc"][0]), e["input"], _why(str(e["loc"][0]), e)) for e in error.errors()]
        raise WrongSettings("\n".join([*lines, *_mistyped()])) from None
    if lines := [*_misshapen(settings), *_mistyped()]:
        raise WrongSettings("\n".join(lines))
    return settings


@contextmanager
def sensible() -> Iterator[None]:
    """Ends the process with exit code 2 where a setting turns out to be wrong, and says which."""
    try:
        yield
    except WrongSettings as error:
        print(error, file=sys.stderr)
        sys.exit(USAGE)


def refusal(name: str, value: object, why: str) -> str:
    """The sentence about one setting, by its name in `Settings`."""
    secret = isinstance(value, SecretStr) or Settings.model_fields[name].annotation is SecretStr
    if secret or (name.endswith("_url") and not _HARMLESS.fullmatch(str(value))):
        return f"{PREFIX}{name.upper()} cannot be used, its value is not shown as it may be secret: {why}"
    return f"{PREFIX}{name.upper()}={value} cannot be used: {why}"


def _why(name: str, error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    field = Settings.model_fields[name]
    if get_origin(field.annotation) is Literal:
        return "it should be one of " + ", ".join(get_args(field.annotation))
    bounds = [
        f"{words} {getattr(bound, sign)}"
        for bound in field.metadata
        for sign, words in _BOUNDS.items()
        if hasattr(bound, sign)
    ]
    return "it should be " + ", ".join([_KINDS.get(field.annotation, "another value"), *bounds])


def _misshapen(settings: Settings) -> Iterator[str]:
    for name, (form, why) in ADDRESSES.items():
        url = getattr(settings, name)
        if url and not (form.fullmatch(url) and _has_sound_port(url)):
            yield refusal(name, url, why)
    if settings.backend not in BACKENDS:
        yield refusal("backend", settings.backend, "it should be one of " + ", ".join(BACKENDS))
    if not DEVICES.fullmatch(settings.device):
        yield refusal("device", settings.device, "it should be auto, cpu, cuda or cuda with an index: cuda:1")


def _has_sound_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _mistyped() -> Iterator[str]:
    """Variables that are no setting but look much like one. Others may be anybody's."""
    known = {name.upper() for name in Settings.model_fields}
    said = {*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars}
    ours = {name.upper().removeprefix(PREFIX) for name in said if name.upper().startswith(PREFIX)}
    for name in sorted(ours - known):
        if near := get_close_matches(name, known, 1, ALIKE):
            yield f"{PREFIX}{name} is no setting: did you mean {PREFIX}{near[0]}?"
