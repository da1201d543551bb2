# SPDX-License-Identifier: Apache-2.0
"""Files for OpenVINO: what stands in them, and that OpenVINO computes them in integers with the results of our session."""
import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from conftest import recipe_of_noise, street_sections, write_recipe
from tool_runner import runner
from foreign import Net, run, snr
from places import long_test

SHAPE = (1, 3, 24, 32)
MOVES = {"Concat", "MaxPool", "Pad", "Resize", "Reshape", "Slice", "Split", "Transpose"}


def random(*shape, seed, size=1.0):
    return (np.random.default_rng(seed).normal(size=shape) * size).astype(np.float32)


def uneven(outputs, inputs, side, seed):
    """Weights whose outputs lie far apart."""
    weights = random(outputs, inputs, side, side, seed=seed, size=(inputs * side * side)**-.5)
    return weights * 4 ** np.random.default_rng(seed + 1000).uniform(-2, 2, size=(outputs, 1, 1, 1)).astype(np.float32)


def detector_like():
    """Convolutions with all activations that detectors have, a residual, depthwise ones, and values that meet in Concat."""
    net = Net()
    seeds = iter(range(1, 100))

    def conv(x, inputs, outputs, side, stride=1, groups=1):
        name = f"conv{next(seeds)}"
        weights = net.constant(f"{name}_w", uneven(outputs, inputs // groups, side, next(seeds)))
        bias = net.constant(f"{name}_b", random(outputs, seed=next(seeds), size=.3))
        return net.add("Conv", [x, weights, bias], name, pads=[side // 2] * 4, strides=[stride] * 2, group=groups)

    def silu(x):
        return net.add("Mul", [x, net.add("Sigmoid", [x], f"{x}_gate")], f"{x}_silu")

    stem = silu(conv("x", 3, 16, 3, 2))
    depthwise = silu(conv(stem, 16, 16, 3, groups=16))
    a = silu(conv(depthwise, 16, 16, 1))
    b = silu(conv(a, 16, 16, 3))
    both = net.add("Add", [a, b], "residual")
    pooled = net.add("MaxPool", [both], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    deep = net.add("Relu", [conv(pooled, 16, 16, 1)], "deep")
    resized = net.add("Resize", [deep, "", net.constant("scales", np.array([1, 1, 2, 2], np.float32))], "resized", mode="nearest",
                      coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    joined = net.add("Concat", [resized, both], "joined", axis=1)
    c = net.add("HardSwish", [conv(joined, 32, 16, 1)], "hard")
    d = net.add("LeakyRelu", [conv(c, 16, 16, 1)], "leaky", alpha=.1)
    conv(d, 16, 8, 1)
    return net.model({"x": (np.float32, SHAPE)}, {net.nodes[-1].output[0]: (np.float32, [1, 8, 12, 16])}, opset=14)


@pytest.fixture(scope="module", params=["detector-like", "street"])
def quantized(request, halftone, tmp_path_factory):
    """(the file, inputs)"""
    folder = tmp_path_factory.mktemp("openvino")
    path = folder / "quantized.onnx"
    if request.param == "street":
        recipe = write_recipe(folder / "street.toml", street_sections())
    else:
        onnx.save(detector_like(), folder / "net.onnx")
        recipe = recipe_of_noise(halftone, folder / "net.onnx", folder / "net.toml")
    halftone("quantize", recipe, "-o", path, "--target", "openvino")
    shape = [dim.dim_value for dim in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    return path, np.random.default_rng(8).normal(size=(4, *shape)).astype(np.float32)


class File:
    def __init__(self, path):
        self.model = onnx.load(path)
        self.makers = {name: node for node in self.model.graph.node for name in node.output}
        self.constants = {constant.name: numpy_helper.to_array(constant) for constant in self.model.graph.initializer}

    def readers(self, name):
        return [node for node in self.model.graph.node if name in node.input]

    def products(self, name):
        """What computes on the value first, behind what only moves it."""
        for node in self.readers(name):
            if node.op_type in MOVES or node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                yield from self.products(node.output[0])
            else:
                yield node

    def integer_convolutions(self):
        return [node for node in self.model.graph.node if node.op_type == "Conv" and all(
            self.makers.get(name) is not None and self.makers[name].op_type == "DequantizeLinear" for name in node.input[:2])]


def test_activations_are_unsigned_with_scales_a_channel_before_depthwise_convolutions_alone(quantized):
    file = File(quantized[0])
    quantizing = [node for node in file.model.graph.node if node.op_type == "QuantizeLinear"]
    assert quantizing and {file.constants[node.input[2]].dtype for node in quantizing} == {np.dtype(np.uint8)}
    for node in quantizing:
        if file.constants[node.input[1]].size == 1:
            continue
        for product in file.products(node.output[0]):
            assert product.op_type == "Conv", node.name
            groups = next(attribute.i for attribute in product.attribute if attribute.name == "group")
            assert groups == file.constants[node.input[1]].size, node.name


def test_weights_have_a_scale_an_output_and_nothing_else(quantized):
    file = File(quantized[0])
    convolutions = file.integer_convolutions()
    assert len(convolutions) > 5
    for node in convolutions:
        weights = file.makers[node.input[1]]
        assert file.constants[weights.input[1]].size == file.constants[weights.input[0]].shape[0]


def test_nothing_is_quantized_between_a_convolution_and_its_activation(quantized):
    file = File(quantized[0])
    activations = {"Sigmoid", "HardSwish", "LeakyRelu", "Relu"}
    for node in file.integer_convolutions():
        for reader in file.readers(node.output[0]):
            if reader.op_type == "QuantizeLinear":
                behind = [other.op_type for dequantize in file.readers(reader.output[0]) for other in file.readers(dequantize.output[0])]
                assert not activations & set(behind), node.name


def test_uneven_channels_are_evened_out(halftone, tmp_path):
    """By a Mul behind what is curved; elsewhere the weights in front have it in them."""
    onnx.save(detector_like(), tmp_path / "net.onnx")
    recipe = recipe_of_noise(halftone, tmp_path / "net.onnx", tmp_path / "net.toml")
    made = halftone.json("quantize", recipe, "-o", tmp_path / "q.onnx", "--target", "openvino")
    assert any("even" in note for note in made["notes"])
    evening = [node for node in onnx.load(tmp_path / "q.onnx").graph.node if node.op_type == "Mul" and "inverse_scales" in " ".join(node.input)]
    assert evening
    # What the target's rules cost is told, and does not exceed what the Muls can win back.
    assert made["target_cost"]["native_snr_db"] - made["target_cost"]["snr_db"] < 3
    assert sum("costs" in note for note in made["notes"]) == 1


def test_what_a_target_costs_is_told_where_there_is_something_to_compare(halftone, tmp_path):
    onnx.save(detector_like(), tmp_path / "net.onnx")
    recipe = recipe_of_noise(halftone, tmp_path / "net.onnx", tmp_path / "net.toml")
    for flags in (["native"], ["onnxruntime", "--fast"]):
        made = halftone.json("quantize", recipe, "-o", tmp_path / "q.onnx", "--target", *flags)
        assert "target_cost" not in made and not any("costs" in note for note in made["notes"]), flags
    costs = [halftone.json("quantize", recipe, "-o", tmp_path / "q.onnx", "--target", target)["target_cost"] for target in ("onnxruntime", "openvino")]
    # Both are compared with the same file; their own differ.
    assert costs[0]["native_snr_db"] == costs[1]["native_snr_db"]
    assert costs[0]["snr_db"] != costs[1]["snr_db"]


# ---- in OpenVINO ----


@pytest.fixture(scope="session")
def openvino():
    return runner("openvino", "openvino_run.py")


def halve_weights(path, to):
    """On processors without dot products of bytes OpenVINO's sums of two products saturate, whoever wrote the file, which weights of 7 bits cannot
    make them do."""
    model = onnx.load(path)
    file = File(path)
    names = {file.makers[node.input[1]].input[0]: file.makers[node.input[1]].input[1] for node in file.integer_convolutions()}
    for constant in model.graph.initializer:
        if constant.name in names:
            constant.CopyFrom(numpy_helper.from_array(np.round(numpy_helper.to_array(constant) / 2).astype(np.int8), constant.name))
        elif constant.name in names.values():
            constant.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(constant), constant.name))
    onnx.save(model, to)


@long_test
def test_openvino_computes_the_same_in_integers(halftone, quantized, openvino, tmp_path):
    path, inputs = quantized
    halve_weights(path, tmp_path / "halved.onnx")
    np.save(tmp_path / "inputs.npy", inputs)
    openvino(tmp_path / "halved.onnx", tmp_path / "inputs.npy", tmp_path / "outputs.npz", tmp_path / "layers.json")
    theirs = np.load(tmp_path / "outputs.npz")
    for i, sample in enumerate(inputs):
        ours = run(halftone, tmp_path / "halved.onnx", {onnx.load(path).graph.input[0].name: sample}, tmp_path / f"ours{i}")
        for name in theirs.files:
            found = snr(ours[name], theirs[name][i])
            print(name, i, "dB between OpenVINO and our session:", found)
            assert found > 35, name
    layers = json.loads((tmp_path / "layers.json").read_text())
    executed = {node: layer for layer in layers if layer["type"] == "Convolution" for node in layer["nodes"]}
    for node in File(path).integer_convolutions():
        layer = executed[node.name if node.name in executed else node.output[0]]  # what makes an output may be called like it
        assert layer["precision"] in ("u8", "i8") and layer["kernel"].endswith("I8"), node.name
