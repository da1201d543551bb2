# SPDX-License-Identifier: Apache-2.0
"""Options: those that go together are taken together, none is ignored in silence, and --json is one document whatever a command writes."""
import json
import re

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import write_recipe
from places import STREET

USAGE, BAD_INPUT, UNSUPPORTED = 2, 3, 4
PHOTO = STREET / "val" / "000.jpg"
CLASSES = ["a", "b", "c"]


def classifier(path, size, rng):
    """Two convolutions and a mean; `size` may be open."""
    constants = {"w1": rng.normal(size=(8, 3, 3, 3)), "b1": rng.normal(size=8), "w2": rng.normal(size=(3, 8, 1, 1))}
    nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c"], "first", pads=[1] * 4), helper.make_node("Relu", ["c"], ["r"], "relu"),
             helper.make_node("Conv", ["r", "w2"], ["d"], "last"), helper.make_node("GlobalAveragePool", ["d"], ["m"], "mean"),
             helper.make_node("Flatten", ["m"], ["y"], "flat")]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
                              [numpy_helper.from_array(array.astype("f4"), name) for name, array in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture(scope="module")
def folder(halftone, tmp_path_factory):
    """A classifier, arrays with the classes that ONNX Runtime finds, its recipes, and the written integers."""
    folder, rng = tmp_path_factory.mktemp("options"), np.random.default_rng(8)
    classifier(folder / "net.onnx", [1, 3, 16, 16], rng)
    classifier(folder / "open.onnx", ["N", 3, "H", "W"], rng)
    samples = rng.normal(size=(24, 1, 3, 16, 16)).astype("f4")
    np.save(folder / "rows.npy", samples)
    np.save(folder / "few.npy", samples[:5])
    np.save(folder / "one.npy", samples[0])
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    top = [int(session.run(None, {"x": sample})[0].argmax()) for sample in samples]
    wrong = [(label + (i >= 3)) % 3 for i, label in enumerate(top)]  # the first three are right
    (folder / "rows.csv").write_text("".join(f"sample{i}.bin,{CLASSES[label]}\n" for i, label in enumerate(wrong)))
    (folder / "few.csv").write_text("".join(f"{i},{CLASSES[label]}\n" for i, label in enumerate(top[:5])))
    data = {"model": {"path": "net.onnx"}, "calibration": {"images": ["rows.npy"]}, "validation": {"images": ["rows.npy"]}}
    write_recipe(folder / "classes.toml", {**data, "task": {"type": "classification", "classes": CLASSES}}, {"validation.annotations": "rows.csv"})
    write_recipe(folder / "none.toml", {**data, "task": {"type": "none"}})
    for name in ("classes", "none"):
        halftone("quantize", folder / f"{name}.toml", "-o", folder / f"{name}_int8.onnx")
    return folder


# ---- settings ----


@pytest.mark.parametrize("settings, flags", [
    ({"granularity": "tensor", "weights": 4}, ["--group", 32, "--granularity", "channel"]),
    ({"activations": 16}, ["--weights", "float16", "--activations", "float"]),
    ({"prefer": "latency"}, ["--target", "cortex-m", "--prefer", "accuracy"]),
])
def test_flags_are_judged_together(settings, flags, halftone, folder, tmp_path):
    recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": str(folder / "net.onnx")}, "calibration": {"images": [str(folder / "rows.npy")]}, "quantize": settings})
    halftone("quantize", recipe, "-o", tmp_path / "out.onnx", *flags)
    half = flags[:2]
    assert "[quantize]" in halftone("quantize", recipe, "-o", tmp_path / "half.onnx", *half, expect=(USAGE, UNSUPPORTED)).stderr
    assert not (tmp_path / "half.onnx").exists()


@pytest.mark.parametrize("seed", ["99999999999999999999999", "9223372036854775808", "-1", "1.5", ""])
def test_seeds_that_are_none(seed, halftone, folder, tmp_path):
    assert "--seed" in halftone("quantize", folder / "none.toml", "-o", tmp_path / "out.onnx", "--seed", seed, expect=USAGE).stderr


def test_float16_keeps_what_is_to_stay_in_float(halftone, folder, tmp_path):
    stored = {}
    for name, flags in (("all", []), ("some", ["--keep-float", "fir*"])):
        made = halftone.json("quantize", folder / "none.toml", "-o", tmp_path / "out.onnx", "--weights", "float16", *flags)
        stored[name] = {tensor.name: tensor.data_type for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer}
        assert any("keep_float" in node["reason"] for node in made["float_nodes"] if node["name"] == "first") == bool(flags)
    types = {name: [kinds.get(weights) for weights in ("w1", "b1", "w2")] for name, kinds in stored.items()}
    assert types == {"all": [TensorProto.FLOAT16] * 3, "some": [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT16]}
    for flags, word in ((["--keep-float", "nowhere"], "nowhere"), (["--group", 32], "group")):
        assert word in halftone("quantize", folder / "none.toml", "-o", tmp_path / "none.onnx", "--weights", "float16", *flags, expect=USAGE).stderr


# ---- data ----


def test_images_take_the_place_of_arrays(halftone, folder):
    told = halftone.json("validate", folder / "none.toml", "--model", folder / "none_int8.onnx", "--images", folder / "few.npy")
    assert told["images"] == 5
    halftone("validate", folder / "none.toml", "--model", folder / "none_int8.onnx", "--images", folder / "nowhere", expect=BAD_INPUT)


def test_written_classifier_of_arrays(halftone, folder):
    told = halftone.json("validate", folder / "classes_int8.onnx", "--images", folder / "few.npy", "--annotations", folder / "few.csv")
    assert told["images"] == 5 and told["quantized"]["top1"] >= 0.8


def test_limit_of_arrays_with_a_line_a_row(halftone, folder):
    whole = halftone.json("validate", folder / "classes.toml")
    assert whole["images"] == 24 and whole["float"]["top1"] == pytest.approx(3 / 24)
    first = halftone.json("validate", folder / "classes.toml", "--limit", 4)
    assert first["images"] == 4 and first["float"]["top1"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("line, word", [
    ("validate none.toml --model none_int8.onnx --detections found.json", "detections"),
    ("validate none.toml --model none_int8.onnx --annotations few.csv", "--annotations"),
    ("run net.onnx --input one.npy --output out --recipe none.toml", "--recipe"),
    ("run net.onnx --input one.npy --output out --score-threshold 0.5", "--score-threshold"),
    (f"run net.onnx --image {PHOTO} --output out", "--output"),
    ("compare net.onnx none_int8.onnx --input one.npy --recipe none.toml", "--recipe"),
    ("inspect net.onnx --csv --json", "--csv"),
])
def test_what_would_be_ignored_is_refused(line, word, halftone, folder):
    before = sorted(folder.iterdir())
    done = halftone(*line.split(), cwd=folder, expect=USAGE)
    assert word in done.stderr and done.stdout == "" and sorted(folder.iterdir()) == before


# ---- open sizes ----


def test_sizes_that_a_model_leaves_open(halftone, folder, tmp_path):
    net, shape = folder / "open.onnx", ["--input-shape", "1,3,16,16"]
    refused = halftone("bench", net, "--runs", 2, expect=BAD_INPUT).stderr
    assert "--input-shape" in refused
    assert halftone.json("bench", net, "--runs", 2, *shape)["macs"] == 16 * 16 * (3 * 9 * 8 + 8 * 3)
    assert halftone.json("bench", folder / "net.onnx", "--compare", net, "--runs", 2, *shape)["compared_median_ms"] > 0
    recipe = tmp_path / "open.toml"
    halftone("init", net, *shape, "-o", recipe)
    text = recipe.read_text()
    assert re.search(r"^input_shape = \[1, 3, 16, 16\]", text, re.M)
    recipe.write_text(text.replace('images = "calibration"', f'images = ["{folder / "rows.npy"}"]').split("[preprocess]")[0] +
                      f'[calibration]\nimages = ["{folder / "rows.npy"}"]\n')
    halftone("quantize", recipe, "-o", tmp_path / "out.onnx")
    photos = write_recipe(tmp_path / "photos.toml", {"model": {"path": str(net), "input_shape": [1, 3, 16, 16]}, "preprocess": {"size": [16, 16]}})
    assert halftone.json("compare", net, tmp_path / "out.onnx", "--image", PHOTO, "--recipe", photos)["samples"] == 1


# ---- what is printed ----


def test_values_of_a_classifier(halftone, folder, tmp_path):
    recipe = write_recipe(tmp_path / "photos.toml", {"model": {"path": str(folder / "net.onnx")}, "preprocess": {"size": [16, 16]},
                                                     "task": {"type": "classification", "classes": CLASSES}})
    line = ["run", folder / "net.onnx", "--recipe", recipe, "--image", PHOTO]
    assert "detection" in halftone(*line, "--dump-values", tmp_path / "no", "-o", tmp_path / "no.png", expect=USAGE).stderr
    assert not (tmp_path / "no").exists() and not (tmp_path / "no.png").exists()
    told = halftone.json(*line, "--dump-values", tmp_path / "values")
    assert told["values"] == str(tmp_path / "values") and told["output"] is None
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": np.load(tmp_path / "values" / "x.npy")})[0]
    np.testing.assert_allclose(np.load(tmp_path / "values" / "y.npy"), expected, rtol=1e-4, atol=1e-3)


def test_json_tells_what_was_written(halftone, folder, tmp_path):
    assert halftone.json("run", folder / "net.onnx", "--input", folder / "one.npy", "--output", tmp_path / "out")["output"] == str(tmp_path / "out")
    assert (tmp_path / "out" / "y.npy").exists()
    stats = tmp_path / "net.stats"
    told = halftone.json("calibrate", folder / "none.toml", "-o", stats)
    assert told["path"] == str(stats) and told["bytes"] == stats.stat().st_size == halftone.json("inspect", stats)["bytes"]
    merged = halftone.json("merge", stats, "-o", tmp_path / "merged.stats")
    assert merged["path"] == str(tmp_path / "merged.stats") and merged["bytes"] == told["bytes"]
    printed = halftone.json("init", folder / "net.onnx", cwd=folder)
    assert printed["output"] is None and printed["recipe"] == halftone("init", folder / "net.onnx", cwd=folder).stdout
    written = halftone.json("init", folder / "net.onnx", "-o", tmp_path / "net.toml")
    assert written["output"] == str(tmp_path / "net.toml") and written["recipe"] == (tmp_path / "net.toml").read_text()
    assert json.loads(halftone("inspect", folder / "net.onnx", "--csv", tmp_path / "net.csv", "--json").stdout)["kind"] == "float model"


def test_verbose_tells_when_stages_were_done(halftone, folder, tmp_path):
    line = ["quantize", folder / "none.toml", "-o", tmp_path / "out.onnx"]
    told = halftone(*line, "--verbose").stderr
    seconds = [float(found) for found in re.findall(r"halftone: \w+ done (\d+\.\d+) s after the start", told)]
    assert "calibrate done" in told and "all done" in told and seconds == sorted(seconds)
    assert " done " not in halftone(*line).stderr and halftone(*line, "--verbose", "--quiet").stderr == ""
