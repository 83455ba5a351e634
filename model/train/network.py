"""The networks that can be trained: any of timm's, and a small CNN for small pictures."""

from pathlib import Path
from typing import Protocol, cast

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from model.train.data import DataError

SMALL_CNN = "small_cnn"
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, as timm's EfficientNets and the warm start expect
STD = (0.229, 0.224, 0.225)


class Network(Protocol):
    """timm's common face: features, pooled features (``pre_logits``) and the classifier that reads them."""

    def forward_features(self, images: torch.Tensor) -> torch.Tensor: ...
    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor: ...
    def get_classifier(self) -> nn.Module: ...


class SmallCnn(nn.Module):
    """Four convolution blocks with pooling between them: about 0.4 M weights, 192 features."""

    def __init__(self, num_classes: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in (32, 64, 128, 192):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2)]
            before = width
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(drop_rate)
        self.classifier = nn.Linear(before, num_classes)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """Images float [N, 3, S, S], S >= 16 -> maps [N, 192, S // 16, S // 16]."""
        return cast(torch.Tensor, self.body(images))

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


def start_from(network: nn.Module, init: Path) -> None:
    """Copies the weights of a bundle's folder or a safetensors file; a classifier of another shape stays random.

    Raises ``DataError`` where the file does not fit the architecture.
    """
    weights = load_file(init / "weights.safetensors" if init.is_dir() else init)
    own = network.state_dict()
    fitting = {k: v.to(own[k].dtype) for k, v in weights.items() if k in own and own[k].shape == v.shape}
    head = {
        f"{name}.{leaf}"
        for name, part in network.named_modules()
        if part is head_of(network)
        for leaf in part.state_dict()
    }
    missing = sorted(set(own) - set(fitting) - head)
    if missing:
        raise DataError(
            f"{init.name} does not fit this architecture: {len(missing)} weights are missing ({missing[0]})."
        )
    network.load_state_dict(fitting, strict=False)


def head_of(network: nn.Module) -> nn.Module:
    """The classifier layer."""
    return cast(Network, network).get_classifier()


def judge(network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised images [N, 3, S, S] -> logits [N, C] and the pooled features [N, F] that the classifier read."""
    face = cast(Network, network)
    features = face.forward_head(face.forward_features(images), pre_logits=True)
    return face.get_classifier()(features), features


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Float [N, 3, S, S] in [0, 1] -> the network's range."""
    mean = torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=images.device).view(1, 3, 1, 1)
    return (images - mean) / std


def as_images(photos: torch.Tensor) -> torch.Tensor:
    """Uint8 [N, S, S, 3] -> float [N, 3, S, S] in [0, 1], channels last in memory."""
    return photos.permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=torch.channels_last)
