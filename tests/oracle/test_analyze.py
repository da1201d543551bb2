# SPDX-License-Identifier: Apache-2.0
"""Which layers harm: against models that are really quantized so, with planted faults, ended in the middle, and with damaged files."""
import csv
import io
import json
import re
import signal
import time

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import toml
from places import long_test, shared
from test_shared import recipe_of  # noqa: F401  a fixture
from test_shared import folder  # noqa: F401  which that one needs

SEEN, HELD_OUT = 8, 4
# Of a channel, so that one scale for all drowns the others.
FACTOR = 300.0


def convolution(name, source, weights, nodes, constants, activate=True):
    constants.append(numpy_helper.from_array(weights.astype(np.float32), f"{name}_weights"))
    made = f"{name}_made" if activate else "y"
    nodes.append(helper.make_node("Conv", [source, f"{name}_weights"], [made], name, pads=[1, 1, 1, 1]))
    if not activate:
        return made
    nodes.append(helper.make_node("Relu", [made], [f"{name}_out"], f"{name}_relu"))
    return f"{name}_out"


def write_network(path, planted):
    """Four convolutions; the third one may read a channel that is far larger than the others and counts for no more."""
    random = np.random.default_rng(5)
    weights = [random.normal(size=(o, i, 3, 3)) / np.sqrt(9 * i) for i, o in [(3, 8), (8, 8), (8, 8), (8, 6)]]
    if planted:
        weights[1][3] *= FACTOR
        weights[2][:, 3] /= FACTOR
    nodes, constants, value = [], [], "x"
    for i, w in enumerate(weights):
        value = convolution(f"layer{i}", value, w, nodes, constants, activate=i < 3)
    graph = helper.make_graph(nodes, "four", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 8, 8])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


class Case:
    def __init__(self, folder, planted=False, **quantize):
        self.model, self.recipe, self.cache = write_network(folder / "four.onnx", planted), folder / "four.toml", folder / "cache"
        self.samples = np.random.default_rng(7).normal(size=(SEEN + HELD_OUT, 3, 8, 8)).astype(np.float32)
        np.save(folder / "samples.npy", self.samples)
        self.sections = {"model": {"path": str(self.model)}, "calibration": {"images": [str(folder / "samples.npy")], "count": SEEN},
                         "quantize": quantize}
        self.recipe.write_text(toml(self.sections))


@pytest.fixture
def four(tmp_path):
    return Case(tmp_path)


@pytest.fixture
def planted(tmp_path):
    return Case(tmp_path, planted=True, granularity="tensor", ranges="minmax")


def error_of(halftone, quantized, case, folder):
    """As the documentation defines it, in double, of a written model in Halftone's session against ONNX Runtime's floats."""
    real = onnxruntime.InferenceSession(str(case.model), providers=["CPUExecutionProvider"])
    errors = []
    for sample in case.samples[SEEN:]:
        np.save(folder / "one.npy", sample[None])
        halftone("run", quantized, "--input", f"x={folder / 'one.npy'}", "--output", folder / "out", "--quiet")
        found, exact = np.load(folder / "out" / "y.npy").astype(np.float64), real.run(None, {"x": sample[None]})[0].astype(np.float64)
        errors.append(np.square(found - exact).sum() / np.square(exact).sum())
    return np.mean(errors)


# In the whole network a layer's weights are rounded so that they make up for the layers before it, which are in float where it is alone.
@pytest.mark.parametrize("rounding, nearness", [("nearest", 0.02), ("gptq", 0.15)])
def test_a_layer_alone_is_what_a_model_with_all_others_in_float_is(rounding, nearness, halftone, four, tmp_path):
    report = halftone.json("analyze", four.recipe, "--rounding", rounding, "--cache", four.cache)
    assert report["held_out"] and report["photos"] == HELD_OUT and report["heads"] == ["y"]
    layers = {layer["name"]: layer for layer in report["layers"]}
    assert set(layers) == {"layer0", "layer1", "layer2", "layer3"}
    for name, layer in layers.items():
        path = tmp_path / f"{name}.onnx"
        others = ",".join(other for other in layers if other != name)
        halftone("quantize", four.recipe, "-o", path, "--rounding", rounding, "--keep-float", others)
        assert layer["error"] == pytest.approx(error_of(halftone, path, four, tmp_path), rel=nearness)
        assert 0 < layer["weights_error"] < layer["error"] and 0 < layer["inputs_error"]
        assert layer["weights_error"] + layer["inputs_error"] == pytest.approx(layer["error"], rel=0.3)
    whole = tmp_path / "whole.onnx"
    halftone("quantize", four.recipe, "-o", whole, "--rounding", rounding)
    assert report["error"] == pytest.approx(error_of(halftone, whole, four, tmp_path), rel=0.05)


def test_the_planted_layer_is_found_and_its_remedy_helps(halftone, planted):
    report = halftone.json("analyze", planted.recipe, "--cache", planted.cache)
    worst = report["layers"][0]
    # The input's rounding drowns seven of eight channels, that of the weights only those of the planted one, which are so small.
    assert worst["name"] == "layer2" and worst["inputs_error"] > 3 * worst["weights_error"]
    value, = [value for value in report["values"] if value["name"] == worst["values"][0]]
    assert value["spread"] > FACTOR / 3 and value["scales"] == 1
    assert sum(value["histogram"]["counts"]) > 0
    remedies = [remedy for remedy in report["remedies"] if remedy["layer"] == "layer2"]
    chosen, = [remedy for remedy in remedies if remedy["recommended"]]
    # Where all weights share a scale the large channel drowns the others of layer1's outputs too: without that layer the remedy would do more.
    assert chosen["error"] < 0.8 * report["error"]
    source, = [layer for layer in report["layers"] if layer["name"] == "layer1"]
    assert source["weights_error"] > source["inputs_error"] and source["weight_spread"] > FACTOR / 3
    with planted.recipe.open("a") as file:
        file.write(chosen["recipe"] + "\n")
    again = halftone.json("analyze", planted.recipe, "--cache", planted.cache)
    assert again["error"] == chosen["error"]
    text = halftone("analyze", planted.recipe, "--cache", planted.cache).stdout
    assert "layer2" in text


def test_dead_channels_and_unseen_elements(halftone, four):
    four.samples[:, 1] = 0.5
    four.samples[SEEN:, 0] *= 20
    np.save(four.sections["calibration"]["images"][0], four.samples)
    report = halftone.json("analyze", four.recipe, "--cache", four.cache)
    value, = [value for value in report["values"] if value["name"] == "x"]
    assert value["dead_channels"] == [1]
    assert value["unseen"] > 0.1 and value["clipped"] > 0.1
    assert value["observed_max"] == four.samples[:SEEN].max()


def test_rows_are_sorted_and_the_same_in_every_form(halftone, four, tmp_path):
    done = halftone("analyze", four.recipe, "--cache", four.cache, "--csv", tmp_path / "layers.csv", "--json")
    report = json.loads(done.stdout)
    assert report["version"] == 1
    errors = [layer["error"] for layer in report["layers"]]
    assert errors == sorted(errors, reverse=True)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "layers.csv").read_text())))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in report["layers"]]
    assert [float(row["error"]) for row in rows] == errors
    text = halftone("analyze", four.recipe, "--cache", four.cache, "--top", 2).stdout
    assert [line.split()[0] for line in text.splitlines()[1:3]] == [row["layer"] for row in rows[:2]]
    assert halftone("analyze", four.recipe, "--cache", four.cache, "--json", "--threads", 1).stdout == done.stdout


def counts(text):
    return tuple(map(int, re.search(r"(\d+) measured now, (\d+) found", text).groups()))


@pytest.mark.parametrize("ending", [pytest.param(signal.SIGKILL, marks=long_test), signal.SIGINT])
def test_an_ended_run_goes_on(ending, halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 4})
    whole = halftone("analyze", recipe, "--json", "--photos", 2, "--cache", tmp_path / "whole")
    total, found = counts(whole.stderr)
    cache = tmp_path / "cache"
    run = halftone.start("analyze", recipe, "--json", "--photos", 2, "--cache", cache, "--threads", 1)
    end = time.monotonic() + 120
    while run.poll() is None and time.monotonic() < end and len(list(cache.glob("*.txt"))) < 5:
        time.sleep(0.001)
    run.send_signal(ending)
    run.communicate()
    assert run.returncode == (-signal.SIGKILL if ending == signal.SIGKILL else 130)
    kept = len(list(cache.glob("*.txt")))
    assert 5 <= kept < total
    again = halftone("analyze", recipe, "--json", "--photos", 2, "--cache", cache)
    assert counts(again.stderr) == (total - kept, found + kept)
    assert again.stdout == whole.stdout
    last = halftone("analyze", recipe, "--json", "--photos", 2, "--cache", cache)
    assert counts(last.stderr) == (0, found + total) and last.stdout == whole.stdout


def test_damaged_files_are_measured_again(halftone, four):
    first = halftone("analyze", four.recipe, "--json", "--cache", four.cache)
    measured, found = counts(first.stderr)
    files = sorted(four.cache.iterdir())
    contents = [b"", b"\xff" * 100, b"halftone", files[0].read_bytes() * 2, b"[" * 70000]
    for file, content in zip(files, contents):
        file.write_bytes(content)
    again = halftone("analyze", four.recipe, "--json", "--cache", four.cache)
    assert sum(counts(again.stderr)) == measured + found and counts(again.stderr)[0] == len(contents)
    assert again.stderr.count("holds no measurement") == len(contents)
    assert again.stdout == first.stdout


def test_what_is_measured_depends_on_the_model_and_the_photos(halftone, four):
    total, _ = counts(halftone("analyze", four.recipe, "--cache", four.cache).stderr)
    np.save(four.sections["calibration"]["images"][0], four.samples + np.float32(0.01))
    assert counts(halftone("analyze", four.recipe, "--cache", four.cache).stderr)[1] == 0


def test_without_integers_there_is_nothing_to_analyze(halftone, four):
    assert "float16" in halftone("analyze", four.recipe, "--weights", "float16", expect=2).stderr
    assert "nothing to analyze" in halftone("analyze", four.recipe, "--keep-float", "*", expect=2).stderr
    assert "[task]" in halftone("analyze", four.recipe, "--ap", "--cache", four.cache, expect=2).stderr


@long_test
def test_points_of_a_detector(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 8})
    report = halftone.json("analyze", recipe, "--photos", 2, "--ap", "--limit", 8, "--cache", tmp_path / "cache")
    assert report["metric"] == "AP" and report["metric_images"] == 8
    path = tmp_path / "street.onnx"
    halftone("quantize", recipe, "-o", path)
    validated = halftone.json("validate", recipe, "--model", path, "--limit", 8)
    assert report["float_metric"] == validated["float"]["AP"]
    assert report["quantized_metric"] == pytest.approx(validated["quantized"]["AP"], abs=0.01)
    assert all(layer["drop_alone"] is not None for layer in report["layers"])
    # What is left in float anyway cannot be left so once more.
    assert all((layer["gain_in_float"] is None) == bool(layer["spared"]) for layer in report["layers"])


@long_test
def test_the_stem_of_yolox_is_among_the_worst(halftone, recipe_of, tmp_path):  # noqa: F811
    recipe = recipe_of("yolox")
    report = halftone.json("analyze", recipe, "--granularity", "tensor", "--ranges", "minmax", "--target", "onnxruntime", "--photos", 2,
                           "--cache", tmp_path / "cache")
    model = onnx.load(shared("data", "models", "yolox_nano.onnx"))
    stem = next(node for node in model.graph.node if node.op_type == "Conv")
    worst = {value for layer in report["layers"][:5] for value in layer["values"]}
    assert stem.output[0] in worst
