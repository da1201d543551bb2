# SPDX-License-Identifier: Apache-2.0
"""4-bit weights in groups along the input: the integers of hand-made files against numpy, what `quantize` writes, and damaged files."""
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import steps
from places import STREET, built
from test_choice import element_types, in_halftone, in_onnxruntime
from test_steps import check

INPUT_SCALE, OUTPUT_SCALE, ZERO = np.float32(0.031), np.float32(0.17), 5


class Layer:
    """A product of quantized values with blocked 4-bit weights, and its integers by their definition."""

    def __init__(self, op, weights, block, most=16, groups=1, least=-8, base=None, seed=1):
        random = np.random.default_rng(seed)
        self.op, self.groups, self.block, self.axis = op, groups, block, 0 if op == "MatMul" else 1
        self.shape = weights
        self.integers = random.integers(least, 8, weights)
        blocks = list(weights)
        blocks[self.axis] = -(-weights[self.axis] // block)
        self.multiples = random.integers(1, most, blocks, endpoint=True)
        outputs = [1] * len(weights)
        outputs[1 - self.axis] = weights[1 - self.axis]
        # So few bits that every multiple is a float.
        self.base = (random.integers(1 << 15, 1 << 16, outputs) * 2.0**-23).astype(np.float32) if base is None else base(random, outputs)
        self.scales = self.multiples.astype(np.float32) * self.base

    def spread(self, blocks):
        return np.take(np.repeat(blocks, self.block, axis=self.axis), range(self.shape[self.axis]), axis=self.axis)

    def model(self, input_shape, output_shape):
        constants = [
            helper.make_tensor("w", TensorProto.INT4, self.shape, self.integers.ravel()), numpy_helper.from_array(self.scales, "ws"),
            numpy_helper.from_array(np.array(INPUT_SCALE), "xs"), numpy_helper.from_array(np.array(ZERO, np.int8), "z"),
            numpy_helper.from_array(np.array(OUTPUT_SCALE), "ys")]
        attributes = {"Conv": {"group": self.groups}, "Gemm": {"transB": 1}, "MatMul": {}}[self.op]
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "xs", "z"], ["xq"]), helper.make_node("DequantizeLinear", ["xq", "xs", "z"], ["xd"]),
            helper.make_node("DequantizeLinear", ["w", "ws"], ["wd"], axis=self.axis, block_size=self.block),
            helper.make_node(self.op, ["xd", "wd"], ["yf"], **attributes),
            helper.make_node("QuantizeLinear", ["yf", "ys", "z"], ["yq"]), helper.make_node("DequantizeLinear", ["yq", "ys", "z"], ["y"])]
        graph = helper.make_graph(nodes, "blocks", [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        return model

    def input_integers(self, shape):
        return np.random.default_rng(5).integers(-128, 128, shape)

    def sums(self, centred):
        """Exact sums of weights times multiples times inputs, in 64 bits."""
        weights = (self.integers * self.spread(self.multiples)).astype(np.int64)
        if self.op == "Conv":
            windows = np.lib.stride_tricks.sliding_window_view(centred, weights.shape[2:], axis=(2, 3))
            parts = zip(np.split(windows, self.groups, axis=1), np.split(weights, self.groups), strict=True)
            return np.concatenate([np.einsum("nchwyx,ocyx->nohw", window, part) for window, part in parts], axis=1)
        return centred @ (weights.T if self.op == "Gemm" else weights)

    def expected(self, integers):
        """The output as the page on numerics has it: the sum, times one scale, rounded to float each; then quantized."""
        sums = self.sums(integers.astype(np.int64) - ZERO)
        scale = (INPUT_SCALE * self.base).astype(np.float32)
        scale = scale.reshape(1, -1, 1, 1) if self.op == "Conv" else scale.reshape(1, -1)
        real = sums.astype(np.float32) * scale
        return np.clip(np.rint((real / OUTPUT_SCALE).astype(np.float64)) + ZERO, -128, 127)


LAYERS = {
    "1x1": (lambda: Layer("Conv", (7, 64, 1, 1), 32), (1, 64, 5, 6)),
    "1x1, a short block": (lambda: Layer("Conv", (9, 100, 1, 1), 32), (1, 100, 3, 4)),
    "1x1, a block of one": (lambda: Layer("Conv", (5, 65, 1, 1), 64), (2, 65, 3, 4)),
    "3x3": (lambda: Layer("Conv", (6, 40, 3, 3), 16), (1, 40, 6, 7)),
    "3x3, a short block": (lambda: Layer("Conv", (5, 33, 3, 3), 32), (1, 33, 5, 5)),
    "3x3, a block a tap": (lambda: Layer("Conv", (4, 8, 3, 3), 32), (1, 8, 5, 5)),
    "groups": (lambda: Layer("Conv", (6, 20, 2, 3), 8, groups=3), (1, 60, 5, 5)),
    "depthwise": (lambda: Layer("Conv", (12, 1, 3, 3), 32, groups=12), (1, 12, 6, 5)),
    "symmetric": (lambda: Layer("Conv", (7, 96, 1, 1), 32, least=-7), (1, 96, 5, 6)),
    "Gemm": (lambda: Layer("Gemm", (10, 70), 32), (3, 70)),
    "MatMul": (lambda: Layer("MatMul", (70, 11), 32), (3, 70)),
}


@pytest.mark.parametrize("isa", ["c", None])
@pytest.mark.parametrize("name", LAYERS)
def test_integers_of_blocks(name, isa, halftone, tmp_path, monkeypatch):
    if isa:
        monkeypatch.setenv("HALFTONE_ISA", isa)
    make, shape = LAYERS[name]
    layer = make()
    integers = layer.input_integers(shape)
    expected = layer.expected(integers)
    path = tmp_path / "blocks.onnx"
    onnx.save(layer.model(shape, expected.shape), path)
    real = ((integers - ZERO) * INPUT_SCALE).astype(np.float32)
    (found,) = in_halftone(halftone, path, real, tmp_path)
    assert np.array_equal(np.rint(found.astype(np.float64) / OUTPUT_SCALE) + ZERO, expected)
    assert len(np.unique(expected)) > 20, "a test of saturated numbers tells nothing"
    (theirs,) = in_onnxruntime(path, real)
    assert np.abs(found - theirs).max() <= OUTPUT_SCALE * 1.001
    again = tmp_path / "again.onnx"
    subprocess.run([built("graph_probe"), "--export", again, path], check=True, capture_output=True, timeout=60)
    (reread,) = in_halftone(halftone, again, real, tmp_path)
    assert np.array_equal(found, reread)


def any_scales(random, shape):
    return random.uniform(0.004, 0.008, shape).astype(np.float32)


@pytest.mark.parametrize("name", ["multiples that are rounded", "no multiples", "wide multiples"])
def test_scales_that_are_no_small_multiples_compute_in_float(name, halftone, tmp_path):
    layer = Layer("Conv", (7, 64, 3, 3), 32, most=300 if name == "wide multiples" else 16, base=any_scales)
    if name == "no multiples":
        layer.scales = any_scales(np.random.default_rng(3), layer.scales.shape)
    path = tmp_path / "blocks.onnx"
    onnx.save(layer.model((1, 64, 5, 5), (1, 7, 3, 3)), path)
    real = ((layer.input_integers((1, 64, 5, 5)) - ZERO) * INPUT_SCALE).astype(np.float32)
    (found,), (theirs,) = in_halftone(halftone, path, real, tmp_path), in_onnxruntime(path, real)
    difference = np.rint(np.abs(found.astype(np.float64) - theirs) / OUTPUT_SCALE)
    assert difference.max() <= 1 and np.count_nonzero(difference) <= 1 + 0.01 * difference.size


# ---- what quantize writes ----


def blocks_of(model):
    """{weights' name: (integers, multiples, base)} of every blocked DequantizeLinear."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type != "DequantizeLinear" or not attributes.get("block_size"):
            continue
        assert constants[node.input[0]].data_type == TensorProto.INT4
        shape, scales = list(constants[node.input[0]].dims), numpy_helper.to_array(constants[node.input[1]])
        expected = list(shape)
        expected[attributes["axis"]] = -(-shape[attributes["axis"]] // attributes["block_size"])
        assert list(scales.shape) == expected
        found[node.input[0]] = attributes["block_size"], scales
    return found


@pytest.mark.parametrize("target", ["native", "onnxruntime", "cortex-m"])
def test_quantize_writes_blocks(target, halftone, street_recipe, tmp_path):
    path = tmp_path / "quantized.onnx"
    report = halftone.json("quantize", street_recipe({"calibration.count": 16}), "-o", path, "--target", target, "--weights", "4", "--group", "32")
    assert any("bits on average" in note for note in report["notes"])
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    blocks = blocks_of(model)
    assert len(blocks) > 3 and element_types(model)["INT4"] >= len(blocks)
    # Small multiples of one number an output, but for the factors of what absorbed its input's scales, which come behind.
    for block, scales in blocks.values():
        assert block <= 32
        rows = scales.reshape(scales.shape[0], -1).astype(np.float64)
        if "Mul" in {node.op_type for node in model.graph.node if node.input and node.input[0].endswith("_unscaled")}:
            continue
        for row in rows:
            fits = [k for k in range(1, 17) if np.array_equal(row / (row.min() / k), np.rint(row / (row.min() / k))) and row.max() / (row.min() / k) <= 16]
            assert fits
    for step in steps.cut(model):
        check(halftone, step, tmp_path)


def test_groups_are_closer_than_channels(halftone, street_recipe, tmp_path):
    errors = {}
    for name, flags in {"channels": [], "groups": ["--group", "32"]}.items():
        path = tmp_path / f"{name}.onnx"
        halftone("quantize", street_recipe(), "-o", path, "--weights", "4", *flags, "--activations", "float")
        result = halftone.json("validate", street_recipe(), "--model", path, "--limit", "16")
        errors[name] = min(output["snr_db"] for output in result["outputs"])
    assert errors["groups"] > errors["channels"] + 0.5, errors


def test_rules_choose_groups(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"quantize.weights": 4, "quantize.group": 64})
    recipe.write_text(recipe.read_text() + '\n[[quantize.layer]]\nmatch = "*"\ngroup = 0\n')
    assert "no layer has weights of 4 bits" in halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", expect=2).stderr
    names = [node.name for node in onnx.load(STREET / "detector.onnx").graph.node if node.op_type == "Conv"]
    recipe.write_text(recipe.read_text() + f'\n[[quantize.layer]]\nmatch = "{names[3]}"\nweights = 4\ngroup = 32\n')
    halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx")
    assert len(blocks_of(onnx.load(tmp_path / "quantized.onnx"))) <= 1


@pytest.mark.parametrize("flags, words", [
    (["--group", "32"], "no layer has weights of 4 bits"), (["--weights", "4", "--group", "48"], "32, 64 or 128"),
    (["--weights", "4", "--group", "-32"], "32, 64 or 128"), (["--weights", "4", "--group", "32", "--granularity", "tensor"], "a scale a channel")])
def test_wrong_groups_are_refused(flags, words, halftone, street_recipe, tmp_path):
    assert words in halftone("quantize", street_recipe(), "-o", tmp_path / "quantized.onnx", *flags, expect=2).stderr


# ---- damaged files ----


def with_attribute(model, name, value):
    node = next(node for node in model.graph.node if node.output[0] == "wd")
    for attribute in node.attribute:
        if attribute.name == name:
            attribute.i = value


def with_scales(model, scales):
    index = [tensor.name for tensor in model.graph.initializer].index("ws")
    model.graph.initializer[index].CopyFrom(numpy_helper.from_array(scales, "ws"))


def with_zero_points(model, tensor):
    model.graph.initializer.append(tensor)
    next(node for node in model.graph.node if node.output[0] == "wd").input.append(tensor.name)


SCALES = np.full((7, 2, 1, 1), 0.01, np.float32)
DAMAGE = {
    "a negative block": (lambda m: with_attribute(m, "block_size", -32), "blocks have -32 elements"),
    "no blocks": (lambda m: with_attribute(m, "block_size", 0), "scales have the shape"),
    "other blocks": (lambda m: with_attribute(m, "block_size", 16), "where blocks of 16 along axis 1 need"),
    "a huge block": (lambda m: with_attribute(m, "block_size", 2**63 - 1), "along axis 1 need"),
    "another axis": (lambda m: with_attribute(m, "axis", 0), "along axis 0 need"),
    "no such axis": (lambda m: with_attribute(m, "axis", 9), "axis"),
    "too few axes": (lambda m: with_scales(m, SCALES.reshape(7, 2)), "need 7x2x1x1"),
    "too many scales": (lambda m: with_scales(m, np.full((7, 3, 1, 1), 0.01, np.float32)), "need 7x2x1x1"),
    "no scales": (lambda m: with_scales(m, np.zeros((7, 0, 1, 1), np.float32)), "need 7x2x1x1"),
    "a scale of zero": (lambda m: with_scales(m, np.where(np.arange(14).reshape(SCALES.shape) == 3, 0, SCALES)), "scales must be positive"),
    "a negative scale": (lambda m: with_scales(m, -SCALES), "scales must be positive"),
    "a scale that is no number": (lambda m: with_scales(m, SCALES * np.float32(np.nan)), "scales must be positive"),
    "scales that are integers": (lambda m: with_scales(m, np.ones((7, 2, 1, 1), np.int32)), "they must be floats"),
    "few zero points": (lambda m: with_zero_points(m, helper.make_tensor("wz", TensorProto.INT4, [7, 1, 1, 1], [0] * 7)), "zero points"),
    "flat zero points": (lambda m: with_zero_points(m, helper.make_tensor("wz", TensorProto.INT4, [14], [0] * 14)), "zero points"),
    "other zero points": (lambda m: with_zero_points(m, helper.make_tensor("wz", TensorProto.INT8, [7, 2, 1, 1], [0] * 14)), "zero points"),
}


def test_values_in_blocks_are_refused(halftone, tmp_path):
    """Of activations; kernels know one scale or one a channel."""
    scales, zeros = np.linspace(0.01, 0.02, 18, dtype=np.float32).reshape(1, 2, 3, 3), np.zeros((1, 2, 3, 3), np.int8)
    constants = [numpy_helper.from_array(scales, "s"), numpy_helper.from_array(zeros, "z")]
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("QuantizeLinear", ["r", "s", "z"], ["q"], axis=1, block_size=4),
             helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=1, block_size=4), helper.make_node("Neg", ["d"], ["y"])]
    shaped = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 3, 3])  # noqa: E731
    model = helper.make_model(helper.make_graph(nodes, "blocks", [shaped("x")], [shaped("y")], constants), opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, tmp_path / "values.onnx")
    np.save(tmp_path / "x.npy", np.ones((1, 8, 3, 3), np.float32))
    done = halftone("run", tmp_path / "values.onnx", "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path / "out", expect=4)
    assert "no scales in blocks" in done.stderr


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_blocks_are_refused(name, halftone, tmp_path):
    damage, words = DAMAGE[name]
    model = Layer("Conv", (7, 64, 1, 1), 32).model((1, 64, 2, 2), (1, 7, 2, 2))
    damage(model)
    path = tmp_path / "damaged.onnx"
    onnx.save(model, path)
    done = halftone("inspect", path, expect=(3, 4))
    assert words in done.stderr and "damaged.onnx" in done.stderr
