# SPDX-License-Identifier: Apache-2.0
"""Targets with fewer rights on networks that put their rules to the test, against the float network in ONNX Runtime."""
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

SPREAD = np.geomspace(0.01, 10, 8).astype(np.float32)  # of channels, which drown in one scale


def weights(random, outputs, inputs, kernel, by=None):
    values = random.normal(size=(outputs, inputs, kernel, kernel)).astype(np.float32) / np.sqrt(inputs * kernel ** 2)
    return values if by is None else values * by.reshape(-1, 1, 1, 1)


def convolution(name, source, constants, values):
    constants.append(numpy_helper.from_array(values.astype(np.float32), f"{name}_w"))
    return helper.make_node("Conv", [source, f"{name}_w"], [name], name=name, pads=[values.shape[2] // 2] * 4, group=8 if values.shape[1] == 1 else 1)


def residual(random):
    """An output that is a sum, of which one half is read in integers as well."""
    constants = []
    nodes = [convolution("a", "x", constants, weights(random, 8, 3, 3)), convolution("wide", "a", constants, weights(random, 16, 8, 1)),
             helper.make_node("Relu", ["wide"], ["wide_relu"]), convolution("narrow", "wide_relu", constants, weights(random, 8, 16, 1)),
             helper.make_node("Add", ["a", "narrow"], ["y"])]
    return nodes, constants, ["y"]


def moved_output(random):
    """A value with uneven channels that a depthwise convolution reads, and a Concat that is an output."""
    constants = []
    nodes = [convolution("a", "x", constants, weights(random, 8, 3, 3, SPREAD)), helper.make_node("Relu", ["a"], ["u"]),
             convolution("depthwise", "u", constants, weights(random, 8, 1, 3, 1 / SPREAD)), helper.make_node("Concat", ["u", "u"], ["z"], axis=1),
             convolution("last", "depthwise", constants, weights(random, 4, 8, 1))]
    return nodes, constants, ["last", "z"]


def bordered(random):
    """A border of ones around a value with uneven channels."""
    constants = [numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads"), numpy_helper.from_array(np.float32(1), "one")]
    nodes = [convolution("a", "x", constants, weights(random, 8, 3, 3, SPREAD)), helper.make_node("Relu", ["a"], ["u"]),
             helper.make_node("Pad", ["u", "pads", "one"], ["b"]), convolution("depthwise", "b", constants, weights(random, 8, 1, 3, 1 / SPREAD)),
             helper.make_node("Relu", ["depthwise"], ["v"]), convolution("last", "v", constants, weights(random, 4, 8, 1))]
    return nodes, constants, ["last"]


def run(path, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [np.concatenate(outputs).astype(np.float64) for outputs in zip(*(session.run(None, {"x": x[None]}) for x in inputs))]


@pytest.mark.parametrize("head", ["float", "quantize"])
@pytest.mark.parametrize("target", ["native", "onnxruntime", "openvino", "cortex-m"])
@pytest.mark.parametrize("network", [residual, moved_output, bordered])
def test_outputs_stay_near(network, target, head, halftone, tmp_path):
    random = np.random.default_rng(5)
    nodes, constants, names = network(random)
    shaped = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])
    model = helper.make_model(helper.make_graph(nodes, "net", [x], shaped, constants), opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", random.normal(size=(24, 3, 12, 12)).astype(np.float32))
    recipe = tmp_path / "net.toml"
    recipe.write_text('[model]\npath = "net.onnx"\n[task]\ntype = "none"\n[calibration]\nimages = ["x.npy"]\n')
    made = halftone.json("quantize", recipe, "-o", tmp_path / "out.onnx", "--target", target, "--head", head)
    assert made["quantized_nodes"] > 0
    fresh = random.normal(size=(8, 3, 12, 12)).astype(np.float32)
    for name, exact, found in zip(names, run(tmp_path / "net.onnx", fresh), run(tmp_path / "out.onnx", fresh), strict=True):
        # A quantized output has one scale, and so has what it is a copy of.
        drowns = network is moved_output and head == "quantize" and name == "last"
        assert 10 * np.log10(np.square(exact).sum() / np.square(found - exact).sum()) > (3 if drowns else 20)
