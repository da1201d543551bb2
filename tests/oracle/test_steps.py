# SPDX-License-Identifier: Apache-2.0
"""Each step of a quantized file, fed ONNX Runtime's own integers: the same integers where it computes on integers, within one
elsewhere."""
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import steps
from conftest import street_sections, write_recipe
from places import long_test, shared
from test_shared import DETECTORS


def check(halftone, step, folder, seeds=1):
    """Whether ONNX Runtime computed on integers; asserts that both agree."""
    for seed in range(seeds):
        inputs = steps.random_inputs(step, seed)
        expected, on_integers = steps.run_in_onnxruntime(step, inputs, folder)
        found = steps.run_in_halftone(halftone, step, inputs, folder)
        if on_integers and np.abs(found - expected).max() > 1:
            # On some processors its integer kernels give, for a depthwise convolution of a slice, what its own float ones do not.
            evaluated, _ = steps.run_in_onnxruntime(step, inputs, folder, optimized=False)
            if np.abs(evaluated - expected).max() > 1:
                expected, on_integers = evaluated, False
        difference = np.abs(found - expected)
        # Its sum of two values contracts to fused multiply-adds, which not every target has (docs/NUMERICS.md).
        is_sum = step.operators in (["Add"], ["Sub"])
        assert difference.max() <= (0 if on_integers and not is_sum else 1) and np.count_nonzero(difference) <= (1e-3 if is_sum else 1) * difference.size, \
            f"{step.name} ({' '.join(step.operators)}), {'on integers' if on_integers else 'in float'}: {np.count_nonzero(difference)} of {difference.size} differ, by at most {difference.max()}"
    return on_integers


def check_file(halftone, path, folder):
    """How many steps ONNX Runtime computed on integers, and how many otherwise."""
    counts = {True: 0, False: 0}
    for step in steps.cut(onnx.load(path)):
        counts[check(halftone, step, folder)] += 1
    return counts[True], counts[False]


# ---- whole files ----


@pytest.mark.parametrize("target", ["native", "onnxruntime"])
def test_sample(target, halftone, tmp_path):
    recipe = write_recipe(tmp_path / "street.toml", street_sections(), {"calibration.count": 8})
    halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", "--target", target)
    on_integers, otherwise = check_file(halftone, tmp_path / "quantized.onnx", tmp_path)
    assert on_integers + otherwise > 50 and on_integers > (40 if target == "onnxruntime" else 0)


@long_test
@pytest.mark.parametrize("target", ["native", "onnxruntime"])
@pytest.mark.parametrize("name", DETECTORS)
def test_detector(name, target, halftone, tmp_path):
    detector = DETECTORS[name]
    recipe = write_recipe(tmp_path / "recipe.toml", {
        "model": {"path": str(shared("data", "models", detector["file"]))}, "preprocess": detector["preprocess"],
        "task": {"type": "detection", "classes": "coco80", **detector["task"]},
        "calibration": {"images": str(shared("data", "coco") / "calibration"), "count": 20}})
    halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", "--target", target)
    on_integers, otherwise = check_file(halftone, tmp_path / "quantized.onnx", tmp_path)
    assert on_integers + otherwise > 50


# ---- single operators ----


class Net:
    """A small Q/DQ graph: inputs are quantized first, and what operators make is quantized again."""

    def __init__(self, seed, dtype=np.uint8):
        self.random, self.dtype = np.random.default_rng(seed), dtype
        self.nodes, self.inputs, self.constants = [], [], []

    def constant(self, array, name):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def quantize(self, name, scale, zero_point):
        result = f"{name}_q"
        scale = self.constant(np.float32(scale), f"{name}_scale")
        zero_point = self.constant(np.asarray(zero_point, self.dtype), f"{name}_zero")
        self.nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero_point], [result]))
        self.nodes.append(helper.make_node("DequantizeLinear", [result, scale, zero_point], [f"{name}_r"]))
        return f"{name}_r"

    def free_zero_point(self):
        limits = np.iinfo(self.dtype)
        return int(self.random.integers(limits.min, limits.max, endpoint=True))

    def input(self, *shape):
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return self.quantize(name, self.random.uniform(0.01, 0.05), self.free_zero_point())

    def weights(self, *shape, axis=None):
        name = f"w{len(self.constants)}"
        count = 1 if axis is None else shape[axis]
        scale = self.random.uniform(0.002, 0.02, count).astype(np.float32)
        stored = self.constant(self.random.integers(-127, 127, shape, endpoint=True).astype(np.int8), name)
        scale = self.constant(scale if axis is not None else scale[0], f"{name}_scale")
        zero = self.constant(np.zeros(count if axis is not None else (), np.int8), f"{name}_zero")
        attributes = {} if axis is None else {"axis": axis}
        self.nodes.append(helper.make_node("DequantizeLinear", [stored, scale, zero], [f"{name}_r"], **attributes))
        return f"{name}_r"

    def bias(self, count, input_name, weights_name):
        """int32 in the scale that the products have."""
        known = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.constants}
        scale = known[input_name.removesuffix("_r") + "_scale"] * known[weights_name.removesuffix("_r") + "_scale"]
        name = f"b{len(self.constants)}"
        stored = self.constant(self.random.integers(-5000, 5000, count).astype(np.int32), name)
        zero = self.constant(np.zeros(scale.shape, np.int32), f"{name}_zero")
        self.nodes.append(helper.make_node("DequantizeLinear", [stored, self.constant(scale.astype(np.float32), f"{name}_scale"), zero], [f"{name}_r"],
                                           **({"axis": 0} if scale.ndim else {})))
        return f"{name}_r"

    def node(self, op, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def finish(self, name, scale, zero_point=None):
        """The only step of the net."""
        real = self.quantize(name, scale, self.free_zero_point() if zero_point is None else zero_point)
        graph = helper.make_graph(self.nodes, "net", self.inputs, [helper.make_tensor_value_info(real, TensorProto.FLOAT, None)], self.constants)
        wide = np.dtype(self.dtype).itemsize == 2
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21 if wide else 14)], ir_version=10 if wide else 8)
        model = onnx.shape_inference.infer_shapes(model)
        (step,) = steps.cut(model)
        return step


def convolution(shape, filters, per_channel=True, with_bias=True, then=None, scale=0.4, **attributes):
    def make(net):
        x = net.input(*shape)
        w = net.weights(*filters, axis=0 if per_channel else None)
        inputs = [x, w, net.bias(filters[0], x, w)] if with_bias else [x, w]
        y = net.node("Conv", *inputs, kernel_shape=list(filters[2:]), **attributes)
        return net.finish(net.node(then, y) if then else y, scale)

    return make


def product(op, a, b, constant=False, axis=None, scale=0.4, **attributes):
    def make(net):
        x = net.input(*a)
        y = net.weights(*b, axis=axis) if constant else net.input(*b)
        return net.finish(net.node(op, x, y, **attributes), scale)

    return make


def plain(op, *shapes, scale=0.03, zero_point=None, **attributes):
    return lambda net: net.finish(net.node(op, *[net.input(*shape) for shape in shapes], **attributes), scale, zero_point)


def gated(op):
    def make(net):
        x = net.input(2, 9, 7, 5)
        return net.finish(net.node("Mul", x, net.node(op, x)), 0.02)

    return make


CASES = {
    "conv 1x1": convolution((1, 24, 7, 9), (17, 24, 1, 1)),
    "conv 3x3": convolution((2, 12, 11, 13), (20, 12, 3, 3), pads=[1, 1, 1, 1]),
    "conv per tensor without bias": convolution((1, 12, 8, 8), (16, 12, 3, 3), per_channel=False, with_bias=False),
    "conv strides and uneven pads": convolution((1, 5, 12, 15), (7, 5, 4, 3), strides=[2, 3], pads=[0, 2, 3, 1]),
    "conv dilated": convolution((1, 6, 14, 13), (9, 6, 3, 2), dilations=[2, 3], pads=[2, 1, 2, 2]),
    "conv grouped": convolution((1, 12, 9, 9), (18, 4, 3, 3), group=3, pads=[1, 1, 1, 1]),
    "conv depthwise": convolution((1, 19, 9, 10), (19, 1, 3, 3), group=19, pads=[1, 1, 1, 1], scale=0.2),
    "conv depthwise 5x5, stride 2": convolution((1, 16, 11, 10), (16, 1, 5, 5), group=16, strides=[2, 2], pads=[2, 2, 2, 2], scale=0.2),
    "conv depthwise with a multiplier": convolution((1, 6, 9, 9), (18, 1, 3, 3), group=6, scale=0.2),
    "conv then relu": convolution((1, 10, 8, 8), (12, 10, 3, 3), then="Relu"),
    "conv of one dimension": convolution((1, 8, 33), (12, 8, 5), pads=[2, 2], strides=[2]),
    "conv deep": convolution((1, 300, 5, 5), (33, 300, 3, 3), pads=[1, 1, 1, 1], scale=2.0),
    "matmul with weights": product("MatMul", (3, 40), (40, 21), constant=True),
    "matmul with weights per channel": product("MatMul", (3, 40), (40, 21), constant=True, axis=1),
    "matmul of two values": product("MatMul", (2, 4, 7, 16), (2, 4, 16, 9)),
    "matmul broadcast": product("MatMul", (2, 7, 16), (16, 9)),
    "gemm": product("Gemm", (3, 40), (21, 40), constant=True, axis=0, transB=1),
    "add": plain("Add", (2, 9, 7, 5), (2, 9, 7, 5)),
    "add broadcast over channels": plain("Add", (2, 9, 7, 5), (1, 9, 1, 1)),
    "add broadcast over pixels": plain("Add", (2, 9, 7, 5), (2, 1, 7, 5)),
    "mul": plain("Mul", (2, 9, 7, 5), (2, 9, 7, 5)),
    "mul by a gate": plain("Mul", (2, 9, 7, 5), (2, 9, 1, 1)),
    "sub": plain("Sub", (2, 9, 7, 5), (2, 9, 7, 5)),
    "average pool": plain("AveragePool", (1, 9, 12, 11), kernel_shape=[3, 2], strides=[2, 2]),
    "average pool with padding": plain("AveragePool", (1, 9, 12, 11), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "average pool that counts padding": plain("AveragePool", (1, 9, 12, 11), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "global average pool": plain("GlobalAveragePool", (2, 9, 12, 11), scale=0.01),
    "sigmoid": plain("Sigmoid", (2, 9, 7, 5), scale=1 / 256),
    "leaky relu": plain("LeakyRelu", (2, 9, 7, 5), alpha=0.1),
    "hard swish": plain("HardSwish", (2, 9, 7, 5)),
    "silu": gated("Sigmoid"),
    "hard sigmoid gate": gated("HardSigmoid"),
    "tanh": plain("Tanh", (2, 9, 7, 5), scale=1 / 128),
    "softmax": plain("Softmax", (4, 33), scale=1 / 256, axis=-1),
    "concat of different scales": plain("Concat", (2, 9, 7, 5), (2, 4, 7, 5), (2, 8, 7, 5), axis=1),
    "transpose to another scale": plain("Transpose", (2, 9, 7, 5), perm=[0, 2, 3, 1]),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", CASES)
def test_operator(name, dtype, halftone, tmp_path):
    check(halftone, CASES[name](Net(sum(name.encode()), dtype)), tmp_path, seeds=3)


# ONNX Runtime computes 16-bit values in float.
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("name", CASES)
def test_operator_of_16_bits(name, dtype, halftone, tmp_path):
    check(halftone, CASES[name](Net(sum(name.encode()), dtype)), tmp_path)


def test_some_steps_are_on_integers(halftone, tmp_path):
    """Identity is demanded only where ONNX Runtime computes on integers, so it must do that."""
    forms = {name: check(halftone, CASES[name](Net(1)), tmp_path)
             for name in ["conv 3x3", "conv depthwise", "matmul with weights", "add", "mul", "global average pool"]}
    assert all(forms.values()), forms
