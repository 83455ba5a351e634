"""A trained model that a smaller one learns from."""

from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import nn

from model.bundle import WEIGHTS, Bundle, BundleDamaged, BundleInvalid, BundleMissing
from model.train.network import create, head_of, judge, normalised
from model.train.source import DataError


class Teacher:
    """A bundle's network, asked about the very views that the pupil sees (Beyer et al., CVPR 2022)."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        self._network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self._temperature = temperature

    @classmethod
    def open(cls, path: Path, labels: tuple[str, ...], features: int | None = None) -> "Teacher":
        """The teacher in the bundle at ``path``. Raises ``DataError`` where it is no sound bundle with these labels, or
        has another number of ``features``."""
        try:
            bundle = Bundle.open(path)
        except (BundleMissing, BundleDamaged, BundleInvalid) as error:
            raise DataError(f"The teacher cannot be used: {error}") from error
        if bundle.labels != labels:
            raise DataError(f"The teacher {bundle.name} knows {', '.join(bundle.labels)}, not {', '.join(labels)}.")
        network = create(bundle.architecture, len(labels))
        own = cast(nn.Linear, head_of(network)).in_features
        if features not in (None, own):
            raise DataError(
                f"The teacher {bundle.name} has {own} features where {features} are trained to be like them."
            )
        network.load_state_dict(load_file(path / WEIGHTS))
        return cls(network, bundle.temperature)

    def to(self, device: torch.device) -> "Teacher":
        """The same teacher on another device."""
        self._network.to(device)
        return self

    @torch.no_grad()
    def judge(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Float [N, 3, S, S] in [0, 1] -> calibrated probabilities [N, C] and pooled features [N, F], float32."""
        with torch.autocast(images.device.type, torch.bfloat16):
            logits, features = judge(self._network, normalised(images, self._network))
        return (logits.float() / self._temperature).softmax(1), features.float()


def unexplained(features: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """The share of the variance of ``taught`` [N, F] that ``features`` [N, F] leave unexplained: 0 where they are
    equal, 1 where they are only right on average."""
    spread = (taught - taught.mean(0)).square().sum().clamp_min(1e-6)
    return (features - taught).square().sum() / spread
