# SPDX-License-Identifier: Apache-2.0
"""Small networks whose values meet in ways that detectors seldom show: quantized on random arrays and compared with ONNX Runtime's float results."""
import numpy as np
import onnx
import pytest

from conftest import write_recipe
from foreign import Net, session

SIDE = 16


class Quantized:
    """A network from `x` to the outputs, quantized; its signal-to-noise ratio in dB by output."""

    def __init__(self, halftone, folder, net, outputs, x, **quantize):
        self.halftone, self.folder, self.x = halftone, folder, np.asarray(x, np.float32)
        self.model, self.path = folder / "float.onnx", folder / "quantized.onnx"
        onnx.save(net.model({"x": (np.float32, self.x.shape[1:])}, {name: (np.float32, None) for name in outputs}), self.model)
        np.save(folder / "x.npy", self.x)
        recipe = write_recipe(folder / "recipe.toml", {"model": {"path": str(self.model)}, "task": {"type": "none"},
                                                       "calibration": {"images": [str(folder / "x.npy")]}, "quantize": quantize})
        self.done = halftone("quantize", recipe, "-o", self.path, expect=(0, 3))

    def outputs(self):
        np.save(self.folder / "one.npy", self.x[-1])
        self.halftone("run", self.path, "--input", f"x={self.folder / 'one.npy'}", "--output", self.folder / "out")
        return {file.stem: np.load(file) for file in (self.folder / "out").glob("*.npy")}

    def decibels(self):
        assert self.done.returncode == 0, self.done.stderr
        exact = session(str(self.model))
        wanted = dict(zip([output.name for output in exact.get_outputs()], exact.run(None, {"x": self.x[-1]})))
        found = self.outputs()
        with np.errstate(divide="ignore"):
            return {name: 10 * np.log10(np.square(wanted[name], dtype=np.float64).sum() / np.square(found[name].astype(np.float64) - wanted[name]).sum())
                    for name in wanted}


def conv(net, source, made, weights, bias=None, **attributes):
    """A convolution that keeps the size."""
    inputs = [source, net.constant(f"{made}_weights", weights.astype(np.float32))]
    if bias is not None:
        inputs.append(net.constant(f"{made}_bias", np.asarray(bias, np.float32)))
    return net.add("Conv", inputs, made, pads=[weights.shape[2] // 2] * 4, **attributes)


@pytest.fixture
def normal():
    generator = np.random.default_rng(0)
    return lambda *shape: generator.normal(size=shape)


def test_a_value_multiplied_with_another_keeps_its_negative_half(halftone, normal, tmp_path):
    """v goes into a ReLU, and is multiplied with another value than that."""
    net = Net()
    v, g = conv(net, "x", "v", normal(8, 4, 3, 3)), conv(net, "x", "g", normal(8, 4, 3, 3))
    conv(net, net.add("Relu", [v], "r"), "y", normal(4, 8, 1, 1))
    conv(net, net.add("Mul", [v, g], "m"), "z", normal(4, 8, 1, 1))
    found = Quantized(halftone, tmp_path, net, ["y", "z"], normal(6, 1, 4, SIDE, SIDE)).decibels()
    assert min(found.values()) > 30, found


def test_weights_that_are_an_output_too_stay_as_they_are(halftone, normal, tmp_path):
    net = Net()
    value = net.add("Relu", [conv(net, "x", "v", normal(8, 4, 3, 3))], "r")
    conv(net, value, "y", normal(4, 8, 1, 1))
    found = Quantized(halftone, tmp_path, net, ["y", "y_weights"], normal(6, 1, 4, SIDE, SIDE)).decibels()
    assert found["y_weights"] == np.inf and found["y"] > 30, found


@pytest.mark.parametrize("tokens", [16, 17])
def test_tokens_are_no_channels(tokens, halftone, normal, tmp_path):
    """The first of as many tokens as there are channels has most of the energy: that says nothing of the weights' rows."""
    net, channels = Net(), 16
    net.add("MatMul", ["x", net.constant("weights", normal(channels, 24).astype(np.float32))], "y")
    x = normal(40, 1, tokens, channels)
    x[:, :, 0] *= 30
    found = Quantized(halftone, tmp_path, net, ["y"], x, weights=4, rounding="nearest").decibels()
    assert found["y"] > 18, found


@pytest.mark.parametrize("outputs", [["y", "t"], ["t", "y"]])
def test_an_output_made_with_integers_that_meets_others_in_a_concat(outputs, halftone, normal, tmp_path):
    net = Net()
    t = net.add("LeakyRelu", [net.add("Tanh", [conv(net, "x", "a", normal(4, 3, 3, 3))], "t0")], "t", alpha=0.1)
    conv(net, net.add("Concat", [t, conv(net, t, "b", normal(4, 4, 1, 1))], "c", axis=1), "y", normal(4, 8, 1, 1))
    found = Quantized(halftone, tmp_path, net, outputs, normal(4, 1, 3, SIDE, SIDE), head="quantize").decibels()
    assert min(found.values()) > 30, found


@pytest.mark.parametrize("target", ["native", "onnxruntime", "openvino", "cortex-m"])
def test_a_narrow_value_that_meets_a_wide_one_keeps_its_step(target, halftone, normal, tmp_path):
    """Behind the Concat no scale a channel is possible; the narrow value has a reader of its own, once directly and once behind a pooling."""
    net = Net()
    small, big = conv(net, "x", "small", normal(8, 4, 3, 3) / 6), conv(net, "x", "big", normal(8, 4, 3, 3) * 500)
    pooled = net.add("MaxPool", [small], "pooled", kernel_shape=[3, 3], pads=[1] * 4)
    conv(net, net.add("Concat", [pooled, big], "c", axis=1), "z", normal(8, 8, 1, 1) / 1000, group=2)
    conv(net, small, "y", normal(4, 8, 3, 3) / 8)
    found = Quantized(halftone, tmp_path, net, ["y", "z"], normal(6, 1, 4, SIDE, SIDE), target=target).decibels()
    assert min(found.values()) > 30, found


@pytest.mark.parametrize("quantize", [{}, {"fast": True}, {"activations": 16}, {"activations": 16, "fast": True}, {"target": "onnxruntime"}],
                         ids=["8", "8-fast", "16", "16-fast", "onnxruntime"])
def test_the_bias_behind_a_value_that_was_always_zero_stays(quantize, halftone, normal, tmp_path):
    net = Net()
    zero = net.add("Relu", [conv(net, "x", "a", normal(8, 3, 3, 3), [-1000] * 8)], "zero")
    bias = conv(net, zero, "d", normal(4, 8, 1, 1) * 8, [0.5, -0.1, 1, 0.02])
    conv(net, bias, "y", normal(4, 4, 1, 1))
    found = Quantized(halftone, tmp_path, net, ["y"], normal(4, 1, 3, SIDE, SIDE), **quantize).decibels()
    assert found["y"] > 30, found


@pytest.mark.parametrize("target", ["native", "onnxruntime"])
@pytest.mark.parametrize("function", ["Sigmoid", "HardSigmoid"])
def test_a_gate_that_hardly_opens_has_a_scale_of_what_it_gives(function, target, halftone, normal, tmp_path):
    net = Net()
    bias = {"Sigmoid": -7, "HardSigmoid": -2.45}[function]
    gate = net.add(function, [conv(net, "x", "v", normal(8, 4, 3, 3) * 0.003, [bias] * 8)], "gate")
    conv(net, gate, "y", normal(4, 8, 1, 1))
    found = Quantized(halftone, tmp_path, net, ["y"], normal(6, 1, 4, SIDE, SIDE), target=target).decibels()
    assert found["y"] > 18, found


def narrow_half(normal):
    """A narrow value that nobody but a Concat with a wide one reads, and outputs of either half behind it."""
    net = Net()
    small, big = conv(net, "x", "small", normal(8, 4, 3, 3) / 6), conv(net, "x", "big", normal(8, 4, 3, 3) * 5e4)
    z = conv(net, net.add("Concat", [small, big], "c", axis=1), "z", normal(8, 8, 1, 1), group=2)
    net.add("Split", [z, net.constant("halves", np.array([4, 4], np.int64))], ["narrow", "wide"], axis=1)
    return net


def test_an_output_that_becomes_constant_is_refused(halftone, normal, tmp_path):
    made = Quantized(halftone, tmp_path, narrow_half(normal), ["narrow", "wide"], normal(6, 1, 4, SIDE, SIDE), target="cortex-m")
    assert made.done.returncode == 3 and "output narrow" in made.done.stderr and "keep_float" in made.done.stderr, made.done.stderr
    assert not made.path.exists()
