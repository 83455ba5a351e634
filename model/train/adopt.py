"""Somebody else's network as a bundle: exported, labelled, given lines, and proved to answer as it did."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save
from torch import nn

from model import selfcheck
from model.backends.choose import open_backend
from model.bundle import CARD, GRAPH, REFERENCE, WEIGHTS, Bundle, Manifest
from model.bundle_write import write_bundle
from model.report.pictures import Pictures
from model.train import export
from model.train.adopt_card import adopted_card
from model.train.adopt_labels import labels_of
from model.train.adopt_lines import calibrated, default
from model.train.hub_folder import SAFE, HubFolder
from model.train.loop import predict
from model.train.network import as_images, create, normalisation, normalised
from model.train.progress import Progress, quiet
from model.train.source import DataError

TOLERANCE = 0.02
"""Of the largest logit, between engines that compute in float32; 16 times that in bfloat16 (see `selfcheck`). Of
EfficientNet-Lite0 the graph, whose kernels are folded with their norms and rounded again, was off by 0.7 %, bfloat16 by
10 % in OpenVINO and 13 % in torch."""
CPU = torch.device("cpu")


def adopt(
    source: HubFolder,
    out: Path,
    name: str,
    version: str,
    pictures: Pictures | None = None,
    *,
    report: Callable[[str], None],
    progress: Progress = quiet,
) -> Bundle:
    """Writes the bundle ``out`` of a hub's network with its own classifier, and runs it once as a worker will.

    ``pictures`` are its user's own good photos, which set the guards' lines; without them the lines are defaults.
    Raises `DataError` for what cannot be loaded, built again or calibrated, `BundleInvalid` for a config that makes no
    bundle, and `selfcheck.SelfCheckFailed` when the graph strays from the network; ``out`` may then be half written.
    """
    report(f"loading {source.origin}")
    network = _load(source)
    size = _size(network)
    report("checking that it can be built again")
    logits = _proved(network, source, size)
    found = labels_of(source.config, logits.shape[1])
    if pictures is not None:
        report(f"setting the guards on {pictures.title}")
    lines = default(logits.shape[1]) if pictures is None else calibrated(network, pictures, size, progress)
    manifest = Manifest(
        name=name,
        version=version,
        architecture=source.architecture,
        labels=found.names,
        input_size=size,
        mean=normalisation(network)[0],
        std=normalisation(network)[1],
        interpolation="bicubic",  # as `decode` does, whatever the network was trained with
        temperature=1.0,
        thresholds=lines.thresholds,
        statistics=None if lines.ranges is None else lines.ranges.to_json(),
        figures={"origin": source.origin, "calibration": lines.figures},
        training_data=f"Trained by others; the weights come from {source.origin}. The tags' names: {found.origin}.",
        licence=source.licence or "not stated; ask those who made it",
        knows=found.knows,
        parents=found.parents,
    )
    manifest.check()
    report("exporting")
    reference = selfcheck.Reference(selfcheck.draw(size), logits, max(0.02, TOLERANCE * float(np.abs(logits).max())))
    files: dict[str, bytes | Path] = {
        WEIGHTS: export.weights(network, {"architecture": source.architecture}),
        GRAPH: export.graph(network, size),
        REFERENCE: save(reference.to_arrays()),
        CARD: adopted_card(manifest, found, source.origin).encode(),
    }
    bundle = write_bundle(out, manifest, files)
    backend = open_backend("openvino-fp32", bundle, "cpu")
    try:
        selfcheck.check(backend, bundle)
    finally:
        backend.close()
    return bundle


def _load(source: HubFolder) -> nn.Module:
    """The network with its weights, rounded as the bundle stores them."""
    if (source.config.get("pretrained_cfg") or source.config).get("custom_load"):
        raise DataError(f"{source.title} needs a loader of its own; Shoebox reads {SAFE} only.")
    try:
        network: nn.Module = timm.create_model(f"local-dir:{source.path}", pretrained=True).eval()
    except SafetensorError as error:
        raise DataError(f"{SAFE} of {source.title} is damaged: {error}.") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise DataError(
            f"{SAFE} of {source.title} does not load as {source.architecture}: {' '.join(str(error).split())[:300]}"
        ) from error
    export.round_weights(network)
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
        raise DataError(f"{SAFE} of {source.title} has numbers beyond what half precision holds.")
    return network


def _size(network: nn.Module) -> int:
    channels, height, width = cast(Mapping[str, Any], network.pretrained_cfg)["input_size"]
    if channels != 3 or height != width:
        raise DataError(f"It reads {channels} x {height} x {width}; Shoebox shows networks RGB squares.")
    return int(width)


def _proved(network: nn.Module, source: HubFolder, size: int) -> NDArray[np.float32]:
    """The logits [N, C] of the reference pictures, equal when the network is built from its name, as backends build it,
    and its classifier reads its pooled features; else `DataError`."""
    drawn = selfcheck.draw(size)
    with torch.inference_mode():
        wanted = network(normalised(as_images(torch.from_numpy(drawn)), network)).float().numpy()
    if wanted.ndim != 2 or wanted.shape[1] < 2 or not np.isfinite(wanted).all():
        raise DataError(f"{source.title} gives no probabilities of at least two classes: it has no classifier.")
    try:
        again = create(source.architecture, wanted.shape[1])
        again.load_state_dict(network.state_dict())
        again.pretrained_cfg = network.pretrained_cfg  # the normalisation that its own config asks for
        logits = predict(again, drawn, CPU, exact=True)[0].numpy()
        apart = float(np.abs(logits - wanted).max())
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        raise DataError(_unlike(source, " ".join(str(error).split())[:200])) from error
    if not apart <= 1e-3 * max(1.0, float(np.abs(wanted).max())):
        raise DataError(_unlike(source, f"a logit differs by {apart:.3g}"))
    return np.asarray(logits, np.float32)


def _unlike(source: HubFolder, why: str) -> str:
    return (
        f"{source.title} cannot become a bundle: Shoebox builds {source.architecture} by its name alone and reads the "
        f"classifier on its pooled features, and this one differs ({why})."
    )
