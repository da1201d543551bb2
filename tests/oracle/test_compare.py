# SPDX-License-Identifier: Apache-2.0
"""`compare`, `run --dump-values` and `inspect --per-layer` against NumPy, ONNX Runtime and ONNX's own reading of the same files."""
import csv
import io
import json
import math

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from places import STREET

DEMAND_NOT_MET, USAGE, BAD_INPUT = 1, 2, 3
DETECTOR, RECIPE, PHOTO = STREET / "detector.onnx", STREET / "street.toml", STREET / "val" / "000.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def quantized(halftone, folder):
    halftone("calibrate", RECIPE, "-o", folder / "street.stats")
    halftone("quantize", RECIPE, "--stats", folder / "street.stats", "-o", folder / "int8.onnx", "--target", "onnxruntime")
    return folder / "int8.onnx"


@pytest.fixture(scope="module")
def dumps(halftone, folder, quantized):
    """The values of the float and the integer model for one photo: manifest and arrays by name."""
    both = {}
    for name, model in (("float", DETECTOR), ("int8", quantized)):
        halftone("run", model, "--recipe", RECIPE, "--image", PHOTO, "--dump-values", folder / name)
        both[name] = read_dump(folder / name)
    return both


def read_dump(path):
    manifest = json.loads((path / "values.json").read_text())
    return manifest, {value["name"]: np.load(path / value["file"]) for value in manifest["values"]}


def every_value(model, inputs):
    """What ONNX Runtime computes for every value of the file."""
    proto = onnx.load(model)
    known = {output.name for output in proto.graph.output}
    for node in proto.graph.node:
        proto.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in node.output if name not in known)
        known.update(node.output)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


def decibel(reference, value):
    reference, value = reference.astype("f8"), value.astype("f8")
    noise = ((value - reference)**2).sum()
    return 10 * math.log10((reference**2).sum() / noise) if noise else math.inf


def channels_of(reference, value):
    """(decibel, squared error) of each index of axis 1."""
    rows = []
    for channel in range(reference.shape[1]):
        a, b = reference[:, channel].astype("f8"), value[:, channel].astype("f8")
        signal, noise = (a**2).sum(), ((b - a)**2).sum()
        rows.append((10 * math.log10(signal / noise) if signal and noise else -math.inf if noise else math.inf, noise))
    return rows


# ---- dumped values ----


def test_float_values_are_those_of_onnxruntime(dumps):
    manifest, values = dumps["float"]
    expected = every_value(DETECTOR, {manifest["inputs"][0]: values[manifest["inputs"][0]]})
    common = [name for name in values if name in expected]
    assert len(common) >= len(values) // 2 and set(manifest["outputs"]) <= set(common)
    for name in common:
        assert values[name].shape == expected[name].shape
        assert decibel(expected[name], values[name]) > 80, name


def test_integers_stand_for_the_real_values(dumps, folder):
    manifest, values = dumps["int8"]
    integers = 0
    for value in manifest["values"]:
        real = values[value["name"]]
        assert list(real.shape) == value["shape"]
        if "integers" not in value:
            continue
        integers += 1
        held = np.load(folder / "int8" / value["integers"]["file"])
        assert held.dtype == {"u8": np.uint8, "i8": np.int8}[value["type"]]
        shape = [1] * held.ndim
        if "axis" in value["integers"]:
            shape[value["integers"]["axis"]] = -1
        scale, zero = (np.array(value["integers"][key]).reshape(shape) for key in ("scales", "zero_points"))
        np.testing.assert_array_equal(real, ((held.astype("i4") - zero).astype("f4") * scale.astype("f4")))
    assert integers > 20


def test_integers_are_those_of_onnxruntime(dumps, quantized, folder):
    """What the file's QuantizeLinear nodes give in ONNX Runtime; a tie may fall to either side, and what follows from it."""
    manifest, values = dumps["int8"]
    expected = every_value(quantized, {manifest["inputs"][0]: values[manifest["inputs"][0]]})
    quantizers = {node.input[0]: node.output[0] for node in onnx.load(quantized).graph.node if node.op_type == "QuantizeLinear"}
    compared = [value for value in manifest["values"] if value["op"] and "integers" in value and value["name"] in quantizers]
    assert len(compared) > 20
    for place, value in enumerate(compared):
        ours = np.load(folder / "int8" / value["integers"]["file"]).astype(int)
        theirs = expected[quantizers[value["name"]]].astype(int)
        assert ours.shape == theirs.shape
        assert place > 0 or np.abs(ours - theirs).max() <= 1
        scale, zero = value["integers"]["scales"], value["integers"]["zero_points"]
        assert len(scale) == 1  # which is how this target quantizes
        assert decibel((theirs - zero[0]) * scale[0], values[value["name"]]) > 20, value["name"]


def hostile_model(path):
    names = ["../x", "..", ".", "", "a/b", "a:b", "a\\b", "A/B", "CON", ".hidden", "new\nline", "\u00e9\u4e16", "x" * 300, "x" * 299 + "y", "a_b-2"]
    nodes, last = [], "x"
    for i, name in enumerate(names):
        made = name or "nameless"
        nodes.append(helper.make_node("Sin" if i % 2 else "Cos", [last], [made], name=f"node{i}"))
        last = made
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
                              [helper.make_tensor_value_info(n or "nameless", TensorProto.FLOAT, [1, 3]) for n in names])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return [n or "nameless" for n in names]


def test_names_of_values_are_safe_names_of_files(halftone, tmp_path):
    names = hostile_model(tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", np.float32([[1, 2, 3]]))
    before = set(tmp_path.rglob("*"))
    for option in ("--dump-values", "--output"):
        halftone("run", tmp_path / "net.onnx", "--input", tmp_path / "x.npy", option, tmp_path / option.strip("-"))
    made = set(tmp_path.rglob("*")) - before
    assert all(path.relative_to(tmp_path).parts[0] in ("dump-values", "output") for path in made)
    for path in made:
        assert path.name.isascii() and path.name[0] != "." and len(path.name) < 150 and not set(path.name) & set('/\\:*?"<>|\n ')
    assert len(list((tmp_path / "output").iterdir())) == len(names)
    assert len({path.name.lower() for path in (tmp_path / "output").iterdir()}) == len(names)
    manifest, values = read_dump(tmp_path / "dump-values")
    assert len({value["file"].lower() for value in manifest["values"]}) == len(names) + 1
    expected = np.float32([[1, 2, 3]])
    for i, name in enumerate(names):
        expected = (np.sin if i % 2 else np.cos)(expected)
        np.testing.assert_allclose(values[name], expected, atol=1e-5, err_msg=name)


def test_folder_is_replaced_only_where_it_holds_nothing_else(halftone, quantized, tmp_path):
    dump = ["run", quantized, "--image", PHOTO, "--dump-values"]
    (tmp_path / "empty").mkdir()
    halftone(*dump, tmp_path / "empty")
    before = {path.name: path.read_bytes() for path in (tmp_path / "empty").iterdir()}
    assert before
    halftone(*dump, f"{tmp_path / 'empty'}/")  # again, into the same
    assert {path.name: path.read_bytes() for path in (tmp_path / "empty").iterdir()} == before
    (tmp_path / "empty" / "mine.txt").write_text("keep me")
    assert "empty" in halftone(*dump, tmp_path / "empty", expect=BAD_INPUT).stderr
    assert (tmp_path / "empty" / "mine.txt").read_text() == "keep me"
    (tmp_path / "file").write_text("x")
    halftone(*dump, tmp_path / "file", expect=BAD_INPUT)
    halftone(*dump, tmp_path / "nowhere" / "values", expect=BAD_INPUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    halftone("run", quantized, "--image", tmp_path / "file", "--dump-values", tmp_path / "none", expect=BAD_INPUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


# ---- comparisons ----


def test_figures_against_numpy(halftone, quantized, dumps):
    """Float and integers on one photo: the same values that were dumped, judged by NumPy."""
    result = halftone.json("compare", DETECTOR, quantized, "--image", PHOTO)
    (manifest, real), (_, ours) = dumps["float"], dumps["int8"]
    order = [value["name"] for value in manifest["values"] if value["name"] in ours]
    assert [value["name"] for value in result["values"]] == order and len(order) > 20
    assert result["only_a"] == [name for name in real if name not in ours] and result["only_b"] == [name for name in ours if name not in real]
    assert result["other_shape"] == [] and result["samples"] == 1
    differing = [name for name in order if not np.array_equal(real[name], ours[name])]
    assert result["first_difference"] == differing[0]
    for value in result["values"]:
        a, b = real[value["name"]], ours[value["name"]]
        assert value["equal"] == (value["name"] not in differing)
        assert value["max_error"] == pytest.approx(np.abs(a - b).max(), rel=1e-6)
        if value["equal"]:
            assert value["snr_db"] is None and value["worst_channel"] is None
            continue
        assert value["snr_db"] == pytest.approx(decibel(a, b), abs=1e-6)
        x, y = a.astype("f8").ravel(), b.astype("f8").ravel()
        assert value["cosine"] == pytest.approx(x @ y / math.sqrt((x @ x) * (y @ y)), abs=1e-9)
        channels, worst = channels_of(a, b), value["worst_channel"]
        lowest = min(channels)[0]
        assert channels[worst["channel"]][0] == lowest
        assert worst["snr_db"] == (pytest.approx(lowest, abs=1e-6) if math.isfinite(lowest) else None)
        assert worst["noise_share"] == pytest.approx(channels[worst["channel"]][1] / sum(noise for _, noise in channels), rel=1e-6)


def test_folders_give_the_same_figures(halftone, quantized, dumps, folder):
    models = halftone.json("compare", DETECTOR, quantized, "--image", PHOTO)
    folders = halftone.json("compare", folder / "float", folder / "int8")
    assert models == folders


def test_several_photos_are_one_sum_for_any_threads(halftone, quantized):
    photos = [part for i in range(5) for part in ("--image", STREET / "val" / f"{i:03}.jpg")]
    results = [halftone.json("compare", DETECTOR, quantized, *photos, "--threads", n) for n in (1, 3)]
    assert results[0] == results[1] and results[0]["samples"] == 5
    assert results[0]["values"] != halftone.json("compare", DETECTOR, quantized, "--image", PHOTO)["values"]


def test_onnxruntime_folder_against_ours(halftone, dumps, tmp_path):
    """A folder that someone else wrote: arrays without a manifest, named by their values."""
    manifest, values = dumps["float"]
    expected = every_value(DETECTOR, {manifest["inputs"][0]: values[manifest["inputs"][0]]})
    (tmp_path / "theirs").mkdir()
    for name in manifest["outputs"]:
        np.save(tmp_path / "theirs" / f"{name}.npy", expected[name].astype("f8"))
    (tmp_path / "ours").mkdir()
    for name in manifest["outputs"]:
        np.save(tmp_path / "ours" / f"{name}.npy", values[name])
    result = halftone.json("compare", tmp_path / "theirs", tmp_path / "ours", "--min-snr", 80)
    assert [value["name"] for value in result["values"]] == sorted(manifest["outputs"])
    for value in result["values"]:
        assert value["equal"] or value["snr_db"] == pytest.approx(decibel(expected[value["name"]], values[value["name"]]), abs=1e-6)


def test_demands(halftone, quantized, folder, dumps):
    folders = ["compare", folder / "float", folder / "int8"]
    least = min(value["snr_db"] for value in halftone.json(*folders)["values"] if not value["equal"])
    halftone(*folders, "--min-snr", least - 0.01)
    done = halftone(*folders, "--min-snr", least + 0.01, expect=DEMAND_NOT_MET)
    assert "--min-snr" in done.stderr and "values in both" in done.stdout
    assert "--exact" in halftone(*folders, "--exact", expect=DEMAND_NOT_MET).stderr
    halftone("compare", folder / "int8", folder / "int8", "--exact", "--min-snr", 300)
    halftone(*folders, "--value", "no such value", expect=BAD_INPUT)
    models, outputs = ["compare", DETECTOR, quantized, "--image", PHOTO], dumps["float"][0]["outputs"]
    assert "--min-snr" in halftone(*models, "--min-snr", least + 0.01, expect=DEMAND_NOT_MET).stderr
    result = halftone.json(*models, "--value", *outputs, "--min-snr", least)
    assert [value["name"] for value in result["values"]] == outputs
    halftone("compare", quantized, quantized, "--image", PHOTO, "--exact")


def test_value_that_only_one_side_has_meets_no_demand(halftone, tmp_path):
    for folder, names in (("a", "xy"), ("b", "xz")):
        (tmp_path / folder).mkdir()
        for name in names:
            np.save(tmp_path / folder / f"{name}.npy", np.float32([1, 2]))
    run = ["compare", tmp_path / "a", tmp_path / "b"]
    assert halftone.json(*run, "--exact") | {"values": None} == {"version": 1, "samples": 1, "first_difference": None, "values": None, "only_a": ["y"],
                                                                "only_b": ["z"], "other_shape": []}
    for name in "yz":
        assert name in halftone(*run, "--value", "x", name, "--min-snr", -100, expect=DEMAND_NOT_MET).stderr
    np.save(tmp_path / "b" / "y.npy", np.float32([[1, 2]]))
    assert halftone.json(*run)["other_shape"] == ["y"]
    np.save(tmp_path / "b" / "x.npy", np.float32([1, np.nan]))
    value = halftone.json(*run)["values"][0]
    assert not value["equal"] and value["snr_db"] is None and value["max_error"] is None
    halftone(*run, "--min-snr", -100, expect=DEMAND_NOT_MET)
    np.save(tmp_path / "a" / "x.npy", np.float32([1, np.nan]))
    assert halftone.json(*run, "--exact", "--min-snr", 10)["values"][0]["equal"]


def test_instruction_sets_give_the_same_integers(halftone, quantized, tmp_path):
    for isa in ("c", "avx2"):
        halftone("run", quantized, "--image", PHOTO, "--isa", isa, "--dump-values", tmp_path / isa)
    halftone("compare", tmp_path / "c", tmp_path / "avx2", "--exact")


def test_wrong_usage(halftone, quantized, folder, dumps, tmp_path):
    for arguments in ([DETECTOR], [DETECTOR, quantized], [DETECTOR, folder / "int8"], [folder / "float", folder / "int8", "--image", PHOTO],
                      [DETECTOR, quantized, "--image", PHOTO, "--input", "x.npy"], [DETECTOR, quantized, "--image", PHOTO, "--min-snr", "much"]):
        halftone("compare", *arguments, expect=USAGE)
    halftone("compare", DETECTOR, tmp_path / "none.onnx", "--image", PHOTO, expect=BAD_INPUT)
    (tmp_path / "empty").mkdir()
    halftone("compare", tmp_path / "empty", tmp_path / "empty", expect=BAD_INPUT)
    np.save(tmp_path / "x.npy", np.float32([1]))
    for manifest in ("[]", "{", '{"values": [{"file": "../x.npy"}]}', '{"values": [{"file": 7}]}', '{"values": [7]}', "[" * 100000):
        (tmp_path / "empty" / "values.json").write_text(manifest)
        assert "values.json" in halftone("compare", tmp_path / "empty", tmp_path / "empty", expect=BAD_INPUT).stderr


# ---- a model that was quantized elsewhere ----


def small_net(path):
    rng = np.random.default_rng(3)
    weights = lambda name, *shape: numpy_helper.from_array(rng.normal(0, 0.4, shape).astype("f4"), name)  # noqa: E731
    nodes = [helper.make_node("Conv", ["x", "w1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
             helper.make_node("Conv", ["r1", "w2"], ["c2"], name="conv2", pads=[1, 1, 1, 1]), helper.make_node("Add", ["c2", "r1"], ["y"], name="add")]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 8, 8])],
                              [weights("w1", 6, 3, 3, 3), weights("w2", 6, 6, 3, 3)])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString())


def test_model_of_onnxruntime(halftone, tmp_path):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    small_net(tmp_path / "net.onnx")
    samples = np.random.default_rng(4).normal(size=(12, 1, 3, 8, 8)).astype("f4")

    class Reader(CalibrationDataReader):
        left = list(samples)

        def get_next(self):
            return {"x": self.left.pop()} if self.left else None

    quantize_static(tmp_path / "net.onnx", tmp_path / "theirs.onnx", Reader(), quant_format=QuantFormat.QDQ,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True)
    np.save(tmp_path / "x.npy", samples[0])
    result = halftone.json("compare", tmp_path / "net.onnx", tmp_path / "theirs.onnx", "--input", tmp_path / "x.npy")
    values = {value["name"]: value for value in result["values"]}
    assert len(values) > 2 and result["only_b"]
    real, theirs = (every_value(tmp_path / name, {"x": samples[0]}) for name in ("net.onnx", "theirs.onnx"))
    assert values["y"]["snr_db"] == pytest.approx(decibel(real["y"], theirs["y"]), abs=0.5)


def test_arrays_fill_open_dimensions(halftone, tmp_path):
    """Batch, height and width of one input, all of another one that has no shape at all; one array each, or an archive."""
    for name, op in (("a", "Mul"), ("b", "Add")):
        nodes = [helper.make_node(op, ["x", "x"], ["square"], name="square"), helper.make_node("Add", ["square", "k"], ["y"], name="add")]
        graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", None]),
                                                 helper.make_tensor_value_info("k", TensorProto.FLOAT, None)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / f"{name}.onnx")
    x, k = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype("f4"), np.float32([[1], [2], [3], [4]])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "k.npy", k)
    np.savez(tmp_path / "both.npz", x=x, k=k)
    models = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    separate = ["--input", f"x={tmp_path / 'x.npy'}", "--input", f"k={tmp_path / 'k.npy'}"]
    result = halftone.json("compare", *models, *separate)
    values = {value["name"]: value for value in result["values"]}
    assert values["y"]["max_error"] == pytest.approx(np.abs(x * x - 2 * x).max(), rel=1e-6)
    assert result == halftone.json("compare", *models, "--input", tmp_path / "both.npz")
    halftone("run", models[0], *separate, "--output", tmp_path / "outputs")
    np.testing.assert_allclose(np.load(tmp_path / "outputs" / "y.npy"), x * x + k, rtol=1e-6)
    np.save(tmp_path / "x.npy", x[:, :2])
    done = halftone("compare", *models, *separate, expect=BAD_INPUT)
    assert "'x'" in done.stderr and "dimension 1" in done.stderr


# ---- layers ----


@pytest.mark.parametrize("with_statistics", [False, True])
def test_layers_of_the_float_model(with_statistics, halftone, quantized, folder):
    more = ["--stats", folder / "street.stats"] if with_statistics else []
    result = halftone.json("inspect", DETECTOR, "--per-layer", *more)
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
              for value in onnx.shape_inference.infer_shapes(onnx.load(DETECTOR)).graph.value_info}
    convolutions = [node for node in onnx.load(DETECTOR).graph.node if node.op_type == "Conv"]
    weights = {w.name: numpy_helper.to_array(w) for w in onnx.load(DETECTOR).graph.initializer}
    layers = {layer["name"]: layer for layer in result["layers"]}
    found = [(node, layers[node.name]) for node in convolutions if node.name in layers]
    assert len(found) == len(convolutions) > 10
    for node, layer in found:
        w = weights[node.input[1]]
        bias = weights[node.input[2]].size if len(node.input) > 2 else 0
        out = shapes[node.output[0]]
        assert layer["op"] == "Conv" and layer["parameters"] == w.size + bias
        assert layer["macs"] == math.prod(out) * w[0].size
        assert layer["float_bytes"] == layer["bytes"] == 4 * layer["parameters"]
        assert layer["output"] == "f32 " + "x".join(map(str, out)) and len(layer["inputs"]) == 1
        read = math.prod(map(int, layer["inputs"][0].split()[-1].split("x")))
        assert layer["moved_bytes"] == 4 * (layer["parameters"] + read + math.prod(out))
        assert layer["intensity"] == pytest.approx(layer["macs"] / layer["moved_bytes"])
        assert (layer["weights"]["min"], layer["weights"]["max"]) == (w.min(), w.max())
        assert layer["kernel"]
        assert (layer["range"] is not None) == (with_statistics and layer["range"] is not None)
    assert any(layer["range"] for layer in result["layers"]) == with_statistics
    assert result["weight_bytes"] == 4 * result["parameters"]
    assert result["macs"] == sum(layer["macs"] for layer in result["layers"])


def test_layers_of_the_quantized_model(halftone, quantized, folder):
    result = halftone.json("inspect", quantized, "--per-layer", "--stats", folder / "street.stats")
    proto = onnx.load(quantized)
    integers = {w.name: numpy_helper.to_array(w) for w in proto.graph.initializer}
    dequantized = {node.output[0]: node for node in proto.graph.node if node.op_type == "DequantizeLinear"}
    convolutions = {node.name: node for node in proto.graph.node if node.op_type == "Conv"}
    checked = 0
    for layer in result["layers"]:
        if layer["op"] != "Conv" or layer["name"] not in convolutions or layer["weights"]["type"] != "i8":
            continue
        source = dequantized.get(convolutions[layer["name"]].input[1])
        q = integers.get(source.input[0]) if source is not None else None
        if q is None or q.size != math.prod(q.shape):
            continue
        rows = q.reshape(q.shape[0], -1).astype(int)
        assert layer["weights"]["bits_used"] == pytest.approx(np.log2(rows.max(1) - rows.min(1) + 1).mean())
        assert layer["bytes"] < layer["float_bytes"] == 4 * layer["parameters"]
        checked += 1
    assert checked > 10
    seen = [layer["range"] for layer in result["layers"] if layer["range"] and layer["range"]["bits_used"] is not None]
    assert len(seen) > 10
    for value in seen:
        assert 0 <= value["bits_used"] <= 8 and value["observed_min"] <= value["mean"] <= value["observed_max"]
        if value["zero_point"] is not None:
            least, most = (np.clip(np.rint(x / value["scale"]) + value["zero_point"], 0, 255) for x in (value["observed_min"], value["observed_max"]))
            assert value["bits_used"] == pytest.approx(math.log2(most - least + 1), abs=0.02)
    assert result["weight_bytes"] < 2 * result["parameters"]


def test_csv_holds_what_json_does(halftone, quantized, folder, tmp_path):
    for file, rows_of in ((quantized, "layers"), (folder / "street.stats", "ranges")):
        expected = halftone.json("inspect", file, "--per-layer")[rows_of]
        text = halftone("inspect", file, "--csv").stdout
        halftone("inspect", file, "--csv", tmp_path / "rows.csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert rows == list(csv.DictReader((tmp_path / "rows.csv").open(newline="")))
        assert len(rows) == len(expected) > 10
        for row, value in zip(rows, expected):
            assert row.get("layer", row.get("value")) == value["name"]
            for key in ("parameters", "macs", "moved_bytes", "intensity", "min", "max", "rms"):
                if key in row:
                    assert float(row[key]) == pytest.approx(value[key])


def test_csv_quotes_names(halftone, tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"], name='a "b", c')
    graph = helper.make_graph([node], "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])])
    (tmp_path / "net.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    assert [row["layer"] for row in csv.DictReader(io.StringIO(halftone("inspect", tmp_path / "net.onnx", "--csv").stdout))] == ['a "b", c']


def test_statistics_of_another_model_are_refused(halftone, quantized, folder, tmp_path):
    small_net(tmp_path / "net.onnx")
    done = halftone("inspect", tmp_path / "net.onnx", "--stats", folder / "street.stats", expect=BAD_INPUT)
    assert "street.stats" in done.stderr and "net.onnx" in done.stderr
    halftone("inspect", folder / "street.stats", "--stats", folder / "street.stats", expect=USAGE)


def test_statistics_tell_mean_and_spread(halftone, quantized, folder):
    for value in halftone.json("inspect", folder / "street.stats")["ranges"]:
        assert value["min"] <= value["mean"] <= value["max"]
        assert abs(value["mean"]) <= value["rms"] * (1 + 1e-6) <= max(-value["min"], value["max"]) * (1 + 1e-5)
