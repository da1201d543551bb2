# SPDX-License-Identifier: Apache-2.0
"""Quantizes with other tools, in environments that have them (quantizers.txt, modelopt.txt, quark.txt):

    quantize_elsewhere.py nncf MODEL SCORER COUNT OUT PHOTO...     MODEL is YOLOX; SCORER has its preprocessing
    quantize_elsewhere.py modelopt MODEL SCORER PRECISION OUT PHOTO...     PRECISION of what stays float: fp16 or fp32
    quantize_elsewhere.py quark MODEL SCORER CONFIGURATION OUT PHOTO...    CONFIGURATION is Quark's, or with +channels a
                                                                           scale for each channel of weights and a float head
    quantize_elsewhere.py pt2e OUT                               a small net by PyTorch's quantization after export
    quantize_elsewhere.py qat OUT                                a small net with fake quantization
"""
import importlib.util
import sys


def preprocessed(scorer):
    """Makes YOLOX's input of a photo."""
    import cv2

    spec = importlib.util.spec_from_file_location("scorer", scorer)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda photo: module.YoloX().preprocess(cv2.imread(photo), (416, 416))


def nncf(model, scorer, count, out, *photos):
    import nncf
    import onnx

    network, read = onnx.load(model), preprocessed(scorer)
    name = network.graph.input[0].name
    data = nncf.Dataset(photos[:int(count)], lambda photo: {name: read(photo)})
    onnx.save(nncf.quantize(network, data, subset_size=int(count)), out)


def modelopt(model, scorer, precision, out, *photos):
    import numpy as np
    import onnx
    from modelopt.onnx.quantization import quantize

    data = {onnx.load(model).graph.input[0].name: np.concatenate(list(map(preprocessed(scorer), photos)))}
    quantize(model, quantize_mode="int8", calibration_data=data, calibration_eps=["cpu"], high_precision_dtype=precision, output_path=out)


def behind_convolutions(graph):
    """The nodes between the last convolutions and the output."""
    makers, found, left = {name: node for node in graph.node for name in node.output}, [], [output.name for output in graph.output]
    while left:
        node = makers.get(left.pop())
        if node is not None and node.op_type != "Conv" and node.name not in found:
            found.append(node.name)
            left += node.input
    return found


def quark(model, scorer, configuration, out, *photos):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
    from quark.onnx import ModelQuantizer
    from quark.onnx.quantization.config import Config, get_default_config

    graph = onnx.load(model).graph

    class Photos(CalibrationDataReader):
        def __init__(self):
            self.left = map(preprocessed(scorer), photos)

        def get_next(self):
            x = next(self.left, None)
            return None if x is None else {graph.input[0].name: x}

    name, _, how = configuration.partition("+")
    config = get_default_config(name)
    if how == "channels":  # with one scale a tensor, equalization and an 8-bit head nothing of YOLOX is left
        config.per_channel, config.include_cle, config.calibrate_method = True, False, CalibrationMethod.MinMax
        config.nodes_to_exclude = behind_convolutions(graph)
    ModelQuantizer(Config(global_quant_config=config)).quantize_model(model, out, Photos())


def small_net():
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.depthwise = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1, groups=8)
            self.pointwise, self.last = nn.Conv2d(8, 16, 1), nn.Linear(16, 5)

        def forward(self, x):
            x = torch.relu(self.stem(x))
            x = nn.functional.silu(self.depthwise(x)) + x
            x = nn.functional.max_pool2d(nn.functional.hardtanh(self.pointwise(x), 0, 6), 2)
            return self.last(x.mean((2, 3)))

    torch.manual_seed(0)
    return Net().eval(), torch.randn(1, 3, 16, 20)


def pt2e(out):
    import torch
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    net, picture = small_net()
    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(torch.export.export(net, (picture,)).module(), quantizer)
    for _ in range(8):
        prepared(torch.randn_like(picture))
    converted = convert_pt2e(prepared)
    with torch.no_grad():
        torch.onnx.export(converted, (picture,), dynamo=True, opset_version=18).save(out)


def qat(out):
    """Ranges of 8 and of 7 bits, weights a tensor and a channel, as the exporter by tracing writes them."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 1)

        def forward(self, x):
            fake = torch.fake_quantize_per_tensor_affine
            scales = self.first.weight.abs().amax((1, 2, 3)).detach() / 127
            weights = torch.fake_quantize_per_channel_affine(self.first.weight, scales, torch.zeros(8, dtype=torch.int32), 0, -128, 127)
            x = torch.relu(nn.functional.conv2d(fake(x, 0.03, 128, 0, 255), weights, self.first.bias, 2, 1))
            x = nn.functional.conv2d(fake(x, 0.02, 10, 0, 127), fake(self.second.weight, 0.004, 0, -128, 127), self.second.bias)
            return fake(x, 0.02, 0, -128, 127)

    torch.manual_seed(0)
    with torch.no_grad():
        torch.onnx.export(Net().eval(), (torch.randn(1, 3, 16, 20),), out, dynamo=False, opset_version=13)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
