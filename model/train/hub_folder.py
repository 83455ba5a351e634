"""A pretrained network in the hub's layout: ``config.json`` and ``model.safetensors`` in one folder."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import timm
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from model.bundle import PICKLES
from model.train.source import DataError

CONFIG = "config.json"
SAFE = "model.safetensors"
README = "README.md"
OWNER = "timm"


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A folder whose two files are there and whose ``config`` is a JSON object that names a known architecture.

    ``title`` is a name for the bundle, ``origin`` says where the weights come from, ``licence`` is as they state it.
    """

    path: Path
    title: str
    origin: str
    licence: str | None
    config: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """timm's name."""
        return str(self.config["architecture"])


def open_folder(path: Path) -> HubFolder:
    """A folder on this machine. Raises `DataError` that names the file that is missing, pickled or not understood."""
    path = path.resolve()
    _must_have(path, path.name, _files(path))
    return _understood(path, path.name, f"the folder {path.name}")


def fetch(name: str) -> HubFolder:
    """``owner/name`` from the hub or its cache, ``name`` alone for one of timm's; ``@revision`` may follow.

    Only the config, the weights and the page about them are fetched, and no weights but safetensors. Without a network
    the cache is all there is (``HF_HUB_CACHE``; ``HF_HUB_OFFLINE=1`` looks nowhere else). Raises `DataError`.
    """
    text, _, revision = name.partition("@")
    repository = text if "/" in text else _registered(text)
    if repository is None:
        raise DataError(f"There is no pretrained network called {text} in this timm ({timm.__version__}).")

    def get(file: str) -> Path:
        return Path(hf_hub_download(repository, file, revision=revision or None))

    path: Path | None = None
    try:
        with _without_notices():
            path = get(CONFIG).parent
            get(SAFE)
    except HFValidationError as error:
        raise DataError(f"{repository} is no name of anything on the hub; as in {OWNER}/resnet50.a1_in1k.") from error
    except RevisionNotFoundError as error:
        raise DataError(f"{repository} has no revision {revision} on the hub.") from error
    except RepositoryNotFoundError as error:
        raise DataError(f"There is no {repository} on the hub that anybody may read.") from error
    except (EntryNotFoundError, OSError, httpx.HTTPError) as error:
        here = () if path is None else _files(path)
        there = () if isinstance(error, LocalEntryNotFoundError) else _listed(repository, revision)
        if there or any(_pickled(file) for file in here):
            _must_have(path, repository, {*here, *there})
        why = "" if isinstance(error, LocalEntryNotFoundError) else f" ({' '.join(str(error).split())[:200]})"
        raise DataError(
            f"{repository} could not be fetched{why}. It needs a network, or the hub's cache (HF_HUB_CACHE) with "
            f"{CONFIG} and {SAFE} of it."
        ) from error
    with suppress(EntryNotFoundError, OSError, httpx.HTTPError):  # it is read for the licence alone
        get(README)
    return _understood(path, repository.partition("/")[2], f"{repository} on the hub, revision {path.name[:12]}")


@contextmanager
def _without_notices() -> Iterator[None]:
    """The hub's own notices name each of several tries; the error at the end says enough."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _registered(name: str) -> str | None:
    """The repository of a network that timm knows, with or without the tag of its weights."""
    known = timm.get_pretrained_cfg(name) if timm.is_model_pretrained(name) else None
    return None if known is None or not known.hf_hub_id else str(known.hf_hub_id)


def _files(path: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(file.name for file in path.iterdir()))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _listed(repository: str, revision: str) -> tuple[str, ...]:
    try:
        return tuple(HfApi().list_repo_files(repository, revision=revision or None))
    except (OSError, httpx.HTTPError, EntryNotFoundError):
        return ()


def _must_have(path: Path | None, title: str, files: Iterable[str]) -> None:
    there = set(files)
    pickle = next(filter(_pickled, sorted(there)), None)
    if SAFE not in there and pickle is not None:
        raise DataError(
            f"{title} holds its weights as {pickle}: pickled weights can run code and are never opened. "
            f"Save them as {SAFE} first, or take another model."
        )
    for name in (CONFIG, SAFE):
        if name not in there:
            raise DataError(f"{title} has no {name}: a model of the hub's kind needs {CONFIG} and {SAFE}.")


def _pickled(name: str) -> bool:
    return Path(name).suffix.lower() in PICKLES


def _understood(path: Path, title: str, origin: str) -> HubFolder:
    try:
        config = json.loads((path / CONFIG).read_bytes())
        architecture = config["architecture"]
        about = config.get("pretrained_cfg", config)
        said = about.get("license")
    except OSError as error:
        raise DataError(f"{CONFIG} of {title} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{CONFIG} of {title} does not describe one of timm's networks ({error!r}).") from error
    if not isinstance(architecture, str) or not timm.is_model(architecture):
        raise DataError(
            f"{CONFIG} of {title} names the architecture {architecture!r}, which this timm ({timm.__version__}) lacks."
        )
    name = re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("._-")[:100] or "model"
    return HubFolder(path, name, origin, said or _licence(path / README), config)


def _licence(page: Path) -> str | None:
    """The licence in the head of a page about a model: lines between two ``---``."""
    if not page.is_file():
        return None
    head = page.read_text(encoding="utf-8", errors="replace").split("---")[1:2]
    found = re.search(r"^license:\s*(\S.*?)\s*$", head[0], re.MULTILINE) if head else None
    return None if found is None else found[1]
