# SPDX-License-Identifier: Apache-2.0
"""Files that ONNX Runtime's quantizer writes, in all its formats, and forms that other tools write: each step between integers against
ONNX Runtime given the same integers, and the whole."""
import logging

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from foreign import LEVELS, Net, check_steps, run, session, snr
from places import long_test

SHAPE = (1, 3, 16, 20)
MICROSOFT = "com.microsoft"


def random(*shape, seed=0, size=1.0):
    return (np.random.default_rng(seed).normal(size=shape) * size).astype(np.float32)


def picture(seed=99):
    return {"x": random(*SHAPE, seed=seed)}


def many_operators():
    net = Net()
    add, constant = net.add, net.constant
    add("Conv", ["x", constant("w0", random(8, 3, 3, 3, seed=1, size=.3)), constant("b0", random(8, seed=2))], "conv0", pads=[1, 1, 1, 1], strides=[2, 2])
    add("Relu", ["conv0"], "relu0")
    add("Conv", ["relu0", constant("w1", random(8, 1, 3, 3, seed=3, size=.4) + .2), constant("b1", random(8, seed=4))], "depthwise", pads=[1, 1, 1, 1], group=8)
    add("Sigmoid", ["depthwise"], "gate")
    add("Mul", ["depthwise", "gate"], "silu")
    add("MaxPool", ["silu"], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    add("Resize", ["pooled", "", constant("scales", np.array([1, 1, 2, 2], np.float32))], "resized", mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    add("Concat", ["resized", "relu0"], "both", axis=1)
    add("Conv", ["both", constant("w2", random(6, 16, 1, 1, seed=5, size=.3))], "conv2")
    add("LeakyRelu", ["conv2"], "leaky", alpha=.1)
    add("Add", ["leaky", constant("offsets", random(1, 6, 1, 1, seed=6))], "shifted")
    add("Conv", ["shifted", constant("w3", random(6, 6, 3, 3, seed=7, size=.2)), constant("b3", random(6, seed=8))], "conv3", pads=[1, 1, 1, 1])
    add("Clip", ["conv3", constant("low", np.float32(0)), constant("high", np.float32(6))], "clipped")
    add("Add", ["clipped", "shifted"], "sum")
    add("AveragePool", ["sum"], "mean", kernel_shape=[2, 2], strides=[2, 2])
    add("Pad", ["mean", constant("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))], "padded")
    add("Transpose", ["padded"], "last", perm=[0, 2, 3, 1])
    add("MatMul", ["last", constant("wm", random(6, 10, seed=9, size=.4))], "product")
    add("Transpose", ["product"], "first", perm=[0, 3, 1, 2])
    add("Split", ["first"], ["left", "right"], axis=1)
    add("Mul", ["left", "right"], "scaled")
    add("GlobalAveragePool", ["scaled"], "global")
    add("Flatten", ["global"], "flat")
    add("Gemm", ["flat", constant("wg", random(7, 5, seed=10, size=.5)), constant("bg", random(7, seed=11))], "logits", transB=1)
    add("Softmax", ["logits"], "y", axis=1)
    return net.model({"x": (np.float32, SHAPE)}, {"y": (np.float32, [1, 7]), "scaled": (np.float32, [1, 5, 6, 7])})


class Pictures(CalibrationDataReader):
    def __init__(self):
        self.left = iter(range(8))

    def get_next(self):
        seed = next(self.left, None)
        return None if seed is None else picture(seed)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    """A file of ONNX Runtime's quantizer."""
    folder = tmp_path_factory.mktemp("quantized")
    onnx.save(many_operators(), folder / "net.onnx")
    logging.disable(logging.WARNING)

    def make(quantizer=quantize_static, **options):
        path = folder / "quantized.onnx"
        arguments = [Pictures()] if quantizer is quantize_static else []
        quantizer(str(folder / "net.onnx"), str(path), *arguments, **options)
        return path

    yield make
    logging.disable(logging.NOTSET)


U8, S8 = QuantType.QUInt8, QuantType.QInt8
QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
# ONNX Runtime has no kernels for int8 activations in the other format.
FORMS = [(QDQ, U8, S8, True), (QDQ, U8, U8, False), (QDQ, S8, S8, True), (QOPERATOR, U8, S8, True), (QOPERATOR, U8, U8, False)]
MORE_FORMS = [(QDQ, U8, S8, False), (QDQ, U8, U8, True), (QDQ, S8, S8, False), (QOPERATOR, U8, S8, False), (QOPERATOR, U8, U8, True)]


@pytest.mark.parametrize("form, activations, weights, per_channel", [*FORMS, *(pytest.param(*form, marks=long_test) for form in MORE_FORMS)])
def test_files_of_quantize_static(form, activations, weights, per_channel, halftone, quantized, tmp_path):
    path = quantized(quant_format=form, activation_type=activations, weight_type=weights, per_channel=per_channel,
                     extra_options={"ForceQuantizeNoInputCheck": True})
    model = onnx.load(path)
    counts = check_steps(halftone, model, picture(), tmp_path)
    assert counts["steps"] >= 20 and counts["integer"] >= (4 if activations == S8 else 10), counts
    wanted, got = session(str(path)).run(None, picture()), run(halftone, path, picture(), tmp_path)
    assert min(snr(wanted[i], got[output.name]) for i, output in enumerate(model.graph.output)) > 25
    ranges = {(float(np.float32(value["scale"])), value["zero_point"]) for value in halftone.json("inspect", path)["ranges"] if value["channels"] == 1}
    stored = {initializer.name: numpy_helper.to_array(initializer) for initializer in model.graph.initializer}
    kept = {(float(value), int(stored[name.replace("_scale", "_zero_point")])) for name, value in stored.items()
            if name.endswith("_scale") and value.ndim == 0 and stored[name.replace("_scale", "_zero_point")].dtype in (np.uint8, np.int8)}
    assert ranges and ranges <= kept


@pytest.mark.parametrize("weights", [S8, U8])
def test_dynamic_quantization(weights, halftone, quantized, tmp_path):
    path = quantized(quantize_dynamic, weight_type=weights, op_types_to_quantize=["Conv", "MatMul", "Gemm"])
    model = onnx.load(path)
    assert {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"} <= {node.op_type for node in model.graph.node}
    wanted, got = session(str(path)).run(None, picture()), run(halftone, path, picture(), tmp_path)
    assert min(snr(wanted[i], got[output.name]) for i, output in enumerate(model.graph.output)) > 50


def test_integer_products_are_exact(halftone, tmp_path):
    """Sums beyond 2^24, which single precision cannot hold, a zero point a column, and padding with the zero point."""
    net = Net()
    b = np.full((3000, 3), 127, np.int8)
    b[:, 1] = np.random.default_rng(1).integers(-128, 128, 3000)
    net.add("MatMulInteger", ["a", net.constant("b", b), net.constant("za", np.uint8(3)), net.constant("zb", np.array([-128, 5, 0], np.int8))], "product")
    w = np.random.default_rng(2).integers(0, 256, (4, 2, 3, 3)).astype(np.uint8)
    net.add("ConvInteger", ["x", net.constant("w", w), net.constant("zx", np.uint8(120)), net.constant("zw", np.uint8(99))], "sums", pads=[1, 1, 1, 1])
    model = net.model({"a": (np.uint8, [2, 3000]), "x": (np.uint8, [1, 2, 5, 6])}, {"product": (np.int32, [2, 3]), "sums": (np.int32, [1, 4, 5, 6])})
    feed = {"a": np.random.default_rng(3).integers(0, 256, (2, 3000)).astype(np.uint8), "x": np.random.default_rng(4).integers(0, 256, (1, 2, 5, 6)).astype(np.uint8)}
    feed["a"][0] = 255
    got = run(halftone, model, feed, tmp_path)
    wide = (feed["a"].astype(np.int64) - 3) @ (b.astype(np.int64) - [-128, 5, 0])
    assert np.abs(wide).max() > 1 << 24
    np.testing.assert_array_equal(got["product"], wide)
    np.testing.assert_array_equal(got["sums"], session(model).run(["sums"], feed)[0])


# ---- forms by hand ----


def qdq(net, x, name, scale, zero_point, dtype=np.uint8, axis=None, quantize=True):
    """QuantizeLinear and DequantizeLinear behind x."""
    numbers = [net.constant(f"{name}_scale", np.asarray(scale, np.float32)), net.constant(f"{name}_zero_point", np.asarray(zero_point, dtype))]
    attributes = {} if axis is None else {"axis": axis}
    if quantize:
        x = net.add("QuantizeLinear", [x, *numbers], f"{name}_integers", **attributes)
    return net.add("DequantizeLinear", [x, *numbers], f"{name}_real", **attributes)


def integers(*shape, dtype=np.uint8, seed=0):
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


def conv_net(weights, scale, zero_point, bias=None, after=None, group=1):
    """x, quantized, through a convolution of dequantized weights."""
    net = Net()
    x = qdq(net, "x", "x", .02, 121)
    w = qdq(net, net.constant("w", weights), "w", scale, zero_point, weights.dtype, 0 if np.ndim(scale) else None, quantize=False)
    y = net.add("Conv", [x, w, *([bias(net)] if bias else [])], "conv", pads=[1, 1, 1, 1], group=group)
    if after:
        y = after(net, y)
    qdq(net, y, "y", .35, 117)
    return net.model({"x": (np.float32, [1, 4, 9, 11])}, {"y_real": (np.float32, [1, weights.shape[0], 9, 11])})


def int32_bias(scale):
    return lambda net: qdq(net, net.constant("bias", integers(6, dtype=np.int8, seed=5).astype(np.int32) * 9), "bias", scale, np.zeros_like(scale, np.int32), np.int32,
                           0 if np.ndim(scale) else None, quantize=False)


SOME = .01 + .002 * np.arange(6, dtype=np.float32)
X_SCALE = np.float32(.02)
CONVOLUTIONS = {
    "asymmetric": lambda: conv_net(integers(6, 4, 3, 3), .01, 97, int32_bias(X_SCALE * np.float32(.01))),
    "asymmetric a channel": lambda: conv_net(integers(6, 4, 3, 3), SOME, [0, 255, 128, 7, 90, 200], int32_bias(X_SCALE * SOME)),
    "signed zero points": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), SOME, [-128, 127, 0, 7, -90, 20]),
    "depthwise": lambda: conv_net(integers(4, 1, 3, 3), .02, 140, group=4),
    "all -128": lambda: conv_net(np.full((6, 4, 3, 3), -128, np.int8), .01, 0),
    "float bias": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), SOME, np.zeros(6), lambda net: net.constant("bias", random(6))),
    "int8 bias": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), .01, 0,
                                  lambda net: qdq(net, net.constant("bias", integers(6, dtype=np.int8)), "bias", .031, 0, np.int8, quantize=False)),
    "quantized bias": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), .01, 0,
                                       lambda net: qdq(net, net.constant("bias", random(6)), "bias", X_SCALE * np.float32(.01), 0, np.int8)),
    "float bias and relu": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), .01, 0, lambda net: net.constant("bias", random(6)),
                                            lambda net, y: net.add("Relu", [y], "relu")),
    "float bias and silu": lambda: conv_net(integers(6, 4, 3, 3, dtype=np.int8), .02, 0, lambda net: net.constant("bias", random(6)),
                                            lambda net, y: net.add("Mul", [y, net.add("Sigmoid", [y], "gate")], "silu")),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name, halftone, tmp_path):
    model = CONVOLUTIONS[name]()
    feed = {"x": random(1, 4, 9, 11, seed=1)}
    (wanted,), got = session(model, LEVELS.ORT_DISABLE_ALL).run(None, feed), run(halftone, model, feed, tmp_path)["y_real"]
    assert len(np.unique(wanted)) > 20
    assert np.abs(wanted - got).max() <= .36
    assert (np.abs(wanted - got) > .1).mean() < .003
    kernels = {layer["kernel"].split(".")[0] for layer in halftone.json("bench", tmp_path / "model.onnx", "--runs", 1, "--per-layer")["layers"] if layer["macs"]}
    assert kernels == {"conv_wide" if "symm" in name or "points" in name or name == "depthwise" else "conv"}


def transposed_net(weights, scale, zero_point, axis=1, bias=None, **attributes):
    """x, quantized, through a transposed convolution of dequantized weights."""
    net = Net()
    x = qdq(net, "x", "x", .02, 121)
    w = qdq(net, net.constant("w", weights), "w", scale, zero_point, weights.dtype, axis if np.ndim(scale) else None, quantize=False)
    net.add("ConvTranspose", [x, w, *([bias(net)] if bias else [])], "conv", **attributes)
    qdq(net, "conv", "y", .35, 117)
    return net.model({"x": (np.float32, [1, 4, 9, 11])}, {"y_real": (np.float32, None)})


S8_WEIGHTS = integers(4, 6, 3, 3, dtype=np.int8, seed=3)
TWO = {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}
TRANSPOSED = {  # and the kernel that computes it
    "a tensor": ("conv", lambda: transposed_net(S8_WEIGHTS, .01, 0, bias=int32_bias(X_SCALE * np.float32(.01)), **TWO)),
    "a channel": ("conv", lambda: transposed_net(S8_WEIGHTS, SOME, np.zeros(6), bias=int32_bias(X_SCALE * SOME), **TWO)),
    "asymmetric": ("conv_wide", lambda: transposed_net(integers(4, 6, 3, 3), .01, 97, **TWO)),
    "asymmetric a channel": ("conv_wide", lambda: transposed_net(integers(4, 6, 2, 3), SOME, [0, 255, 128, 7, 90, 200], strides=[2, 3])),
    "unsigned symmetric": ("conv", lambda: transposed_net(integers(4, 6, 3, 3), SOME, np.full(6, 128), **TWO)),
    "gaps": ("conv", lambda: transposed_net(S8_WEIGHTS[:, :, :1, :1], SOME, np.zeros(6), bias=int32_bias(X_SCALE * SOME), strides=[3, 2])),
    "dilated": ("conv", lambda: transposed_net(S8_WEIGHTS, SOME, np.zeros(6), dilations=[2, 3], strides=[2, 1])),
    "groups": ("conv", lambda: transposed_net(S8_WEIGHTS[:, :3], SOME[:3], np.zeros(3), bias=int32_bias(X_SCALE * np.tile(SOME[:3], 2)), group=2, **TWO)),
    "depthwise": ("depthwise", lambda: transposed_net(S8_WEIGHTS[:, :1], .01, 0, group=4, **TWO)),
    "depthwise a channel": ("depthwise", lambda: transposed_net(S8_WEIGHTS[:, :1], SOME[:4], np.zeros(4), axis=0, group=4, **TWO)),
    "float bias": ("conv", lambda: transposed_net(S8_WEIGHTS, SOME, np.zeros(6), bias=lambda net: net.constant("bias", random(6)), **TWO)),
    # The scales of what is added up differ.
    "an input channel": ("conv_f32", lambda: transposed_net(S8_WEIGHTS, SOME[:4], np.zeros(4), axis=0, **TWO)),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(name, halftone, tmp_path):
    kernel, model = TRANSPOSED[name][0], TRANSPOSED[name][1]()
    feed = {"x": random(1, 4, 9, 11, seed=1)}
    (wanted,), got = session(model, LEVELS.ORT_DISABLE_ALL).run(None, feed), run(halftone, model, feed, tmp_path)["y_real"]
    assert wanted.shape == got.shape and len(np.unique(wanted)) > 20
    assert np.abs(wanted - got).max() <= .36
    assert (np.abs(wanted - got) > .1).mean() < 1e-3
    kernels = {layer["kernel"].split(".")[0] for layer in halftone.json("bench", tmp_path / "model.onnx", "--runs", 1, "--per-layer")["layers"] if layer["macs"]}
    assert kernels == {kernel}


def test_shared_dequantization_and_outputs_of_integers(halftone, tmp_path):
    net = Net()
    x = qdq(net, "x", "x", .02, 121)
    for i in range(2):
        w = qdq(net, net.constant(f"w{i}", integers(5, 4, 1, 1, dtype=np.int8, seed=i)), f"w{i}", .01, 0, np.int8, quantize=False)
        y = net.add("Conv", [x, w], f"conv{i}")
        net.add("QuantizeLinear", [y, net.constant(f"s{i}", np.float32(.05)), net.constant(f"z{i}", np.uint8(100))], f"y{i}")
    net.add("Relu", [x], "real")
    model = net.model({"x": (np.float32, [1, 4, 6, 6])}, {"y0": (np.uint8, [1, 5, 6, 6]), "y1": (np.uint8, [1, 5, 6, 6]), "real": (np.float32, [1, 4, 6, 6])})
    feed = {"x": random(1, 4, 6, 6)}
    got = run(halftone, model, feed, tmp_path)
    for name, wanted in zip(["y0", "y1", "real"], session(model).run(None, feed)):
        np.testing.assert_array_equal(got[name], wanted, err_msg=name)


def test_quantized_input(halftone, tmp_path):
    """Its integers as they are, and real numbers that become them."""
    net = Net()
    x = qdq(net, "x", "x", 1 / 255, 0, quantize=False)
    w = qdq(net, net.constant("w", integers(5, 3, 3, 3, dtype=np.int8)), "w", .01, 0, np.int8, quantize=False)
    qdq(net, net.add("Conv", [x, w], "conv"), "y", .05, 100)
    model = net.model({"x": (np.uint8, [1, 3, 8, 8])}, {"y_real": (np.float32, [1, 5, 6, 6])})
    feed = {"x": integers(1, 3, 8, 8)}
    (wanted,) = session(model).run(None, feed)
    np.testing.assert_array_equal(run(halftone, model, feed, tmp_path)["y_real"], wanted)
    np.testing.assert_array_equal(run(halftone, model, {"x": feed["x"].astype(np.float32) / 255}, tmp_path)["y_real"], wanted)


def test_input_of_32_bits(halftone, tmp_path):
    net = Net()
    net.add("DequantizeLinear", ["x", net.constant("s", np.float32(.25))], "y")
    model = net.model({"x": (np.int32, [1, 40])}, {"y": (np.float32, [1, 40])})
    feed = {"x": np.arange(-20, 20, dtype=np.int32).reshape(1, 40) * 100_000}
    np.testing.assert_array_equal(run(halftone, model, feed, tmp_path)["y"], feed["x"] * .25)


def test_operators_on_integers(halftone, tmp_path):
    """What moves integers, bounds them, pads with one of them, or computes with them as they are."""
    net = Net()
    q = net.add("QuantizeLinear", ["x", net.constant("s", np.float32(.03)), net.constant("z", np.uint8(130))], "q")
    net.add("Clip", [q, "", net.constant("most", np.uint8(127))], "clip")
    net.add("Pad", [q, net.constant("pads", np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64)), net.constant("value", np.uint8(7))], "pad")
    net.add("ArgMax", [q], "argmax", axis=1)
    net.add("Cast", [q], "cast", to=6)
    net.add("Resize", [q, "", net.constant("scales", np.array([1, 1, 2, 2], np.float32))], "resize", mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    net.add("DequantizeLinear", [q, net.constant("other", np.float32(.5)), net.constant("point", np.uint8(3))], "reread")
    outputs = {"clip": (np.uint8, [1, 3, 5, 6]), "pad": (np.uint8, [1, 3, 6, 8]), "argmax": (np.int64, [1, 1, 5, 6]), "cast": (np.int32, [1, 3, 5, 6]),
               "resize": (np.uint8, [1, 3, 10, 12]), "reread": (np.float32, [1, 3, 5, 6])}
    model = net.model({"x": (np.float32, [1, 3, 5, 6])}, outputs)
    feed = {"x": random(1, 3, 5, 6, size=2)}
    got = run(halftone, model, feed, tmp_path)
    for name, wanted in zip(outputs, session(model).run(None, feed)):
        np.testing.assert_array_equal(got[name], wanted, err_msg=name)


def microsoft(op, **attributes):
    """One of ONNX Runtime's own operators on integers; its scales and zero points are constants."""
    net = Net()
    a = [net.constant("as", np.float32(.021)), net.constant("az", np.uint8(117))]
    b = [net.constant("bs", np.float32(.017)), net.constant("bz", np.uint8(131))]
    y = [net.constant("ys", np.float32(attributes.pop("scale", .03))), net.constant("yz", np.uint8(attributes.pop("zero", 120)))]
    shape = [2, 4, 6, 5]
    inputs = {"QLinearAdd": ["a", *a, "b", *b, *y], "QLinearMul": ["a", *a, "b", *b, *y], "QLinearConcat": [*y, "a", *a, "b", *b],
              "QLinearWhere": [net.constant("c", np.arange(240).reshape(shape) % 3 == 0), "a", *a, "b", *b, *y]}.get(op, ["a", *a, *y])
    net.add(op, inputs, "y", domain=MICROSOFT, **attributes)
    made = {"QLinearConcat": [2, 8, 6, 5], "QLinearGlobalAveragePool": [2, 4, 1, 1], "QLinearReduceMean": [2, 4, 1, 1], "QLinearAveragePool": [2, 4, 3, 2]}
    return net.model({"a": (np.uint8, shape), "b": (np.uint8, shape)}, {"y": (np.uint8, made.get(op, shape))})


@pytest.mark.parametrize("op, most, attributes", [
    ("QLinearAdd", 1, {}), ("QLinearMul", 0, {}), ("QLinearConcat", 1, {"axis": 1}), ("QLinearWhere", 0, {}), ("QLinearSigmoid", 0, {"scale": 1 / 256, "zero": 0}),
    ("QLinearLeakyRelu", 1, {"alpha": .2}), ("QLinearAveragePool", 1, {"kernel_shape": [2, 2], "strides": [2, 2]}), ("QLinearGlobalAveragePool", 1, {}),
    ("QLinearSoftmax", 1, {"axis": 1, "opset": 13, "scale": 1 / 256, "zero": 0}),
    ("QLinearSoftmax", 1, {"axis": 1, "opset": 11, "scale": 1 / 256, "zero": 0})])
def test_operators_of_onnxruntime(op, most, attributes, halftone, tmp_path):
    model = microsoft(op, **attributes)
    feed = {"a": integers(2, 4, 6, 5, seed=1), "b": integers(2, 4, 6, 5, seed=2)}
    (wanted,), got = session(model).run(None, feed), run(halftone, model, feed, tmp_path)["y"]
    assert wanted.dtype == got.dtype and np.abs(wanted.astype(int) - got).max() <= most


def test_mean_of_integers(halftone, tmp_path):
    """ONNX Runtime's schema has it, but no kernel."""
    model = microsoft("QLinearReduceMean", axes=[2, 3], keepdims=1)
    feed = {"a": integers(2, 4, 6, 5, seed=1), "b": integers(2, 4, 6, 5, seed=2)}
    wanted = np.rint((feed["a"] - 117.0).mean((2, 3), keepdims=True) * .021 / .03) + 120
    assert np.abs(run(halftone, model, feed, tmp_path)["y"] - wanted).max() <= 1


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("with_output", [True, False])
def test_qgemm(with_output, transposed, halftone, tmp_path):
    net = Net()
    b = integers(7, 5, seed=3)
    inputs = ["a", net.constant("as", np.float32(.02)), net.constant("az", np.uint8(117)), net.constant("b", b if transposed else b.T),
              net.constant("bs", .01 + .001 * np.arange(7, dtype=np.float32)), net.constant("bz", np.full(7, 129, np.uint8)),
              net.constant("c", np.arange(-3, 4, dtype=np.int32) * 500)]
    if with_output:
        inputs += [net.constant("ys", np.float32(.09)), net.constant("yz", np.uint8(100))]
    net.add("QGemm", inputs, "y", domain=MICROSOFT, transB=transposed, alpha=1.0)
    model = net.model({"a": (np.uint8, [4, 5])}, {"y": (np.uint8 if with_output else np.float32, [4, 7])})
    feed = {"a": integers(4, 5)}
    (wanted,), got = session(model).run(None, feed), run(halftone, model, feed, tmp_path)["y"]
    if with_output:
        np.testing.assert_array_equal(got, wanted)
    else:
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


def test_product_of_two_activations(halftone, tmp_path):
    net = Net()
    a, b = qdq(net, "a", "a", .02, 121), qdq(net, "b", "b", .03, 99)
    qdq(net, net.add("MatMul", [a, b], "product"), "y", .05, 120)
    model = net.model({"a": (np.float32, [2, 3, 5, 40]), "b": (np.float32, [3, 40, 6])}, {"y_real": (np.float32, [2, 3, 5, 6])})
    feed = {"a": random(2, 3, 5, 40), "b": random(3, 40, 6, seed=1)}
    np.testing.assert_array_equal(run(halftone, model, feed, tmp_path)["y_real"], session(model).run(None, feed)[0])
    kernels = [layer["kernel"] for layer in halftone.json("bench", tmp_path / "model.onnx", "--runs", 1, "--per-layer")["layers"] if layer["macs"]]
    assert len(kernels) == 1 and kernels[0].startswith("gemm.")


# ---- what does not fit ----


def bad_qlinear_conv(**changes):
    net = Net()
    parts = {"xs": np.float32(.02), "xz": np.uint8(120), "w": integers(6, 4, 3, 3, dtype=np.int8), "ws": SOME, "wz": np.zeros(6, np.int8), "ys": np.float32(.3),
             "yz": np.uint8(5), "bias": np.zeros(6, np.int32), **changes}
    names = [net.constant(name, value) for name, value in parts.items()]
    net.add("QLinearConv", ["x", *names], "y")
    return net.model({"x": (np.uint8, [1, 4, 9, 9])}, {"y": (np.uint8, [1, 6, 7, 7])})


@pytest.mark.parametrize("changes, sentence", [
    ({"ws": SOME[:4], "wz": np.zeros(4, np.int8)}, "4 scales"), ({"wz": np.zeros(3, np.int8)}, "zero points"), ({"wz": np.zeros(6, np.uint8)}, "zero points"),
    ({"ys": np.float32([.1, .2])}, "2 scales"), ({"bias": np.zeros(6, np.float32)}, "bias"), ({"bias": np.zeros(5, np.int32)}, "bias"),
    ({"w": np.zeros((6, 4, 3, 3), np.int32), "wz": np.zeros(6, np.int32)}, "8-bit"), ({"xs": np.float32(0)}, "scale"), ({"xs": np.float32("nan")}, "scale")])
def test_what_does_not_fit_is_refused(changes, sentence, halftone, tmp_path):
    onnx.save(bad_qlinear_conv(**changes), tmp_path / "bad.onnx")
    said = halftone("inspect", tmp_path / "bad.onnx", expect=(3, 4)).stderr
    assert sentence in said and "QLinearConv_y" in said
