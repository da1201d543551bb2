# SPDX-License-Identifier: Apache-2.0
"""Mixed precision under budgets: that they are kept, that the recipe found gives the same file, and that runs which were ended go on."""
import os
import signal
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto

BITS = {TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.INT8: 8, TensorProto.UINT8: 8, TensorProto.FLOAT: 32}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Measurements that the tests share, as searches of one model do."""
    return tmp_path_factory.mktemp("measurements")


def search(halftone, recipe, output, cache, *flags, **options):
    return halftone.json("search", recipe, "-o", output, "--cache", cache, "--threads", 2, *flags, **options)


def chosen(result):
    (candidate,) = [candidate for candidate in result["candidates"] if candidate["chosen"]]
    return candidate


def weights_of(path):
    """Bits and size of each convolution's weights, as the file holds them."""
    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    found = {}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        name = node.input[1]
        while name not in constants:  # through DequantizeLinear, and what else gives scales to columns
            name = makers[name].input[0]
        found[node.name] = (BITS[constants[name].data_type], int(np.prod(constants[name].dims)))
    return found


def average_bits(path):
    weights = weights_of(path).values()
    return sum(bits * count for bits, count in weights) / sum(count for _, count in weights)


def quantized_again(halftone, recipe, path):
    halftone("quantize", recipe, "-o", path, "--quiet")
    return path.read_bytes()


def test_bytes_are_kept_and_the_recipe_gives_the_same_file(halftone, street_recipe, tmp_path, cache):
    recipe = street_recipe()
    sizes = {}
    for bits in (4, 8):
        sizes[bits] = halftone.json("quantize", recipe, "-o", tmp_path / f"{bits}.onnx", "--weights", bits)["quantized_bytes"]
    budget = (sizes[4] + sizes[8]) // 2
    out = tmp_path / "mixed.onnx"
    result = search(halftone, recipe, out, cache, "--max-bytes", budget, "--limit", 8)
    assert result["fulfilled"] and not result["truncated"] and result["output"] == str(out)
    assert out.stat().st_size == chosen(result)["bytes"] <= budget
    assert {bits for bits, _ in weights_of(out).values()} >= {4, 8}
    # Larger files are there to be more accurate.
    assert out.stat().st_size > sizes[4]
    assert quantized_again(halftone, tmp_path / "mixed.toml", tmp_path / "again.onnx") == out.read_bytes()
    # What is told of each layer is what the file holds.
    assert {layer["name"]: layer["weights"] or 32 for layer in result["layers"]} == {name: bits for name, (bits, _) in weights_of(out).items()}


def test_average_bits(halftone, street_recipe, tmp_path, cache):
    out = tmp_path / "five.onnx"
    result = search(halftone, street_recipe(), out, cache, "--max-bits", 5, "--limit", 8, "--recipe-out", tmp_path / "found.toml")
    assert average_bits(out) <= 5
    assert chosen(result)["bits"] == pytest.approx(average_bits(out))
    assert average_bits(out) > 4.5  # it is spent
    assert quantized_again(halftone, tmp_path / "found.toml", tmp_path / "again.onnx") == out.read_bytes()
    # Fewer bits for layers that suffer most from few would be no better: those of 4 bits are not the most sensitive ones.
    four = [layer["error"] / layer["parameters"] for layer in result["layers"] if layer["weights"] == 4]
    assert len(four) > 1


def test_drop(halftone, street_recipe, tmp_path, cache):
    out = tmp_path / "drop.onnx"
    recipe = street_recipe()
    result = search(halftone, recipe, out, cache, "--max-drop", 1.5, "--limit", 24)
    best = chosen(result)
    assert best["drop"] <= 1.5
    assert best["bytes"] == min(candidate["bytes"] for candidate in result["candidates"] if candidate["fulfils"])
    assert any(not candidate["fulfils"] for candidate in result["candidates"])  # it is as small as it can be
    told = halftone.json("validate", recipe, "--model", out, "--limit", 24)
    assert told["drop"] == pytest.approx(best["drop"])
    assert told["float"]["AP"] == pytest.approx(result["float_metric"]) and told["quantized"]["AP"] == pytest.approx(best["metric"])
    # Both demands at once.
    both = search(halftone, recipe, tmp_path / "both.onnx", cache, "--max-drop", 1.5, "--max-bytes", best["bytes"] + 20000, "--limit", 24)
    assert chosen(both)["drop"] <= 1.5 and chosen(both)["bytes"] <= best["bytes"] + 20000


def test_latency(halftone, street_recipe, tmp_path, cache):
    result = search(halftone, street_recipe(), tmp_path / "fast.onnx", cache, "--max-ms", 10000, "--limit", 8)
    assert 0 < chosen(result)["ms"] <= 10000
    slow = search(halftone, street_recipe(), tmp_path / "none.onnx", cache, "--max-ms", 0.001, "--limit", 8, expect=1)
    assert not slow["fulfilled"] and not (tmp_path / "none.onnx").exists()


def test_same_measurements_same_answer(halftone, street_recipe, tmp_path, cache):
    results = []
    for name in ("a", "b"):
        results.append(search(halftone, street_recipe(), tmp_path / f"{name}.onnx", cache, "--max-bits", 6, "--limit", 8))
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert results[1]["measured"] == 0 and results[1]["remembered"] > 0
    assert results[0]["candidates"] == results[1]["candidates"] and results[0]["layers"] == results[1]["layers"]


def test_a_run_that_was_killed_goes_on(halftone, street_recipe, tmp_path):
    # Without latency, whose measurements differ, so that the answers can be compared.
    recipe = street_recipe({"quantize.target": "cortex-m"})
    whole = search(halftone, recipe, tmp_path / "whole.onnx", tmp_path / "whole", "--max-bits", 5, "--limit", 8)
    flags = ["search", recipe, "-o", tmp_path / "killed.onnx", "--cache", tmp_path / "killed", "--max-bits", 5, "--limit", 8, "--threads", 2, "--quiet"]
    running = halftone.start(*flags)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "killed").glob("*.txt"))) < 10 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "it was over before it could be killed"
    assert not (tmp_path / "killed.onnx").exists()
    rest = search(halftone, recipe, tmp_path / "killed.onnx", tmp_path / "killed", "--max-bits", 5, "--limit", 8)
    assert rest["remembered"] >= 10 and rest["measured"] + rest["remembered"] == whole["measured"]
    assert rest["candidates"] == whole["candidates"]
    assert (tmp_path / "killed.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()


def test_damaged_measurements_are_made_again(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"quantize.target": "cortex-m"})
    for name in ("first", "second"):
        search(halftone, recipe, tmp_path / f"{name}.onnx", tmp_path / "kept", "--max-bits", 5, "--limit", 8)
        for file in sorted((tmp_path / "kept").iterdir())[::3]:
            file.write_bytes(file.read_bytes()[:-5])
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


def test_what_cannot_be_reached(halftone, street_recipe, tmp_path, cache):
    out = tmp_path / "tiny.onnx"
    result = search(halftone, street_recipe(), out, cache, "--max-bytes", 1000, "--limit", 8, expect=1)
    assert not result["fulfilled"] and result["output"] is None and result["recipe"] is None
    nearest = chosen(result)
    assert nearest["bytes"] > 1000 and not nearest["fulfils"]
    said = halftone("search", street_recipe(), "-o", out, "--cache", cache, "--threads", 2, "--max-bytes", 1000, "--limit", 8, expect=1)
    assert "nearest" in said.stdout and "nothing is written" in said.stderr
    assert list(tmp_path.glob("tiny*")) == []
    search(halftone, street_recipe(), out, cache, "--max-drop", -100, "--limit", 8, expect=1)


def test_lack_of_time_is_told(halftone, street_recipe, tmp_path, cache):
    result = search(halftone, street_recipe(), tmp_path / "hasty.onnx", cache, "--max-bits", 5, "--minutes", 0, "--limit", 8)
    assert result["truncated"] and len(result["candidates"]) == 1 and result["fulfilled"]
    patient = search(halftone, street_recipe(), tmp_path / "patient.onnx", cache, "--max-bits", 5, "--limit", 8)
    assert not patient["truncated"] and len(patient["candidates"]) > 1
    said = halftone("search", street_recipe(), "-o", tmp_path / "hasty.onnx", "--cache", cache, "--threads", 2, "--max-bits", 5, "--minutes", 0, "--limit", 8)
    assert "truncated" in said.stdout


def test_rules_of_the_recipe_are_kept(halftone, street_recipe, tmp_path, cache):
    layers = list(weights_of(street_model(street_recipe)))
    recipe = street_recipe()
    text = recipe.read_text()
    rules = f'\n[[quantize.layer]]\nmatch = "{layers[3]}"\nfloat = true\n\n[[quantize.layer]]\nmatch = "{layers[5]}"\nweights = 8\n'
    recipe.write_text(text + rules)
    out = tmp_path / "rules.onnx"
    search(halftone, recipe, out, cache, "--max-bits", 5, "--minutes", 0, "--limit", 8)
    bits = {name: bits for name, (bits, _) in weights_of(out).items()}
    assert bits[layers[3]] == 32 and bits[layers[5]] == 8
    assert quantized_again(halftone, tmp_path / "rules.toml", tmp_path / "again.onnx") == out.read_bytes()


def street_model(street_recipe):
    import tomllib

    return tomllib.loads(street_recipe(name="model.toml").read_text())["model"]["path"]


def test_float_false_keeps_a_layer_in_integers(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 16})
    free = halftone.json("quantize", recipe, "-o", tmp_path / "free.onnx")
    spared = [node["name"] for node in free["float_nodes"] if "of the error" in node["reason"]]
    assert spared
    recipe.write_text(recipe.read_text() + '\n[[quantize.layer]]\nmatch = "*"\nfloat = false\n')
    pinned = halftone.json("quantize", recipe, "-o", tmp_path / "pinned.onnx")
    assert not [node for node in pinned["float_nodes"] if "of the error" in node["reason"]]
    assert {bits for bits, _ in weights_of(tmp_path / "pinned.onnx").values()} == {8}


@pytest.mark.parametrize("flags, changes, code, word", [
    ([], {}, 2, "--max-drop, --max-bytes, --max-ms or --max-bits"),
    (["--max-bits", 5], {"calibration.images": None, "calibration.count": None}, (2, 3), "[calibration]"),
    (["--max-drop", 1], {"validation.images": None, "validation.annotations": None}, (2, 3), "[validation]"),
    (["--max-bits", 5], {"quantize.weights": "float16"}, 2, "float16"),
    (["--max-ms", 5], {"quantize.target": "cortex-m"}, 4, "--max-ms"),
    (["--max-bits", 5, "--recipe-out", "{recipe}"], {}, 2, "--recipe-out"),
    (["--max-bytes", -5], {}, 2, "--max-bytes"),
])
def test_usage(flags, changes, code, word, halftone, street_recipe, tmp_path):
    recipe = street_recipe(changes)
    flags = [str(flag).format(recipe=recipe) for flag in flags]
    said = halftone("search", recipe, "-o", tmp_path / "out.onnx", "--cache", tmp_path / "cache", *flags, expect=code)
    assert word in said.stderr and not (tmp_path / "out.onnx").exists()
