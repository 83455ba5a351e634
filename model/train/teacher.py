"""A trained model that a smaller one learns from."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from model.bundle import WEIGHTS, Bundle, BundleDamaged, BundleInvalid, BundleMissing
from model.train.network import create, judge, normalised
from model.train.data import DataError


class Teacher:
    """A bundle's network, asked about the very views that the pupil sees (Beyer et al., CVPR 2022)."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        self._network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self._temperature = temperature

    @classmethod
    def open(cls, path: Path, labels: tuple[str, ...]) -> "Teacher":
        """The teacher in the bundle at ``path``. Raises ``DataError`` where it is no sound bundle with these labels."""
        try:
            bundle = Bundle.open(path)
        except (BundleMissing, BundleDamaged, BundleInvalid) as error:
            raise DataError(f"The teacher cannot be used: {error}") from error
        if bundle.labels != labels:
            raise DataError(f"The teacher {bundle.name} knows {', '.join(bundle.labels)}, not {', '.join(labels)}.")
        network = create(bundle.architecture, len(labels))
        network.load_state_dict(load_file(path / WEIGHTS))
        return cls(network, bundle.temperature)

    def to(self, device: torch.device) -> "Teacher":
        """The same teacher on another device."""
        self._network.to(device)
        return self

    @torch.no_grad()
    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, 3, S, S] in [0, 1] -> calibrated probabilities [N, C]."""
        with torch.autocast(images.device.type, torch.bfloat16):
            logits = judge(self._network, normalised(images, self._network))[0]
        return (logits.float() / self._temperature).softmax(1)
