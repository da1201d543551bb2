# SPDX-License-Identifier: Apache-2.0
"""The sample's detector for a Cortex-M4: what it finds, what quantizing it costs, and that it is as small as its page says."""
import json
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest

from places import MICRO, STREET

sys.path.insert(0, str(STREET))
import evaluate  # noqa: E402  the sample's own scorer, which shares nothing with Halftone

RECIPE, DETECTOR, VAL, TRUTH = MICRO / "micro.toml", MICRO / "detector.onnx", STREET / "val", STREET / "val.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("micro")


@pytest.fixture(scope="module")
def quantized(halftone, folder):
    path = folder / "micro.onnx"
    halftone("quantize", RECIPE, "-o", path)
    return path


def average_precision(model):
    return evaluate.coco_figures(evaluate.detect(model, VAL, TRUTH), TRUTH)[0]


def test_float_network_finds_enough():
    assert average_precision(DETECTOR) >= 0.35


def test_drop_is_small(halftone, folder, quantized):
    found = folder / "found.json"
    result = halftone.json("validate", RECIPE, "--model", quantized, "--detections", found)
    assert result["images"] == 200 and result["float"]["AP"] == pytest.approx(average_precision(DETECTOR), abs=0.001)
    assert result["quantized"]["AP"] == pytest.approx(evaluate.coco_figures(json.loads(found.read_text()), TRUTH)[0], abs=1e-6)
    assert result["drop"] <= 1.0 and result["quantized"]["AP"] >= 0.35


def test_onnxruntime_finds_the_same(halftone, quantized):
    ours = halftone.json("validate", quantized, "--images", VAL, "--annotations", TRUTH)["quantized"]["AP"]
    # ONNX Runtime rounds through floats where the file's policy is fixed-point.
    assert ours == pytest.approx(average_precision(quantized), abs=0.005)


def test_all_is_integers(halftone, folder):
    result = halftone.json("quantize", RECIPE, "-o", folder / "again.onnx")
    assert result["float_nodes"] == []


def test_bands_halve_the_ram(halftone, folder, quantized):
    """Inputs and outputs among it, as NAME_detect() needs it; boxes are those of the host (test_compile_detect.py)."""
    needed = {}
    for options in ([], ["--bands"]):
        place = folder / ("bundle" + "".join(options))
        result = halftone.json("compile", quantized, "-o", place, "--name", "micro", "--cpu", "cortex-m4", "--vectors", "1", *options)
        header = (place / "micro.h").read_text()
        needed[len(options)] = int(re.search(r"define MICRO_DETECT_BYTES (\d+)", header)[1])
        assert result["ram_bytes"] == result["arena_bytes"] == needed[len(options)]
        subprocess.run(["make", "-s", "-C", place, "test", "CC=gcc", "AR=ar", "CPU_FLAGS="], check=True, capture_output=True)
    assert needed[0] >= 2 * needed[1]


def test_fits_a_small_board():
    """512 KB of flash leave room for code beside weights of a byte each; depthwise layers read few channels at full size."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(DETECTOR)).graph
    weights = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in (*graph.value_info, *graph.output)}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert sum(weights[node.input[1]].size for node in convolutions) < 300_000
    assert sum(weights[node.input[1]].size * np.prod(shapes[node.output[0]][2:]) for node in convolutions) < 60e6
    assert {node.op_type for node in graph.node} == {"Conv", "Clip", "Add", "Concat", "MaxPool", "Resize", "Constant"}
