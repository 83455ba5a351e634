"""timm's pretrained weights, from the Hugging Face hub or its cache on this machine."""

import timm
import torch
from huggingface_hub.errors import HfHubHTTPError
from torch import nn

from model.train.source import DataError


def pretrained(network: nn.Module) -> dict[str, torch.Tensor]:
    """The pretrained weights of a timm network's architecture under timm's own names, with their own classifier.

    They come from the hub's cache where they are there (``HF_HUB_CACHE``; ``HF_HUB_OFFLINE=1`` looks nowhere else), so
    that a machine without a network needs only a copy of that folder. Raises ``DataError`` where they cannot be had.
    """
    known = getattr(network, "pretrained_cfg", None) or {}
    if not (known.get("hf_hub_id") or known.get("url")):
        raise DataError("There are no pretrained weights of this architecture. Leave out --init, or name a file.")
    name = ".".join(filter(None, (known["architecture"], known.get("tag"))))
    try:
        weights: dict[str, torch.Tensor] = timm.create_model(name, pretrained=True).state_dict()
    except (OSError, RuntimeError, HfHubHTTPError) as error:
        raise DataError(
            f"The pretrained weights {known.get('hf_hub_id') or name} could not be loaded: "
            f"{str(error).strip().splitlines()[0]} They need a network, or the hub's cache (HF_HUB_CACHE) with them."
        ) from error
    return weights
