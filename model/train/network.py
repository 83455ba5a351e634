"""The networks that can be trained: any of timm's, and a small CNN for small pictures."""

from pathlib import Path
from typing import Literal, Protocol, cast

import timm
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from model.train.data import DataError
from model.train.hub import pretrained

SMALL_CNN = "small_cnn"
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, for networks that timm says nothing of
STD = (0.229, 0.224, 0.225)
Colour = tuple[float, float, float]


class Network(Protocol):
    """timm's common face: features, pooled features (``pre_logits``) and the classifier that reads them."""

    def forward_features(self, images: torch.Tensor) -> torch.Tensor: ...
    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor: ...
    def get_classifier(self) -> nn.Module: ...


class Residual(nn.Module):
    """Two convolutions whose answer is added to what went in (He et al., 2016); as many channels out as in.

    The second norm starts at zero, so that a fresh block passes its input on.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        nn.init.zeros_(cast(nn.BatchNorm2d, self.body[4]).weight)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps -> maps of the same shape."""
        return functional.relu(maps + self.body(maps))


class SmallCnn(nn.Module):
    """Four convolutions with pooling after each, residual blocks after the first three: 0.7 M weights, 192 features."""

    def __init__(self, num_classes: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in (32, 64, 128, 192):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2)]
            before = width
        self.body = nn.Sequential(*layers)
        self.residuals = nn.ModuleList(Residual(width) for width in (32, 64, 128))
        self.drop = nn.Dropout(drop_rate)
        self.classifier = nn.Linear(before, num_classes)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """Images float [N, 3, S, S], S >= 16 -> maps [N, 192, S // 16, S // 16]."""
        maps = images
        for block, residual in enumerate((*self.residuals, nn.Identity())):
            maps = residual(self.body[4 * block : 4 * block + 4](maps))
        return maps

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Maps -> pooled features [N, 192], or logits."""
        pooled = cast(torch.Tensor, self.drop(maps.mean((2, 3))))
        return pooled if pre_logits else cast(torch.Tensor, self.classifier(pooled))

    def get_classifier(self) -> nn.Module:
        """The linear layer from features to logits."""
        return self.classifier

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images -> logits [N, C]."""
        return self.forward_head(self.forward_features(images))


def create(architecture: str, classes: int, drop: float = 0.0, drop_path: float = 0.0) -> nn.Module:
    """A network with random weights. Raises ``DataError`` for a name timm does not know."""
    if architecture == SMALL_CNN:
        return SmallCnn(classes, drop)
    if not timm.is_model(architecture):
        raise DataError(f"There is no architecture called {architecture}. Try tf_efficientnetv2_b0 or {SMALL_CNN}.")
    try:
        return timm.create_model(architecture, num_classes=classes, drop_rate=drop, drop_path_rate=drop_path)
    except TypeError:  # a few families know no stochastic depth
        return timm.create_model(architecture, num_classes=classes, drop_rate=drop)


def start_from(network: nn.Module, init: Path | Literal["hub"]) -> None:
    """Copies the weights of a bundle's folder, a safetensors file, or timm's pretrained ones (``HUB``).

    A classifier of another shape starts at zero: timm's random one is so large that the first steps only unlearn it
    (cross-entropy 2.1 instead of 0.76 after the first epoch on six classes). Raises ``DataError`` where the file does
    not fit the architecture.
    """
    if isinstance(init, Path):
        weights = load_file(init / "weights.safetensors" if init.is_dir() else init)
    else:
        weights = pretrained(network)
    own = network.state_dict()
    fitting = {k: v.to(own[k].dtype) for k, v in weights.items() if k in own and own[k].shape == v.shape}
    head = {
        f"{name}.{leaf}"
        for name, part in network.named_modules()
        if part is head_of(network)
        for leaf in part.state_dict()
    }
    missing = sorted(name for name in set(own) - set(fitting) - head if not name.endswith("num_batches_tracked"))
    if missing:
        raise DataError(
            f"{Path(init).name} does not fit this architecture: {len(missing)} weights are missing ({missing[0]})."
        )
    network.load_state_dict(fitting, strict=False)
    if not head <= set(fitting):
        for parameter in head_of(network).parameters():
            nn.init.zeros_(parameter)


def head_of(network: nn.Module) -> nn.Module:
    """The classifier layer."""
    return cast(Network, network).get_classifier()


def judge(network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised images [N, 3, S, S] -> logits [N, C] and the pooled features [N, F] that the classifier read."""
    face = cast(Network, network)
    features = face.forward_head(face.forward_features(images), pre_logits=True)
    return face.get_classifier()(features), features


def normalisation(network: nn.Module) -> tuple[Colour, Colour]:
    """Mean and standard deviation of the pixels in [0, 1] that the network expects, as its pretrained weights do."""
    known = getattr(network, "pretrained_cfg", None) or {}
    return tuple(known.get("mean", MEAN)), tuple(known.get("std", STD))


def normalised(images: torch.Tensor, network: nn.Module) -> torch.Tensor:
    """Float [N, 3, S, S] in [0, 1] -> the network's range, channels last in memory."""
    mean, std = (torch.tensor(value, device=images.device).view(1, 3, 1, 1) for value in normalisation(network))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def as_images(photos: torch.Tensor) -> torch.Tensor:
    """Uint8 [N, S, S, 3] -> float [N, 3, S, S] in [0, 1], channels last in memory."""
    return photos.permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=torch.channels_last)
