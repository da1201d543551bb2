# SPDX-License-Identifier: Apache-2.0
"""`bench`, and what `quantize` makes of the times of layers."""
import re

import numpy as np
import onnx
import pytest

from places import STREET

RECIPE, DETECTOR = STREET / "street.toml", STREET / "detector.onnx"


@pytest.fixture(scope="module")
def quantized(halftone, tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "int8.onnx"
    halftone("quantize", RECIPE, "-o", path)
    return path


def test_layers_add_up(halftone, quantized):
    result = halftone.json("bench", quantized, "--threads", 1, "--runs", 20, "--per-layer")
    assert result["runs"] == 20 and result["min_ms"] <= result["median_ms"] <= result["p90_ms"]
    assert result["macs"] == sum(layer["macs"] for layer in result["layers"])
    assert 0.5 * result["min_ms"] < sum(layer["ms"] for layer in result["layers"]) < 1.5 * result["p90_ms"]
    # Only what multiplies has a share of the peak, and what is measured in turns on a busy machine may seem to exceed it a little.
    assert all(("peak_share" in layer) == (layer["macs"] > 0) for layer in result["layers"])
    assert all(0 < layer["peak_share"] < 1.3 for layer in result["layers"] if layer["macs"] > 0)


def test_layers_are_compared(halftone, quantized):
    result = halftone.json("bench", quantized, "--compare", DETECTOR, "--threads", 1, "--runs", 20)
    names = [layer["name"] for layer in result["layers"]]
    assert len(names) == len(set(names))
    assert result["macs"] == sum(layer["macs"] for layer in result["layers"])
    both = sum(layer["compared_ms"] for layer in result["layers"])
    # On a busy machine a whole run is interrupted more often than any of its layers.
    assert 0.2 * result["compared_median_ms"] < both < 1.5 * result["compared_median_ms"]
    assert all(layer["compared_ms"] > 0 for layer in result["layers"] if layer["macs"] > 0)


def test_latency_leaves_in_float_what_is_slower_in_integers(halftone, tmp_path):
    made = halftone.json("quantize", RECIPE, "-o", tmp_path / "fast.onnx", "--prefer", "latency", "--rounding", "nearest", "--threads", 1)
    times = [re.match(r"in integers it takes ([\d.]+) ms here, in float ([\d.]+) ms$", node["reason"]) for node in made["float_nodes"]]
    assert all(float(match[1]) >= float(match[2]) for match in times if match)
    assert not any("rounding its input" in node["reason"] for node in made["float_nodes"])
    assert halftone.json("validate", RECIPE, "--model", tmp_path / "fast.onnx")["drop"] < 3


def test_latency_of_another_machine_is_not_known(halftone, tmp_path):
    done = halftone("quantize", RECIPE, "-o", tmp_path / "no.onnx", "--prefer", "latency", "--target", "cortex-m", expect=4)
    assert "use accuracy" in done.stderr


def test_tuned_kernels_give_the_same(halftone, quantized, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photo = STREET / "val" / "000.jpg"
    plain = halftone("run", quantized, "--image", photo).stdout
    assert halftone("run", quantized, "--image", photo, "--tune").stdout == plain
    (kept,) = (tmp_path / "cache" / "halftone").iterdir()
    before = kept.read_text()
    assert halftone("run", quantized, "--image", photo, "--tune").stdout == plain
    assert kept.read_text() == before
    for damaged in ["", "{", "[]", '{"kernels": 5}', '{"kernels": ["conv.nothing"]}', before.replace("conv.", "pool.")]:
        kept.write_text(damaged)
        assert halftone("run", quantized, "--image", photo, "--tune").stdout == plain


def test_an_output_without_elements(halftone, tmp_path):
    nodes = [onnx.helper.make_node("Slice", ["x", "zero", "zero"], ["y"], name="none")]
    zero = onnx.numpy_helper.from_array(np.zeros(1, np.int64), "zero")
    graph = onnx.helper.make_graph(nodes, "net", [onnx.helper.make_tensor_value_info("x", 1, [4])], [onnx.helper.make_tensor_value_info("y", 1, [0])], [zero])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    assert halftone.json("bench", tmp_path / "net.onnx", "--threads", 1, "--runs", 3)["runs"] == 3
