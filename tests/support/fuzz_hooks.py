"""What the fuzzer cannot know: ids that exist, and the key that it must not revoke while it uses it."""

import json
import os
import zlib
from typing import Any

import schemathesis

IDS: dict[str, list[str]] = json.loads(os.environ["FUZZ_IDS"])
OWN_KEY = os.environ["FUZZ_KEY_ID"]


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other generated id becomes one that exists."""
    for name, value in (path_parameters or {}).items():
        number = zlib.crc32(str(value).encode("utf-8", "replace"))
        if name in IDS and number % 2:
            path_parameters[name] = IDS[name][number // 2 % len(IDS[name])]
    return path_parameters


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Its own key stays as it is."""
    return (case.path_parameters or {}).get("key_id") != OWN_KEY
