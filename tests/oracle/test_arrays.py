# SPDX-License-Identifier: Apache-2.0
"""Inputs that are no photos: NumPy's own files, against what NumPy reads from them."""
import io
import random
import struct
import zlib

import numpy as np
import pytest
from onnx import TensorProto, helper

from conftest import write_recipe

USAGE, BAD_INPUT, UNSUPPORTED = 2, 3, 4
MEMORY = 2 << 30
SHAPE = (1, 3, 4, 5)


def negation(path, names=("x",), shape=SHAPE, kind=TensorProto.FLOAT):
    """A model that gives back each of its inputs, as a float with the other sign."""
    nodes = []
    for name in names:
        nodes += [helper.make_node("Cast", [name], [f"{name}_real"], to=TensorProto.FLOAT), helper.make_node("Neg", [f"{name}_real"], [f"minus_{name}"])]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info(n, kind, shape) for n in names],
                              [helper.make_tensor_value_info(f"minus_{n}", TensorProto.FLOAT, shape) for n in names])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


@pytest.fixture
def rng():
    return np.random.default_rng(20260301)


@pytest.fixture
def given(halftone, tmp_path):
    """What the model saw of its input."""

    def run(model, file, name="x"):
        halftone("run", model, "--input", file, "--output", tmp_path / "seen")
        return -np.load(tmp_path / "seen" / f"minus_{name}.npy")

    return run


TYPES = ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_numbers_of_every_type_become_floats(kind, order, rng, given, tmp_path):
    model = negation(tmp_path / "net.onnx")
    numbers = rng.normal(0, 50, SHAPE) if kind[0] == "f" else rng.integers(0, 100, SHAPE) - (50 if kind[0] == "i" else 0)
    array = numbers.astype(order + kind)
    for name, stored in {"c": array, "fortran": np.asfortranarray(array)}.items():
        np.save(tmp_path / f"{name}.npy", stored)
        np.testing.assert_array_equal(given(model, tmp_path / f"{name}.npy"), array.astype("f4"), err_msg=name)


def test_booleans_become_floats(rng, given, tmp_path):
    array = rng.integers(0, 2, SHAPE).astype(bool)
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(given(negation(tmp_path / "net.onnx"), tmp_path / "x.npy"), array.astype("f4"))


@pytest.mark.parametrize("wanted, kind", [("i8", TensorProto.INT64), ("i4", TensorProto.INT32), ("u1", TensorProto.UINT8)])
def test_integers_become_integers_that_hold_them(wanted, kind, halftone, given, rng, tmp_path):
    model = negation(tmp_path / "net.onnx", kind=kind)
    for stored in ("i2", ">u2", "u8", wanted):
        array = rng.integers(0, 100, SHAPE).astype(stored)
        np.save(tmp_path / "x.npy", array)
        np.testing.assert_array_equal(given(model, tmp_path / "x.npy"), array.astype("f4"), err_msg=stored)
    np.save(tmp_path / "x.npy", np.full(SHAPE, 1.5, "f4"))
    assert "f32" in halftone("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "none", expect=BAD_INPUT).stderr
    if wanted != "i8":
        np.save(tmp_path / "x.npy", np.full(SHAPE, 5_000_000_000))
        done = halftone("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "none", expect=BAD_INPUT)
        assert "5000000000" in done.stderr and "x.npy" in done.stderr
    assert not (tmp_path / "none").exists()


def npy(header, data=b""):
    text = header.encode() + b" " * ((-len(header) - 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }"
WRONG_FILES = {
    "objects": (saved(np.array([None, "x"], dtype=object), allow_pickle=True), ["'|O'"]),
    "records": (saved(np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])), ["records"]),
    "text": (saved(np.array(["a", "bc"])), ["'<U2'"]),
    "complex numbers": (saved(np.zeros(SHAPE, "c8")), ["'<c8'"]),
    "other axes": (saved(np.zeros((1, 4, 5, 3), "f4")), ["1x4x5x3", "1x3x4x5"]),
    "one axis less": (saved(np.zeros((3, 4, 5), "f4")), ["3x4x5", "1x3x4x5"]),
    "a scalar": (saved(np.float32(1)), ["scalar"]),
    "nothing": (b"", []),
    "no array": (b"this is some other file", []),
    "half": (saved(np.zeros(SHAPE, "f4"))[:200], ["240"]),
    "too long": (saved(np.zeros(SHAPE, "f4")) + b"x", ["241"]),
    "a huge shape": (npy(HUGE, b"\0" * 16), ["too many"]),
    "a negative shape": (npy(HUGE.replace("4611686018427387904", "-1")), ["shape"]),
    "no shape": (npy("{'descr': '<f4', 'fortran_order': False, }"), ["shape"]),
    "no order": (npy(HUGE.replace("'fortran_order': False, ", "")), ["order"]),
    "an unfinished type": (npy("{'descr': '<f4"), []),
    "an empty type": (npy("{'descr': ''}"), []),
    "a number beyond floats": (saved(np.full(SHAPE, 1e300)), ["1e+300"]),
    "a version of the future": (b"\x93NUMPY\x09\0" + b"\0" * 100, ["9"]),
}


@pytest.mark.parametrize("fault", WRONG_FILES)
def test_files_that_are_refused(fault, halftone, tmp_path):
    data, words = WRONG_FILES[fault]
    (tmp_path / "x.npy").write_bytes(data)
    done = halftone("run", negation(tmp_path / "net.onnx"), "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path / "none", expect=BAD_INPUT)
    assert done.stderr.count("x.npy") == 1 and all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "none").exists()


# ---- archives ----


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_hold_an_array_an_input(save, rng, halftone, given, tmp_path):
    arrays = {name: rng.normal(size=SHAPE).astype("f4") for name in ("a/b", "c", "spare")}
    save(tmp_path / "all.npz", **arrays)
    model = negation(tmp_path / "net.onnx", names=("c", "a/b"))
    halftone("run", model, "--input", tmp_path / "all.npz", "--output", tmp_path / "seen")
    np.testing.assert_array_equal(-np.load(tmp_path / "seen" / "minus_c.npy"), arrays["c"])
    np.testing.assert_array_equal(-np.load(tmp_path / "seen" / "minus_a_b.npy"), arrays["a/b"])
    # An only input takes an only array, whatever its name, or the one that is asked for.
    single = negation(tmp_path / "single.onnx")
    save(tmp_path / "one.npz", arrays["c"])
    np.testing.assert_array_equal(given(single, tmp_path / "one.npz"), arrays["c"])
    save(tmp_path / "two.npz", x=arrays["c"], y=arrays["spare"])
    np.testing.assert_array_equal(given(single, f"x={tmp_path / 'two.npz'}"), arrays["c"])


def test_archives_that_lack_an_input_or_give_it_twice(halftone, tmp_path):
    model = negation(tmp_path / "net.onnx", names=("a", "b"))
    zeros = np.zeros(SHAPE, "f4")
    np.savez(tmp_path / "some.npz", a=zeros)
    np.savez(tmp_path / "others.npz", c=zeros)
    run = ["run", model, "--output", tmp_path / "none", "--input"]
    assert "b" in halftone(*run, tmp_path / "some.npz", expect=USAGE).stderr
    assert "others.npz" in halftone(*run, tmp_path / "others.npz", expect=BAD_INPUT).stderr
    assert "twice" in halftone(*run, tmp_path / "some.npz", tmp_path / "some.npz", expect=USAGE).stderr
    np.save(tmp_path / "a.npy", zeros)
    assert "NAME=" in halftone(*run, tmp_path / "a.npy", expect=USAGE).stderr
    assert "'q'" in halftone(*run, f"q={tmp_path / 'a.npy'}", expect=USAGE).stderr


def test_archives_of_large_numbers(given, rng, tmp_path):
    """Sizes and places in 64 bits, as archives beyond 4 GiB have them, and a comment at the end."""
    array = rng.normal(size=SHAPE).astype("f4")
    data = saved(array)
    name, crc = b"x.npy", zlib.crc32(data)
    extra = struct.pack("<HHQQ", 1, 16, len(data), len(data))
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra)) + name + extra + data
    extra = struct.pack("<HHH", 0x7777, 2, 5) + struct.pack("<HHQQQ", 1, 24, len(data), len(data), 0)
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0,
                          0xFFFFFFFF) + name + extra
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(central), len(local))
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(local) + len(central), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 11) + b"no end here"
    (tmp_path / "x.npz").write_bytes(local + central + end64 + locator + end)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npz")["x"], array)
    np.testing.assert_array_equal(given(negation(tmp_path / "net.onnx"), tmp_path / "x.npz"), array)


def bomb(claim=None):
    """Some megabytes that unpack to gigabytes of zeros; `claim` is the size that the archive gives."""
    size, piece = 3 << 30, 1 << 24
    header = npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size // 4},), }}")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(header) + deflate.flush(zlib.Z_FULL_FLUSH)
    zeros = deflate.compress(bytes(piece)) + deflate.flush(zlib.Z_FULL_FLUSH)  # depends on nothing before it, so it may be repeated
    packed = start + zeros * (size // piece) + deflate.flush()
    claim, name = claim or len(header) + size, b"x.npy"
    numbers = struct.pack("<IIIHH", 0, len(packed), claim, len(name), 0)
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + numbers + name
    central = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + numbers + bytes(14) + name
    return local + packed + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)


def changed(offset, value, signature=b"PK\1\2"):
    """A sound archive with a number of two bytes changed in a record of its table."""
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros(SHAPE, "f4"))
    data = bytearray(stream.getvalue())
    at = data.rindex(signature) + offset
    data[at:at + 2] = struct.pack("<H", value)
    return bytes(data)


WRONG_ARCHIVES = {
    "empty": (lambda: b"", BAD_INPUT, []),
    "no archive": (lambda: b"x" * 1000, BAD_INPUT, []),
    "a bomb": (bomb, BAD_INPUT, ["more than"]),
    "a bomb that claims little": (lambda: bomb(1000), BAD_INPUT, ["x.npy", "damaged"]),
    "encrypted": (lambda: changed(8, 1), UNSUPPORTED, ["encrypted"]),
    "another method": (lambda: changed(10, 14), UNSUPPORTED, ["14"]),
    "another checksum": (lambda: changed(16, 7), BAD_INPUT, ["x.npy", "damaged"]),
    "another size": (lambda: changed(24, 7), BAD_INPUT, ["x.npy", "damaged"]),
    "a size that cannot be": (lambda: changed(26, 0x3000), BAD_INPUT, ["x.npy", "damaged"]),
    "another place": (lambda: changed(42, 77), BAD_INPUT, ["x.npy", "damaged"]),
    "many members": (lambda: changed(10, 0xFFFE, b"PK\5\6"), BAD_INPUT, []),
    "a table elsewhere": (lambda: changed(18, 0x7000, b"PK\5\6"), BAD_INPUT, []),
}


@pytest.mark.parametrize("fault", WRONG_ARCHIVES)
def test_archives_that_are_refused(fault, halftone, tmp_path):
    make, code, words = WRONG_ARCHIVES[fault]
    (tmp_path / "x.npz").write_bytes(make())
    done = halftone("run", negation(tmp_path / "net.onnx"), "--input", tmp_path / "x.npz", "--output", tmp_path / "none", expect=code, memory=MEMORY)
    assert done.stderr.count("x.npz") == 1 and all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("seed", range(20))
def test_damaged_archives(seed, halftone, tmp_path):
    numbers = random.Random(seed)
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.arange(60, dtype="f4").reshape(SHAPE), y=np.zeros(7))
    data = bytearray(stream.getvalue())
    for _ in range(numbers.randrange(1, 6)):
        data[numbers.randrange(len(data))] = numbers.randrange(256)
    (tmp_path / "x.npz").write_bytes(data[:numbers.choice([len(data), numbers.randrange(len(data))])])
    halftone("run", negation(tmp_path / "net.onnx"), "--input", f"x={tmp_path / 'x.npz'}", "--output", tmp_path / "seen",
             expect=(0, USAGE, BAD_INPUT, UNSUPPORTED), memory=MEMORY)


# ---- samples ----


@pytest.fixture
def small_net(tmp_path):
    """A small classifier of arrays, and samples of it."""
    rng = np.random.default_rng(5)
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 3, 3, 3], rng.normal(size=108).astype("f4"))
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["r"], name="relu"),
             helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"), helper.make_node("Flatten", ["p"], ["y"], name="flatten")]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])], [weights])
    (tmp_path / "net.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return tmp_path / "net.onnx", rng.normal(size=(24, 3, 8, 8)).astype("f4")


def test_rows_files_lists_and_patterns_are_the_same_samples(small_net, halftone, tmp_path):
    model, samples = small_net
    np.save(tmp_path / "rows.npy", samples)
    np.save(tmp_path / "reals.npy", np.asfortranarray(samples.astype("f8")))
    np.savez_compressed(tmp_path / "rows.npz", x=samples)
    for i, sample in enumerate(samples):
        folder = tmp_path / "files" / f"part{i // 12}"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{i:02}.npy", sample)  # without the leading axis
    np.savez(tmp_path / "files" / "part0" / "05.npz", x=samples[5:6])
    (tmp_path / "files" / "part0" / "05.npy").unlink()
    (tmp_path / "list.txt").write_text("".join(f"files/{path.parent.name}/{path.name}\n" for path in sorted((tmp_path / "files").glob("*/*"))))
    models = {}
    for images in ("rows.npy", ["rows.npy"], "reals.npy", "rows.npz", "files/*/*", "list.txt"):
        recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": "net.onnx"}, "calibration": {"images": images, "count": 24}})
        halftone("quantize", recipe, "-o", tmp_path / "out.onnx")
        data = (tmp_path / "out.onnx").read_bytes()
        # Only the hash of the data may tell them apart.
        models[str(images)] = data[:data.index(b'"data"')]
    assert len(set(models.values())) == 1, models.keys()


def test_samples_of_other_shapes_are_refused(small_net, halftone, tmp_path):
    _, samples = small_net
    for name, array, words in [("axes", samples.transpose(0, 2, 3, 1), ["8x8x3", "1x3x8x8"]), ("flat", samples.reshape(24, -1), ["192"]),
                               ("scalar", np.float32(3), ["axis"]), ("none", samples[:0], ["axis"]), ("objects", np.array([None] * 3), ["'|O'"])]:
        np.save(tmp_path / "rows.npy", array, allow_pickle=True)
        recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": "net.onnx"}, "calibration": {"images": ["rows.npy"]}})
        done = halftone("quantize", recipe, "-o", tmp_path / "out.onnx", expect=BAD_INPUT)
        assert done.stderr.count("rows.npy") == 1 and all(word in done.stderr for word in words), (name, done.stderr)
        assert not (tmp_path / "out.onnx").exists()


def test_photos_without_preprocessing_say_so(small_net, halftone, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(b"")
    recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": "net.onnx"}, "calibration": {"images": "photos"}})
    assert "[preprocess]" in halftone("quantize", recipe, "-o", tmp_path / "out.onnx", expect=BAD_INPUT).stderr


def test_classes_of_arrays_by_folder_and_by_list(small_net, halftone, tmp_path):
    model, samples = small_net
    expected = top_classes(model, samples)
    for i, (sample, label) in enumerate(zip(samples, expected)):
        folder = tmp_path / "classes" / f"class{label if i % 3 else (label + 1) % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{i:02}.npy", sample)
    for c in range(4):
        (tmp_path / "classes" / f"class{c}").mkdir(exist_ok=True)
    wrong = len(range(0, 24, 3)) / 24
    lines = [f"{p.relative_to(tmp_path / 'classes')},{p.parent.name}\n" for p in sorted((tmp_path / "classes").glob("*/*.npy"))]
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(lines))
    sections = {"model": {"path": "net.onnx"}, "task": {"type": "classification", "classes": [f"class{c}" for c in range(4)]}}
    results = []
    for data in ({"images": "classes"}, {"images": "classes", "annotations": "labels.csv"}):
        recipe = write_recipe(tmp_path / "net.toml", {**sections, "validation": data})
        results.append(halftone.json("validate", recipe)["float"])
        assert results[-1]["top1"] == pytest.approx(1 - wrong)
    assert results[0] == results[1]


def top_classes(model, samples):
    import onnxruntime
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return [int(session.run(None, {"x": sample[None]})[0].argmax()) for sample in samples]


def test_task_none_against_onnxruntime_and_numpy(small_net, halftone, tmp_path):
    """Signal-to-noise ratio, cosine and largest error of all outputs."""
    import onnxruntime
    _, samples = small_net
    np.save(tmp_path / "rows.npy", samples)
    data = {"images": ["rows.npy"]}
    recipe = write_recipe(tmp_path / "net.toml", {"model": {"path": "net.onnx"}, "task": {"type": "none"}, "calibration": data, "validation": data})
    # In uint8 with free scales ONNX Runtime computes the same integers but for ties.
    halftone("quantize", recipe, "-o", tmp_path / "out.onnx", "--target", "onnxruntime")
    result = halftone.json("validate", recipe, "--model", tmp_path / "out.onnx")
    real, ours = [np.concatenate([onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"]).run(None, {"x": s[None]})[0]
                                  for s in samples]).astype("f8") for name in ("net.onnx", "out.onnx")]
    assert result["images"] == 24 and [output["name"] for output in result["outputs"]] == ["y"]
    output = result["outputs"][0]
    assert output["snr_db"] == pytest.approx(10 * np.log10((real**2).sum() / ((ours - real)**2).sum()), abs=0.5)
    assert output["cosine"] == pytest.approx((real * ours).sum() / np.sqrt((real**2).sum() * (ours**2).sum()), abs=1e-4)
    assert output["max_error"] == pytest.approx(np.abs(ours - real).max(), rel=0.1)
