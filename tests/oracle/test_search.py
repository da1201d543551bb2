# SPDX-License-Identifier: Apache-2.0
"""Mixed precision under budgets: that they are kept, that the recipe found gives the same file, and that runs which were ended go on."""
import os
import signal
import time

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import write_recipe
from places import long_test

BITS = {TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.INT8: 8, TensorProto.UINT8: 8, TensorProto.FLOAT: 32}
CHANNELS = [3, 16, 24, 24, 32, 48, 32]
CLASSES = 12


def random_network(path, random):
    """Convolutions and a matrix product, some of whose weights have outliers, which few bits hold badly."""
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    value = "x"
    for i, (inputs, outputs) in enumerate(zip(CHANNELS, CHANNELS[1:])):
        weights = random.normal(size=(outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
        if i % 2:
            weights[:, :, 1, 1] *= 6
        parameters = [constant(f"c{i}_weights", weights), constant(f"c{i}_bias", random.normal(size=outputs) / 4)]
        nodes.append(helper.make_node("Conv", [value, *parameters], [f"c{i}_out"], f"block[{i}]/conv", pads=[1, 1, 1, 1], strides=[1 + i % 2] * 2))
        nodes.append(helper.make_node("Relu", [f"c{i}_out"], [f"r{i}"], f"block[{i}]/relu"))
        value = f"r{i}"
    nodes += [helper.make_node("GlobalAveragePool", [value], ["pooled"], "pool"), helper.make_node("Flatten", ["pooled"], ["flat"], "flatten")]
    product = [constant("g_weights", random.normal(size=(CLASSES, CHANNELS[-1]))), constant("g_bias", random.normal(size=CLASSES) / 10)]
    nodes.append(helper.make_node("Gemm", ["flat", *product], ["y"], "classifier", transB=1))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1, 3, 16, 16]), ("y", [1, CLASSES]))]
    graph = helper.make_graph(nodes, "net", values[:1], values[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, samples, and as labels the classes that it gives them itself: all that is lost is lost by quantization."""
    folder = tmp_path_factory.mktemp("search")
    random = np.random.default_rng(5)
    random_network(folder / "net.onnx", random)
    session = onnxruntime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    for name, count in (("calibration", 24), ("validation", 400)):
        samples = (random.normal(size=(count, 3, 16, 16)) + random.normal(size=(count, 3, 1, 1))).astype(np.float32)
        np.save(folder / f"{name}.npy", samples)
    top = [int(session.run(None, {"x": sample[None]})[0].argmax()) for sample in samples]
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(top)))
    return folder


@pytest.fixture
def recipe(folder, tmp_path):
    """Makes a recipe with changes. Latency is not part of it unless the target is another one."""

    def make(changes=()):
        return write_recipe(tmp_path / "net_recipe.toml", {
            "model": {"path": str(folder / "net.onnx")},
            "task": {"type": "classification", "classes": [f"class{c}" for c in range(CLASSES)]},
            "calibration": {"images": [str(folder / "calibration.npy")], "count": 16},
            "validation": {"images": [str(folder / "validation.npy")], "annotations": str(folder / "labels.csv")},
            "quantize": {"target": "cortex-m"},
        }, changes)

    return make


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
    """Bits and number of each product's weights, as the file holds them."""
    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    found = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        name = node.input[1]
        while name not in constants:  # through DequantizeLinear, and what else gives scales to columns
            name = makers[name].input[0]
        found[node.name] = (BITS[constants[name].data_type], int(np.prod(constants[name].dims)))
    assert len(found) == len(CHANNELS)
    return found


def average_bits(path):
    weights = weights_of(path).values()
    return sum(bits * count for bits, count in weights) / sum(count for _, count in weights)


def quantized_again(halftone, recipe, path):
    halftone("quantize", recipe, "-o", path, "--quiet")
    return path.read_bytes()


def test_bytes_are_kept_and_the_recipe_gives_the_same_file(halftone, recipe, tmp_path, cache):
    sizes = {bits: halftone.json("quantize", recipe(), "-o", tmp_path / f"{bits}.onnx", "--weights", bits)["quantized_bytes"] for bits in (4, 8)}
    budget, out = (sizes[4] + sizes[8]) // 2, tmp_path / "mixed.onnx"
    result = search(halftone, recipe(), out, cache, "--max-bytes", budget)
    assert result["fulfilled"] and not result["truncated"] and result["output"] == str(out)
    assert out.stat().st_size == chosen(result)["bytes"] <= budget
    assert {bits for bits, _ in weights_of(out).values()} == {4, 8}
    assert quantized_again(halftone, tmp_path / "mixed.toml", tmp_path / "again.onnx") == out.read_bytes()
    assert {layer["name"]: layer["weights"] for layer in result["layers"]} == {name: bits for name, (bits, _) in weights_of(out).items()}


def test_average_bits(halftone, recipe, tmp_path, cache):
    out = tmp_path / "five.onnx"
    result = search(halftone, recipe(), out, cache, "--max-bits", 5, "--recipe-out", tmp_path / "found.toml")
    assert 4 < average_bits(out) <= 5
    assert chosen(result)["bits"] == pytest.approx(average_bits(out))
    assert quantized_again(halftone, tmp_path / "found.toml", tmp_path / "again.onnx") == out.read_bytes()
    # Smaller ones are told beside it, and are less accurate.
    smaller = [candidate for candidate in result["candidates"] if candidate["bytes"] < chosen(result)["bytes"]]
    assert smaller and all(candidate["snr_db"] < chosen(result)["snr_db"] for candidate in smaller)


def test_the_whole_network_with_an_average_of_bits(halftone, recipe, tmp_path, cache):
    """What `quantize` makes of it is a candidate like the others, of which those lead that lose at most half a point more than the best, and the nearest outputs win."""
    keys = {"quantize.weights": 4, "quantize.group": 32, "quantize.average_bits": 5}
    halftone("quantize", recipe(keys), "-o", tmp_path / "whole.onnx", "--quiet")
    result = search(halftone, recipe(), tmp_path / "found.onnx", cache, "--max-bits", 5)
    size, bits = (tmp_path / "whole.onnx").stat().st_size, average_bits(tmp_path / "whole.onnx")
    assert 4.5 < bits <= 5
    (whole,) = [candidate for candidate in result["candidates"] if candidate["bytes"] == size]
    assert whole["fulfils"] and whole["bits"] == pytest.approx(bits)
    within = [candidate for candidate in result["candidates"] if candidate["fulfils"]]
    alike = [candidate for candidate in within if candidate["drop"] <= min(other["drop"] for other in within) + 0.5]
    assert chosen(result) in alike and chosen(result)["snr_db"] == max(candidate["snr_db"] for candidate in alike)
    told = halftone.json("validate", recipe(), "--model", tmp_path / "whole.onnx")
    assert told["quantized"]["top1"] == pytest.approx(whole["metric"])
    other = search(halftone, recipe(), tmp_path / "none.onnx", cache, "--max-bits", 4)
    assert all(candidate["bits"] == 4 for candidate in other["candidates"])


def test_weights_of_4_bits_may_be_in_groups(halftone, recipe, tmp_path, cache):
    """The candidates with 8 bits alone have none."""
    out = tmp_path / "groups.onnx"
    result = search(halftone, recipe({"quantize.weights": 4, "quantize.group": 32}), out, cache, "--max-bits", 5)
    assert result["fulfilled"] and average_bits(out) <= 5
    blocks = [attribute.i for node in onnx.load(out).graph.node for attribute in node.attribute if attribute.name == "block_size"]
    assert blocks and max(blocks) == 32
    assert quantized_again(halftone, tmp_path / "groups.toml", tmp_path / "again.onnx") == out.read_bytes()


def test_drop(halftone, recipe, tmp_path, cache):
    plain = halftone.json("quantize", recipe(), "-o", tmp_path / "plain.onnx")
    out, drop = tmp_path / "drop.onnx", 10
    result = search(halftone, recipe(), out, cache, "--max-drop", drop)
    best = chosen(result)
    assert best["drop"] <= drop and best["bytes"] < plain["quantized_bytes"]
    assert best["bytes"] == min(candidate["bytes"] for candidate in result["candidates"] if candidate["fulfils"])
    told = halftone.json("validate", recipe(), "--model", out)
    assert told["drop"] == pytest.approx(best["drop"]) and told["quantized"]["top1"] == pytest.approx(best["metric"])
    assert told["float"]["top1"] == pytest.approx(result["float_metric"])
    both = search(halftone, recipe(), tmp_path / "both.onnx", cache, "--max-drop", drop, "--max-bytes", best["bytes"] + 2000)
    assert chosen(both)["drop"] <= drop and (tmp_path / "both.onnx").stat().st_size <= best["bytes"] + 2000


@long_test
def test_latency_and_float_and_wide_activations(halftone, recipe, tmp_path, cache):
    recipe = recipe({"quantize.target": "native"})
    out = tmp_path / "fast.onnx"
    result = search(halftone, recipe, out, cache, "--max-ms", 10000)
    assert 0 < chosen(result)["ms"] <= 10000
    # With all the time in the world and no other limit no product is rounded.
    assert {bits for bits, _ in weights_of(out).values()} == {32} and chosen(result)["snr_db"] > 40
    assert quantized_again(halftone, tmp_path / "fast.toml", tmp_path / "again.onnx") == out.read_bytes()
    search(halftone, recipe, out, cache, "--max-ms", 10000, "--max-bits", 8)
    assert average_bits(out) <= 8
    assert TensorProto.INT16 in {tensor.data_type for tensor in onnx.load(out).graph.initializer}  # zero points of wide activations
    assert quantized_again(halftone, tmp_path / "fast.toml", tmp_path / "again.onnx") == out.read_bytes()
    slow = search(halftone, recipe, tmp_path / "none.onnx", cache, "--max-ms", 0.0001, expect=1)
    assert not slow["fulfilled"] and not (tmp_path / "none.onnx").exists()


def test_same_measurements_same_answer(halftone, recipe, tmp_path, cache):
    results = [search(halftone, recipe(), tmp_path / f"{name}.onnx", cache, "--max-bits", 6) for name in ("a", "b")]
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert results[1]["measured"] == 0 and results[1]["remembered"] > 0
    assert results[0]["candidates"] == results[1]["candidates"] and results[0]["layers"] == results[1]["layers"]


def test_a_run_that_was_killed_goes_on(halftone, recipe, tmp_path):
    whole = search(halftone, recipe(), tmp_path / "whole.onnx", tmp_path / "whole", "--max-bits", 5)
    killed = tmp_path / "killed"
    running = halftone.start("search", recipe(), "-o", tmp_path / "killed.onnx", "--cache", killed, "--max-bits", 5, "--threads", 2, "--quiet")
    deadline = time.monotonic() + 120
    while len(list(killed.glob("*.txt"))) < 3 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "it was over before it could be killed"
    kept = len(list(killed.glob("*.txt")))
    assert kept >= 3 and not (tmp_path / "killed.onnx").exists()
    rest = search(halftone, recipe(), tmp_path / "killed.onnx", killed, "--max-bits", 5)
    assert rest["measured"] == whole["measured"] - kept
    assert rest["candidates"] == whole["candidates"] and rest["layers"] == whole["layers"]
    assert (tmp_path / "killed.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()


def test_damaged_measurements_are_made_again(halftone, recipe, tmp_path):
    for name in ("first", "second"):
        search(halftone, recipe(), tmp_path / f"{name}.onnx", tmp_path / "kept", "--max-bits", 5)
        for file in sorted((tmp_path / "kept").iterdir())[::3]:
            file.write_bytes(file.read_bytes()[:-5])
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


@pytest.fixture
def own_data(folder, recipe, tmp_path):
    """A recipe of samples that a test may change, under the same names."""
    for name in ("calibration", "validation"):
        np.save(tmp_path / f"{name}.npy", np.load(folder / f"{name}.npy"))

    return recipe({"calibration.images": [str(tmp_path / "calibration.npy")], "validation.images": [str(tmp_path / "validation.npy")]})


def test_other_labelled_samples_are_measured_again(halftone, own_data, tmp_path):
    flags = ["--max-drop", 100, "--minutes", 0]
    search(halftone, own_data, tmp_path / "first.onnx", tmp_path / "kept", *flags)
    np.save(tmp_path / "validation.npy", np.load(tmp_path / "validation.npy")[::-1])
    again = search(halftone, own_data, tmp_path / "again.onnx", tmp_path / "kept", *flags)
    fresh = search(halftone, own_data, tmp_path / "fresh.onnx", tmp_path / "nothing", *flags)
    assert again["float_metric"] == fresh["float_metric"] < 0.5  # the labels are now those of other samples
    assert again["candidates"] == fresh["candidates"] and again["remembered"] > 0


def test_other_samples_behind_the_count_are_measured_again(halftone, own_data, tmp_path):
    first = search(halftone, own_data, tmp_path / "first.onnx", tmp_path / "kept", "--max-bits", 8)
    samples = np.load(tmp_path / "calibration.npy")
    samples[16:] *= 20
    np.save(tmp_path / "calibration.npy", samples)
    again = search(halftone, own_data, tmp_path / "again.onnx", tmp_path / "kept", "--max-bits", 8)
    fresh = search(halftone, own_data, tmp_path / "fresh.onnx", tmp_path / "nothing", "--max-bits", 8)
    assert again["candidates"] == fresh["candidates"] != first["candidates"]


def test_what_cannot_be_reached(halftone, recipe, tmp_path, cache):
    out = tmp_path / "tiny.onnx"
    result = search(halftone, recipe(), out, cache, "--max-bytes", 1000, expect=1)
    assert not result["fulfilled"] and result["output"] is None and result["recipe"] is None
    assert chosen(result)["bytes"] > 1000 and not chosen(result)["fulfils"]
    said = halftone("search", recipe(), "-o", out, "--cache", cache, "--threads", 2, "--max-bytes", 1000, expect=1)
    assert "nearest" in said.stdout and "nothing is written" in said.stderr
    search(halftone, recipe(), out, cache, "--max-drop", -100, expect=1)
    search(halftone, recipe(), out, cache, "--max-bits", 3, expect=1)
    assert list(tmp_path.glob("tiny*")) == []


def test_lack_of_time_is_told(halftone, recipe, tmp_path, cache):
    result = search(halftone, recipe(), tmp_path / "hasty.onnx", cache, "--max-bits", 5, "--minutes", 0)
    assert result["truncated"] and len(result["candidates"]) == 1 and result["fulfilled"]
    patient = search(halftone, recipe(), tmp_path / "patient.onnx", cache, "--max-bits", 5)
    assert not patient["truncated"] and len(patient["candidates"]) > 1
    said = halftone("search", recipe(), "-o", tmp_path / "hasty.onnx", "--cache", cache, "--threads", 2, "--max-bits", 5, "--minutes", 0)
    assert "truncated" in said.stdout


def test_rules_of_the_recipe_are_kept(halftone, recipe, tmp_path, cache):
    recipe = recipe()
    recipe.write_text(recipe.read_text() + """
[[quantize.layer]]
match = "block?1?/conv"
float = true

[[quantize.layer]]
match = "block?4?/conv"
weights = 8
""")
    out = tmp_path / "rules.onnx"
    search(halftone, recipe, out, cache, "--max-bits", 8, "--minutes", 0)
    bits = {name: bits for name, (bits, _) in weights_of(out).items()}
    assert bits["block[1]/conv"] == 32 and bits["block[4]/conv"] == 8 and 4 in bits.values()
    assert quantized_again(halftone, tmp_path / "rules.toml", tmp_path / "again.onnx") == out.read_bytes()


def test_float_false_keeps_layers_in_integers(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 16})
    spared = lambda: [node for node in halftone.json("quantize", recipe, "-o", tmp_path / "out.onnx")["float_nodes"] if "of the error" in node["reason"]]  # noqa: E731
    assert spared()
    recipe.write_text(recipe.read_text() + '\n[[quantize.layer]]\nmatch = "*"\nfloat = false\n')
    assert not spared()


@pytest.mark.parametrize("flags, changes, code, word", [
    ([], {}, 2, "--max-drop, --max-bytes, --max-ms or --max-bits"),
    (["--max-bits", 5], {"calibration.images": None, "calibration.count": None}, (2, 3), "[calibration]"),
    (["--max-drop", 1], {"validation.images": None, "validation.annotations": None}, (2, 3), "[validation]"),
    (["--max-drop", 1], {"task.type": "none", "task.classes": None}, 2, "--max-drop"),
    (["--max-bits", 5], {"quantize.weights": "float16"}, 2, "float16"),
    (["--max-ms", 5], {}, 4, "--max-ms"),
    (["--max-bits", 5, "--recipe-out", "{recipe}"], {}, 2, "--recipe-out"),
    (["--max-bytes", -5], {}, 2, "--max-bytes"),
    (["--max-bits", 5, "--recipe-out", "nowhere/found.toml"], {}, 3, "nowhere/found.toml"),
    (["--max-bits", 5, "--recipe-out", "."], {}, 3, "is a folder"),
])
def test_usage(flags, changes, code, word, halftone, recipe, tmp_path):
    path = recipe(changes)
    flags = [str(flag).format(recipe=path) for flag in flags]
    said = halftone("search", path, "-o", tmp_path / "out.onnx", "--cache", tmp_path / "cache", *flags, expect=code)
    assert word in said.stderr and not (tmp_path / "out.onnx").exists()
