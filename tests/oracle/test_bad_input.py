# SPDX-License-Identifier: Apache-2.0
"""Bad input from a user's side: each is a sentence with place and remedy, the right exit code and no file left behind."""
import json
import random
import re
import struct
import zlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from conftest import write_recipe
from places import STREET

BAD_INPUT, UNSUPPORTED = 3, 4
MEMORY = 2 << 30


def complaint(done):
    """The one line that an error is."""
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("halftone: ")]
    assert lines, done.stderr
    return lines[-1]


@pytest.fixture
def refused(halftone, tmp_path):
    """Runs a command that must fail, leave no file behind and say all of `words`."""

    def check(*arguments, code=BAD_INPUT, words=()):
        before = sorted(tmp_path.rglob("*"))
        done = halftone(*arguments, "--quiet", expect=code, memory=MEMORY)
        assert sorted(tmp_path.rglob("*")) == before
        text = complaint(done)
        for word in words:
            assert word in text, f"'{word}' is not in: {text}"
        return text

    return check


# ---- recipes ----

RECIPE_FAULTS = {
    "unknown key": ({"quantize.rangs": "mse"}, BAD_INPUT, ["street.toml", "rangs", "ranges"]),
    "unknown section": ({"calibraton.images": "x"}, BAD_INPUT, ["calibraton", "calibration"]),
    "unknown word": ({"quantize.ranges": "mes"}, BAD_INPUT, ["mes", "mse"]),
    "unknown head": ({"task.head": "yolv8"}, BAD_INPUT, ["yolv8", "yolov8"]),
    "unknown target": ({"quantize.target": "nativ"}, BAD_INPUT, ["nativ", "native"]),
    "planned target": ({"quantize.target": "tensorrt"}, UNSUPPORTED, ["tensorrt"]),
    "impossible weights": ({"quantize.weights": 7}, BAD_INPUT, ["weights"]),
    "wrong type": ({"task.max_detections": "many"}, BAD_INPUT, ["max_detections"]),
    "zero size": ({"preprocess.size": [0, 320]}, BAD_INPUT, ["size"]),
    "huge size": ({"preprocess.size": [1 << 40, 320]}, BAD_INPUT, ["size"]),
    "other size than the model's": ({"preprocess.size": [64, 64]}, BAD_INPUT, ["64"]),
    "division by zero": ({"preprocess.std": [0.0, 1.0, 1.0]}, BAD_INPUT, ["std"]),
    "no model": ({"model.path": None}, BAD_INPUT, ["path"]),
    "model is not there": ({"model.path": "nowhere.onnx"}, BAD_INPUT, ["nowhere.onnx"]),
    "model is a folder": ({"model.path": "."}, BAD_INPUT, ["regular file"]),
    "input shape does not fit": ({"model.input_shape": [1, 3, 192]}, BAD_INPUT, ["shape"]),
    "photos are not there": ({"calibration.images": "nowhere"}, BAD_INPUT, ["nowhere"]),
    "no photo fits the pattern": ({"calibration.images": "*.jpeg"}, BAD_INPUT, ["*.jpeg"]),
    "no photos asked for": ({"calibration.count": 0}, BAD_INPUT, ["count"]),
    "head does not fit": ({"task.head": "yolox"}, BAD_INPUT, ["yolox", "output0"]),
    "another head does not fit": ({"task.head": "fastestdet", "task.strides": [16]}, BAD_INPUT, ["fastestdet"]),
    "strides do not fit": ({"task.strides": [4, 8]}, BAD_INPUT, ["strides 4, 8"]),
    "too few classes": ({"task.classes": ["person"]}, BAD_INPUT, ["class"]),
}


@pytest.mark.parametrize("fault", RECIPE_FAULTS)
def test_recipe(fault, refused, street_recipe, tmp_path):
    changes, code, words = RECIPE_FAULTS[fault]
    refused("quantize", street_recipe(changes), "-o", tmp_path / "out.onnx", code=code, words=words)


@pytest.mark.parametrize("text, words", [
    ("[model\n", ["recipe.toml:1"]),
    ("[model]\npath = \n", ["recipe.toml:2"]),
    ("\0\x01\x02", ["recipe.toml"]),
    ("", ["path"]),
    ("[model]\npath = 'a'\n[model]\npath = 'b'\n", ["recipe.toml:3"]),
    ("a = " + "[" * 100000, ["recipe.toml"]),
])
def test_text_that_is_no_recipe(text, words, refused, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    refused("quantize", recipe, "-o", tmp_path / "out.onnx", words=words)


def test_recipe_that_is_not_there(refused, tmp_path):
    refused("quantize", tmp_path / "nowhere.toml", "-o", tmp_path / "out.onnx", words=["nowhere.toml"])


def test_flag_with_an_unknown_word(halftone, street_recipe, tmp_path):
    done = halftone("quantize", street_recipe(), "-o", tmp_path / "out.onnx", "--ranges", "mes", expect=(2, 3))
    assert "--ranges" in done.stderr and "mse" in done.stderr


# ---- photos ----


def png(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)


JPEG = (STREET / "calibration" / "000.jpg").read_bytes()
BAD_PHOTOS = {
    "text": b"this is no photo",
    "empty": b"",
    "first half": JPEG[:len(JPEG) // 2],
    "header alone": JPEG[:20],
    "huge": png(60000, 60000),
    "no pixels": png(0, 0),
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_photo(kind, refused, halftone, street_recipe, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("000.jpg", "002.jpg"):
        (photos / name).write_bytes(JPEG)
    (photos / "001.jpg").write_bytes(BAD_PHOTOS[kind])
    recipe = street_recipe({"calibration.images": str(photos)})
    refused("calibrate", recipe, "-o", tmp_path / "out.stats", words=["001.jpg"])
    refused("run", STREET / "detector.onnx", "--image", photos / "001.jpg", words=["001.jpg"])
    done = halftone("calibrate", recipe, "-o", tmp_path / "out.stats", "--skip-bad")
    assert "001.jpg" in done.stderr and (tmp_path / "out.stats").exists()


# ---- annotations ----


def changed(change):
    annotations = json.loads((STREET / "val.json").read_text())
    change(annotations)
    return json.dumps(annotations)


ANNOTATION_FAULTS = {
    "no JSON": ("[1, 2", ["bad.json"]),
    "other JSON": ("[1, 2]", ["bad.json"]),
    "no images": (changed(lambda a: a.pop("images")), ["images"]),
    "photo is not there": (changed(lambda a: a["images"][0].update(file_name="nowhere.jpg")), ["nowhere.jpg"]),
    "photo above its folder": (changed(lambda a: a["images"][0].update(file_name="../val/000.jpg")), ["../val/000.jpg"]),
    "photo of another size": (changed(lambda a: a["images"][0].update(width=10)), ["10"]),
    "image twice": (changed(lambda a: a["images"].append(a["images"][0])), ["id"]),
    "unknown image": (changed(lambda a: a["annotations"][0].update(image_id=999999)), ["999999"]),
    "unknown category": (changed(lambda a: a["annotations"][0].update(category_id=77)), ["77"]),
    "box of three numbers": (changed(lambda a: a["annotations"][0].update(bbox=[1, 2, 3])), ["bbox"]),
    "box of text": (changed(lambda a: a["annotations"][0].update(bbox=["a", 2, 3, 4])), ["bbox"]),
    "deep": ("[" * 1000000, ["bad.json"]),
}


def test_a_missing_photo_is_named_once(refused, street_recipe, tmp_path):
    assert refused("validate", street_recipe({"validation.images": str(tmp_path)}), words=["000.jpg"]).count("000.jpg") == 1


@pytest.mark.parametrize("fault", ANNOTATION_FAULTS)
def test_annotations(fault, refused, street_recipe, tmp_path):
    text, words = ANNOTATION_FAULTS[fault]
    annotations = tmp_path / "bad.json"
    annotations.write_text(text)
    refused("validate", street_recipe({"validation.annotations": str(annotations)}), words=words)


# ---- models ----

MODEL = (STREET / "detector.onnx").read_bytes()


@pytest.fixture
def tried(halftone, tmp_path):
    """Inspects bytes as a model; whatever they are, the program must end well, soon and in bounded memory."""

    def attempt(data, codes=(0, BAD_INPUT, UNSUPPORTED)):
        path = tmp_path / "model.onnx"
        path.write_bytes(data)
        done = halftone("inspect", path, "--quiet", expect=codes, memory=MEMORY)
        if done.returncode:
            assert "model.onnx" in complaint(done)
        return done

    return attempt


@pytest.mark.parametrize("length", [0, 1, 7, 100, 5000, len(MODEL) // 2, len(MODEL) - 1])
def test_truncated_model(length, tried):
    tried(MODEL[:length], codes=(BAD_INPUT,))


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes(seed, tried):
    numbers = random.Random(seed)
    tried(numbers.randbytes(numbers.randrange(1, 5000)), codes=(BAD_INPUT, UNSUPPORTED))


@pytest.mark.parametrize("seed", range(24))
def test_damaged_model(seed, tried):
    numbers = random.Random(seed)
    data = bytearray(MODEL)
    # Weights are most of the file; what is said about them stands in what surrounds them.
    for _ in range(numbers.randrange(1, 40)):
        data[numbers.randrange(len(data))] = numbers.randrange(256)
    tried(bytes(data))


def small_model(nodes, inputs=(("x", [1, 3, 8, 8]),), outputs=("y",), initializers=(), opset=17):
    graph = helper.make_graph(list(nodes), "net", [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs],
                              [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, name=f"the_{op.lower()}", **attributes)


def weights(shape, values=None, name="w"):
    count = 1
    for size in shape:
        count *= size
    return helper.make_tensor(name, TensorProto.FLOAT, shape, [0.5] * count if values is None else values)


MODEL_FAULTS = {
    "a cycle": (small_model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])]), BAD_INPUT, []),
    "an input from nowhere": (small_model([node("Add", ["x", "nowhere"], ["y"])]), BAD_INPUT, ["nowhere"]),
    "an output from nowhere": (small_model([node("Relu", ["x"], ["z"])]), BAD_INPUT, ["y"]),
    "a name twice": (small_model([node("Relu", ["x"], ["y"]), node("Sigmoid", ["x"], ["y"])]), BAD_INPUT, ["y"]),
    "an unknown operator": (small_model([node("Frobnicate", ["x"], ["y"])]), UNSUPPORTED, ["Frobnicate", "the_frobnicate"]),
    "an impossible attribute": (small_model([node("Softmax", ["x"], ["y"], axis=9)]), BAD_INPUT, ["the_softmax", "axis"]),
    "a convolution of other channels": (
        small_model([node("Conv", ["x", "w"], ["y"])], initializers=[weights([4, 5, 3, 3])]), BAD_INPUT, ["the_conv"]),
    "a window larger than its input": (small_model([node("MaxPool", ["x"], ["y"], kernel_shape=[20, 20])]), BAD_INPUT, ["'the_maxpool' (MaxPool): "]),
    "a window that spans more than can be counted": (
        small_model([node("Conv", ["x", "w"], ["y"], dilations=[613566757, 1], pads=[2**31 - 1, 0, 2**31, 0])], initializers=[weights([4, 3, 8, 1])]),
        UNSUPPORTED, ["the_conv", "too large"]),
    "a shape that cannot be": (
        small_model([node("Reshape", ["x", "s"], ["y"])], initializers=[helper.make_tensor("s", TensorProto.INT64, [2], [7, -1])]),
        BAD_INPUT, ["the_reshape"]),
    "an input beyond all memory": (small_model([node("Relu", ["x"], ["y"])], inputs=[("x", [1 << 40, 1 << 40])]), BAD_INPUT, []),
    "an open dimension that must be known": (
        small_model([node("Conv", ["x", "w"], ["y"])], inputs=[("x", [1, "channels", 8, 8])], initializers=[weights([4, 3, 3, 3])]),
        None, []),
    "an opset of the future": (small_model([node("Relu", ["x"], ["y"])], opset=99), UNSUPPORTED, ["99"]),
}


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_model(fault, tried):
    data, code, words = MODEL_FAULTS[fault]
    done = tried(data, codes=(code,) if code else (0, BAD_INPUT, UNSUPPORTED))
    for word in words:
        assert word in done.stderr, done.stderr
    assert re.search(r"node '(the_\w+)' \(\w+\): .*node '?\1\b", done.stderr) is None, done.stderr


def test_tensor_that_promises_more_than_it_holds(tried):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 20, 1 << 20], raw_data=b"\0" * 8)
    assert "w" in tried(small_model([node("Add", ["x", "w"], ["y"])], initializers=[tensor]), codes=(BAD_INPUT,)).stderr


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "folder/../../secret.bin", "link.bin"])
def test_external_data_stays_in_the_folder(location, halftone, tmp_path):
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4 * 192)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 3, 8, 8], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "768"}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "model.onnx").write_bytes(small_model([node("Add", ["x", "w"], ["y"])], initializers=[tensor]))
    done = halftone("inspect", folder / "model.onnx", expect=BAD_INPUT)
    assert "folder" in done.stderr or location in done.stderr


def test_quantized_model_is_not_quantized_again(halftone, refused, street_recipe, tmp_path):
    halftone("quantize", street_recipe(), "-o", tmp_path / "once.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "once.onnx"), full_check=True)
    refused("quantize", street_recipe({"model.path": str(tmp_path / "once.onnx")}, name="street.toml"), "-o", tmp_path / "twice.onnx",
            words=["once.onnx", "quantized already"])


def test_photos_to_try_on_that_cannot_be_read_are_left_out(halftone, tmp_path):
    """Of six files those that trials would look at are damaged: the rest serves, and nothing is said of errors that were not measured."""
    data = tmp_path / "data"
    data.mkdir()
    for i in range(6):
        np.save(data / f"{i}.npy", np.random.default_rng(i).normal(size=(3, 8, 8)).astype(np.float32))
    for i in (1, 3, 5):
        (data / f"{i}.npy").write_text("x")
    weights = {name: np.random.default_rng(7).normal(size=(3, 3, 3, 3)).astype(np.float32) for name in ("w0", "w1")}
    nodes = [helper.make_node("Conv", ["x", "w0"], ["v"], name="c0", pads=[1] * 4), helper.make_node("Relu", ["v"], ["r"], name="r"),
             helper.make_node("Conv", ["r", "w1"], ["y"], name="c1", pads=[1] * 4)]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [onnx.numpy_helper.from_array(w, name) for name, w in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "net.onnx")
    recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": str(tmp_path / "net.onnx")}, "task": {"type": "none"}, "calibration": {"images": str(data)}})
    for target in ("native", "onnxruntime"):
        done = halftone("quantize", recipe, "-o", tmp_path / "out.onnx", "--skip-bad", "--target", target)
        assert "nan" not in done.stdout and " dB" not in done.stdout, done.stdout


def with_metadata(path, source, key, value):
    model = onnx.load(source)
    for entry in model.metadata_props:
        if entry.key == key:
            entry.value = value(entry.value)
    onnx.save(model, path)
    return path


def test_metadata_that_are_hostile(halftone, refused, street_recipe, tmp_path):
    made = tmp_path / "made.onnx"
    halftone("quantize", street_recipe(), "-o", made)
    data = ["--images", STREET / "val", "--annotations", STREET / "val.json", "--limit", 1]
    deep = with_metadata(tmp_path / "deep.onnx", made, "halftone.recipe", lambda _: ".".join("a" * 150_000) + " = 1")
    refused("run", deep, "--image", STREET / "val" / "000.jpg", words=["deep.onnx", "halftone.recipe:1"])
    refused("validate", deep, *data, words=["deep.onnx"])
    nested = with_metadata(tmp_path / "nested.onnx", made, "halftone.manifest", lambda _: '{"a":' + "[" * 200_000 + "]" * 200_000 + "}")
    before = nested.read_bytes()
    refused("validate", nested, *data, "--record", words=["manifest"])
    assert nested.read_bytes() == before
    section = f'[validation]\nimages = "{STREET / "val"}"\nannotations = "{STREET / "val.json"}"\n[task]'
    names = with_metadata(tmp_path / "names.onnx", made, "halftone.recipe", lambda text: text.replace("[task]", section))
    refused("validate", names, words=["names.onnx", "[validation]"])


def test_a_claim_is_recorded_in_quantized_models_alone(halftone, refused, street_recipe, tmp_path):
    real, link, copy = tmp_path / "real.onnx", tmp_path / "link.onnx", tmp_path / "float.onnx"
    halftone("quantize", street_recipe(), "-o", real)
    real.chmod(0o600)
    link.symlink_to("real.onnx")
    before = real.read_bytes()
    halftone("validate", link, "--images", STREET / "val", "--annotations", STREET / "val.json", "--limit", 1, "--record")
    assert link.is_symlink() and real.read_bytes() != before and real.stat().st_mode & 0o777 == 0o600
    copy.write_bytes(MODEL)
    refused("validate", street_recipe(), "--model", copy, "--limit", 1, "--record", code=2, words=["float.onnx", "--record"])
    assert copy.read_bytes() == MODEL


# ---- statistics ----


def test_statistics(halftone, refused, street_recipe, tmp_path):
    stats = tmp_path / "street.stats"
    halftone("calibrate", street_recipe(), "-o", stats)
    other = street_recipe({"preprocess.mean": [1.0, 0.0, 0.0]}, name="other.toml")
    refused("quantize", other, "--stats", stats, "-o", tmp_path / "out.onnx", words=["preprocess"])
    fewer = street_recipe({"calibration.count": 4}, name="fewer.toml")
    refused("quantize", fewer, "--stats", stats, "-o", tmp_path / "out.onnx", words=["street.stats"])
    refused("merge", stats, stats, "-o", tmp_path / "out.stats")
    data = stats.read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 1):
        stats.write_bytes(data[:length])
        refused("merge", stats, "-o", tmp_path / "out.stats", words=["street.stats"])


def test_statistics_of_other_channels(halftone, refused, tmp_path):
    """The same model with another input_shape has other channels."""
    nodes = [helper.make_node("MaxPool", ["x"], ["pooled"], name="pool", kernel_shape=[2, 2]), helper.make_node("Relu", ["pooled"], ["y"], name="relu")]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "channels", 8, 8])]
    graph = helper.make_graph(nodes, "net", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "net.onnx")

    def recipe(channels):
        np.save(tmp_path / f"{channels}.npy", np.random.default_rng(1).normal(size=(4, channels, 8, 8)).astype(np.float32))
        model = {"path": str(tmp_path / "net.onnx"), "input_shape": [1, channels, 8, 8]}
        sections = {"model": model, "task": {"type": "none"}, "calibration": {"images": [str(tmp_path / f"{channels}.npy")]}, "quantize": {"head": "quantize"}}
        return write_recipe(tmp_path / f"{channels}.toml", sections)

    for made, used in ((64, 4), (4, 64)):
        halftone("calibrate", recipe(made), "-o", tmp_path / "net.stats")
        refused("quantize", recipe(used), "--stats", tmp_path / "net.stats", "-o", tmp_path / "out.onnx",
                words=["net.stats", f"{made} channels", "input_shape", "calibrate again"])


def test_statistics_that_lack_a_photo(halftone, refused, street_recipe, tmp_path):
    """Those that can be read must still be the same."""
    photos = sorted((STREET / "calibration").iterdir())
    for folder, taken in (("these", photos[:4]), ("others", photos[4:8])):
        (tmp_path / folder).mkdir()
        for photo in taken:
            (tmp_path / folder / photo.name).write_bytes(photo.read_bytes())
        (tmp_path / folder / "damaged.jpg").write_bytes(photos[0].read_bytes()[:100])
    these, others = (street_recipe({"calibration.images": str(tmp_path / name)}, name=f"{name}.toml") for name in ("these", "others"))
    stats = tmp_path / "these.stats"
    assert "damaged.jpg" in halftone("calibrate", these, "-o", stats, "--skip-bad").stderr
    refused("quantize", others, "--stats", stats, "-o", tmp_path / "out.onnx", words=["these.stats", "other data"])
    halftone("quantize", these, "--stats", stats, "-o", tmp_path / "out.onnx", "--fast")
    (tmp_path / "these" / "damaged.jpg").write_bytes(photos[9].read_bytes())
    refused("quantize", these, "--stats", stats, "-o", tmp_path / "again.onnx", words=["these.stats", "other data"])
