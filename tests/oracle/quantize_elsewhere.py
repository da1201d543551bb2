# SPDX-License-Identifier: Apache-2.0
"""Quantizes with other tools, in an environment that has them (quantizers.txt):

    quantize_elsewhere.py nncf MODEL SCORER COUNT OUT PHOTO...     MODEL is YOLOX; SCORER has its preprocessing
    quantize_elsewhere.py pt2e OUT                               a small net by PyTorch's quantization after export
    quantize_elsewhere.py qat OUT                                a small net with fake quantization
"""
import importlib.util
import sys


def nncf(model, scorer, count, out, *photos):
    import cv2
    import nncf
    import onnx

    spec = importlib.util.spec_from_file_location("scorer", scorer)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = onnx.load(model)
    name = network.graph.input[0].name
    data = nncf.Dataset(photos[:int(count)], lambda photo: {name: module.YoloX().preprocess(cv2.imread(photo), (416, 416))})
    onnx.save(nncf.quantize(network, data, subset_size=int(count)), out)


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
