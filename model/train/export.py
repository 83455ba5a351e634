"""A trained network as files: weights in half precision, and an ONNX graph that takes plain pixels."""

import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript import optimizer
from safetensors.torch import save
from torch import nn

from model.train.network import as_images, judge, normalised

OPSET = 18


class _FromPixels(nn.Module):
    """Uint8 [N, S, S, 3] -> logits and features: what the graph computes, normalisation included."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return judge(self.network, normalised(as_images(pixels), self.network))


def round_weights(network: nn.Module) -> None:
    """Rounds every weight to what the bundle stores, in place, so that calibration sees the shipped numbers.

    Matrices and kernels lie within float16; biases, norms and running statistics (which may not) stay float32.
    """
    for tensor in network.state_dict().values():
        if _halved(tuple(tensor.shape)) and tensor.dtype == torch.float32:
            tensor.copy_(tensor.half().float())


def weights(network: nn.Module, metadata: Mapping[str, str]) -> bytes:
    """The network's weights as a safetensors file under timm's own names."""
    stored = {
        name: tensor.half().contiguous() if _halved(tuple(tensor.shape)) else tensor.contiguous()
        for name, tensor in network.state_dict().items()
    }
    return save(stored, dict(metadata))


def graph(network: nn.Module, size: int) -> bytes:
    """The network as ONNX: ``pixels`` uint8 [N, size, size, 3] in, ``logits`` [N, C] and ``features`` [N, F] out.

    Kernels are stored as float16 behind Cast nodes, which engines fold when they load; all computing is float32.
    """
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():  # the exporter's own notices say nothing about this graph
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _FromPixels(network.eval()),
            (example,),
            input_names=["pixels"],
            output_names=["logits", "features"],
            dynamic_shapes=({0: torch.export.Dim("photos", min=1, max=4096)},),
            opset_version=OPSET,
            optimize=False,  # it would fold norms into kernels, which are rounded here: off by 0.01 to 0.05 of a logit
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Only what depends on no picture: without it ONNX Runtime took 11.8 ms for a photo of scenes 2 instead of 3.1.
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    _halve(model.graph)
    _forget(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _forget(model: onnx.ModelProto) -> None:
    """Drops the exporter's notes on each node: traces of source lines, of no use to an engine."""
    del model.metadata_props[:]
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info, model.graph):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]


def _halved(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1


def _halve(part: onnx.GraphProto) -> None:
    """Float32 kernels and matrices of the graph become float16 with a Cast before their use."""
    casts = []
    for tensor in part.initializer:
        if tensor.data_type != TensorProto.FLOAT or not _halved(tuple(tensor.dims)):
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *part.node]
    del part.node[:]
    part.node.extend(nodes)
