# SPDX-License-Identifier: Apache-2.0
"""Bits, range methods and storage, for a whole model and by layer: what is written, that ONNX Runtime reads it so, and what it costs."""
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import steps
from conftest import street_sections, write_recipe
from places import STREET, built, long_test, shared
from test_shared import DETECTORS
from test_steps import check

sys.path.insert(0, str(STREET))
import evaluate  # noqa: E402  the sample's own scorer, which shares nothing with Halftone

FLOAT = STREET / "detector.onnx"
# What is asked for; the signal-to-noise ratio in dB against the float model that it must reach.
CHOICES = {
    "8-bits": ([], 19), "4-bit-weights": (["--weights", "4"], 15), "4-bit-weights-in-groups": (["--weights", "4", "--group", "32"], 15),
    "16-bit-activations": (["--activations", "16"], 28),
    "4-bit-weights-16-bit-activations": (["--weights", "4", "--activations", "16"], 15), "weights-only": (["--activations", "float"], 35),
    "4-bit-weights-only": (["--weights", "4", "--activations", "float"], 11), "float16": (["--weights", "float16"], 58),
    "symmetric": (["--symmetric", "true"], 17), "average": (["--ranges", "average"], 17), "percentile": (["--ranges", "percentile"], 14),
    "minmax": (["--ranges", "minmax"], 13), "entropy": (["--ranges", "entropy"], 9),
}


@pytest.fixture(scope="module")
def network_input():
    size = [dim.dim_value for dim in onnx.load(FLOAT).graph.input[0].type.tensor_type.shape.dim[2:]]
    return evaluate.to_input(evaluate.letterbox(cv2.imread(str(STREET / "val" / "003.jpg")), size)[0])


def in_onnxruntime(path, array):
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: array})


def in_halftone(halftone, path, array, folder):
    np.save(folder / "x.npy", array)
    out = folder / f"{path.stem}-out"
    halftone("run", path, "--input", f"{onnx.load(path).graph.input[0].name}={folder / 'x.npy'}", "--output", out, "--quiet")
    return [np.load(out / f"{value.name.replace('/', '_')}.npy") for value in onnx.load(path).graph.output]


def ratio_db(found, exact):
    """The lesser one of boxes and scores, which the model's output [1, 4 + classes, N] holds."""
    (found,), (exact,) = found, exact
    ratios = []
    for part in (slice(0, 4), slice(4, None)):
        a, b = found[:, part].astype(np.float64), exact[:, part].astype(np.float64)
        ratios.append(np.inf if (a == b).all() else 10 * np.log10(np.square(b).sum() / np.square(a - b).sum()))
    return min(ratios)


def element_types(model):
    """How many constants of each type the file has."""
    return Counter(TensorProto.DataType.Name(tensor.data_type) for tensor in model.graph.initializer)


@pytest.mark.parametrize("target", ["native", "onnxruntime", "cortex-m"])
@pytest.mark.parametrize("name", CHOICES)
def test_choice(name, target, halftone, street_recipe, network_input, tmp_path):
    flags, least = CHOICES[name]
    path = tmp_path / "quantized.onnx"
    report = halftone.json("quantize", street_recipe({"calibration.count": 16}), "-o", path, "--target", target, *flags)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)

    types = element_types(model)
    assert ("INT4" in types) == ("4" in flags) and ("INT16" in types) == ("16" in flags) and ("FLOAT16" in types) == ("float16" in flags)
    assert model.opset_import[0].version == (21 if {"4", "16"} & set(flags) else 13)
    kinds = Counter(node.op_type for node in model.graph.node)
    on_integers = not {"float", "float16"} & set(flags)
    assert (kinds["QuantizeLinear"] > 0) == on_integers == (report["quantized_nodes"] > 20)

    ours, theirs, exact = in_halftone(halftone, path, network_input, tmp_path), in_onnxruntime(path, network_input), in_onnxruntime(FLOAT, network_input)
    to_float, to_peer = ratio_db(ours, exact), ratio_db(ours, theirs)
    assert to_float >= least, f"{to_float:.1f} dB to the float model"
    # Under the fixed-point policy and where activations follow convolutions directly, roundings differ from ONNX Runtime's float ones, by 30 dB at most.
    assert to_peer >= (min(to_float + 3, 30) if on_integers else to_float + 20), f"{to_peer:.1f} dB to ONNX Runtime, {to_float:.1f} dB to the float model"

    again = tmp_path / "again.onnx"
    subprocess.run([built("graph_probe"), "--export", again, path], check=True, capture_output=True, timeout=60)
    assert again.read_bytes() == path.read_bytes()


def activation_parameters(path):
    """{value: (scale, zero point)} of what is quantized at run time."""
    model = onnx.load(path)
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {node.output[0]: (constants[node.input[1]], constants[node.input[2]]) for node in model.graph.node if node.op_type == "QuantizeLinear"}


@pytest.mark.parametrize("target, middle", [("native", 0), ("onnxruntime", 128)])
def test_symmetric_has_zero_in_the_middle(target, middle, halftone, street_recipe, tmp_path):
    for symmetric in ("true", "false"):
        halftone("quantize", street_recipe(), "-o", tmp_path / f"{symmetric}.onnx", "--target", target, "--symmetric", symmetric)
    zero_points = {name: np.concatenate([zero.ravel() for _, zero in activation_parameters(tmp_path / f"{name}.onnx").values()]) for name in ("true", "false")}
    assert (zero_points["true"] == middle).all() and (zero_points["false"] != middle).any()


def test_range_methods_are_what_they_say(halftone, street_recipe, tmp_path):
    """The network's input is 0..1 and read by one convolution; its range is what numpy says of the pixels."""
    recipe = street_recipe({"calibration.count": 6})
    size = [dim.dim_value for dim in onnx.load(FLOAT).graph.input[0].type.tensor_type.shape.dim[2:]]
    photos = sorted((STREET / "calibration").glob("*.jpg"))[:6]
    pixels = [evaluate.to_input(evaluate.letterbox(cv2.imread(str(photo)), size)[0]) for photo in photos]
    greatest = [float(x.max()) for x in pixels]
    expected = {"minmax": max(greatest), "average": float(np.mean(greatest))}
    scales = {}
    for method in ("minmax", "average", "percentile", "entropy", "mse"):
        halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", "--ranges", method, "--granularity", "tensor")
        found = activation_parameters(tmp_path / "quantized.onnx")
        scales[method] = {name: float(np.max(scale)) for name, (scale, _) in found.items()}
        if method in expected:
            assert scales[method]["images_quantized"] * 255 == pytest.approx(expected[method], abs=0.01)
    different = [sum(a != b for a, b in zip(scales["mse"].values(), scales[method].values(), strict=True)) for method in scales if method != "mse"]
    assert min(different) > 20, different


def test_fewer_bits_are_fewer_bytes(halftone, street_recipe, tmp_path):
    sizes = {}
    for name, flags in {"8": [], "4": ["--weights", "4"], "float16": ["--weights", "float16"]}.items():
        sizes[name] = halftone.json("quantize", street_recipe(), "-o", tmp_path / f"{name}.onnx", *flags)["quantized_bytes"]
    assert sizes["4"] < sizes["8"] < sizes["float16"] < FLOAT.stat().st_size * 0.6


def test_no_photos_are_needed_for_weights_alone(halftone, tmp_path):
    recipe = write_recipe(tmp_path / "street.toml", street_sections(), {"calibration.images": str(tmp_path / "nowhere")})
    for flags in (["--activations", "float"], ["--weights", "float16"]):
        halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", *flags)
        halftone("validate", recipe, "--model", tmp_path / "quantized.onnx", "--limit", "8", "--max-drop", "3")
    assert "nowhere" in halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", expect=3).stderr


@pytest.mark.parametrize("target", ["native", "onnxruntime"])
def test_each_step_of_16_bits(target, halftone, street_recipe, tmp_path):
    """ONNX Runtime computes all of them in float, so integers may differ by one."""
    halftone("quantize", street_recipe(), "-o", tmp_path / "quantized.onnx", "--target", target, "--activations", "16")
    found = [check(halftone, step, tmp_path) for step in steps.cut(onnx.load(tmp_path / "quantized.onnx"))]
    assert len(found) > 50


# ---- rules ----


def with_layers(path, *layers):
    """Appends [[quantize.layer]] sections of TOML text."""
    path.write_text(path.read_text() + "".join(f"\n[[quantize.layer]]\n{layer}\n" for layer in layers))
    return path


def weighted_nodes():
    return [node for node in onnx.load(FLOAT).graph.node if node.op_type == "Conv"]


def weight_type(model, node_name):
    """Of the constant behind a convolution's weights."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    producers = {name: node for node in model.graph.node for name in node.output}
    name = next(node for node in model.graph.node if node.name == node_name).input[1]
    while name not in constants:
        name = producers[name].input[0]
    return TensorProto.DataType.Name(constants[name].data_type)


def test_rules_choose_layer_by_layer(halftone, street_recipe, tmp_path):
    names = [node.name for node in weighted_nodes()]
    four, floating, wide = names[len(names) // 2], names[len(names) // 3], names[-1]
    recipe = with_layers(street_recipe(), f'match = "{four}"\nweights = 4', f'match = "{floating}"\nfloat = true', f'match = "{wide}"\nactivations = 16')
    path = tmp_path / "quantized.onnx"
    report = halftone.json("quantize", recipe, "-o", path, "--target", "cortex-m")
    model = onnx.load(path)
    assert weight_type(model, four) == "INT4" and weight_type(model, floating) == "FLOAT"
    assert element_types(model)["INT4"] == 2, "weights and their zero points"
    assert any(node["name"] == floating and floating in node["reason"] for node in report["float_nodes"])
    constants = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    producers = {name: node for node in model.graph.node for name in node.output}
    dequantize = producers[next(node for node in model.graph.node if node.name == wide).input[0]]
    assert constants[dequantize.input[2]] == TensorProto.INT16
    onnx.checker.check_model(model, full_check=True)


def test_a_rule_for_no_layer_is_an_error(halftone, street_recipe, tmp_path):
    recipe = with_layers(street_recipe(), 'match = "no such layer*"\nweights = 4')
    done = halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", expect=2)
    assert "no such layer*" in done.stderr and not (tmp_path / "quantized.onnx").exists()


def test_the_written_model_says_its_rules(halftone, street_recipe, tmp_path):
    name = weighted_nodes()[3].name
    path = tmp_path / "quantized.onnx"
    halftone("quantize", with_layers(street_recipe(), f'match = "{name}"\nweights = 4'), "-o", path)
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert "[[quantize.layer]]" in metadata["halftone.recipe"] and name in metadata["halftone.recipe"]
    halftone("validate", path, "--images", STREET / "val", "--annotations", STREET / "val.json", "--limit", "4")


# ---- real detectors ----


@long_test
@pytest.mark.parametrize("flags, most", [(["--activations", "16"], 0.6), (["--weights", "float16"], 0.2), (["--activations", "float"], 0.8)],
                         ids=["16-bit-activations", "float16", "weights-only"])
@pytest.mark.parametrize("name", DETECTORS)
def test_drop_of_detectors(name, flags, most, halftone, tmp_path):
    detector = DETECTORS[name]
    recipe = write_recipe(tmp_path / "recipe.toml", {
        "model": {"path": str(shared("data", "models", detector["file"]))}, "preprocess": detector["preprocess"],
        "task": {"type": "detection", "classes": "coco80", **detector["task"]},
        "calibration": {"images": str(shared("data", "coco") / "calibration"), "count": 40},
        "validation": {"images": str(shared("data", "coco") / "val" / "images"), "annotations": str(shared("data", "coco") / "val" / "instances.json")}})
    halftone("quantize", recipe, "-o", tmp_path / "quantized.onnx", *flags)
    assert halftone.json("validate", recipe, "--model", tmp_path / "quantized.onnx")["drop"] <= most
