# SPDX-License-Identifier: Apache-2.0
"""The program's contract in docs/INTERFACE.md: exit codes, streams, the same bytes every time, nothing left behind."""
import json
import resource
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest

from conftest import street_sections, write_recipe
from places import STREET

DONE, DEMAND_NOT_MET, USAGE, BAD_INPUT, UNSUPPORTED, INTERRUPTED = 0, 1, 2, 3, 4, 130
COMMANDS = ["init", "inspect", "calibrate", "merge", "quantize", "analyze", "validate", "run", "compare", "bench", "kernels", "search"]
DETECTOR = STREET / "detector.onnx"
PHOTO = STREET / "val" / "000.jpg"


@pytest.fixture(scope="module")
def quantized(halftone, tmp_path_factory):
    path = tmp_path_factory.mktemp("quantized") / "street_int8.onnx"
    halftone("quantize", STREET / "street.toml", "-o", path)
    return path


# ---- usage ----


@pytest.mark.parametrize("arguments", [
    [], ["frobnicate"], ["inspect"], ["inspect", DETECTOR, "--frobnicate"], ["inspect", DETECTOR, "--threads", "0"],
    ["inspect", DETECTOR, "--threads", "many"], ["inspect", DETECTOR, "--isa", "sse"], ["quantize", STREET / "street.toml"],
    ["calibrate", STREET / "street.toml", "-o", "x.stats", "--shard", "3/2"],
    ["calibrate", STREET / "street.toml", "-o", "x.stats", "--shard", "0/2"],
    ["run", DETECTOR], ["run", DETECTOR, "--image", PHOTO, "-o", "boxes.txt"], ["run", DETECTOR, "--input", "x.npy"],
    ["bench", DETECTOR, "--runs", "-1"], ["validate", STREET / "street.toml", "--limit", "0"],
    ["validate", STREET / "street.toml", "--max-drop", "nan"], ["search", STREET / "street.toml", "-o", "x.onnx", "--max-drop", "inf"],
    ["search", STREET / "street.toml", "-o", "x.onnx", "--max-ms", "nan"], ["run", DETECTOR, "--image", PHOTO, "--score-threshold", "nan"],
    ["compare", DETECTOR, "a" * 300],
], ids=lambda arguments: " ".join(str(a).rsplit("/", 1)[-1] for a in arguments) or "nothing")
def test_wrong_usage(arguments, halftone, tmp_path):
    done = halftone(*arguments, expect=USAGE, cwd=tmp_path)
    assert done.stdout == "" and done.stderr.startswith("halftone: ")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_named(halftone):
    said = halftone("frobnicate", "x.onnx", expect=USAGE).stderr
    assert "'frobnicate'" in said and all(command in said for command in COMMANDS)


def test_a_wrong_number_is_named_in_few_words(halftone):
    said = halftone("bench", DETECTOR, "--runs", "0", expect=USAGE).stderr
    assert "--runs" in said and "'0'" in said and len(said) < 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command, halftone):
    assert f"  halftone {command}" in halftone(command, "--help").stdout


def test_help_and_version(halftone):
    text = halftone("--help").stdout
    assert all(command in text for command in COMMANDS)
    assert halftone("--version").stdout.startswith("halftone ")


@pytest.mark.parametrize("command", ["export"])
def test_planned_commands_say_so(command, halftone):
    assert command in halftone(command, "model.onnx", "--whatever", expect=UNSUPPORTED).stderr


def test_isa_from_the_environment(halftone, monkeypatch):
    monkeypatch.setenv("HALFTONE_ISA", "c")
    assert halftone.json("kernels")["allowed_isa"] == "c"
    assert halftone.json("kernels", "--isa", "avx2")["allowed_isa"] == "avx2"
    monkeypatch.setenv("HALFTONE_ISA", "sse")
    halftone("kernels", expect=USAGE)


def test_isa_of_another_processor_is_not_claimed(halftone):
    other = "neon" if halftone.json("kernels")["detected_isa"] not in ("neon", "dotprod", "i8mm") else "avx2"
    assert halftone.json("kernels", "--isa", other)["allowed_isa"] == "c"


# ---- streams ----


def test_json_is_one_document(halftone, quantized, street_recipe, tmp_path):
    assert halftone.json("inspect", DETECTOR)["kind"] == "float model"
    assert halftone.json("inspect", quantized)["kind"] == "quantized model"
    made = halftone.json("quantize", street_recipe(), "-o", tmp_path / "out.onnx")
    assert made["output"] == str(tmp_path / "out.onnx")
    assert made["quantized_bytes"] == (tmp_path / "out.onnx").stat().st_size < made["float_bytes"] == DETECTOR.stat().st_size
    assert made["quantized_nodes"] > 0 and made["seconds"] > 0 and made["peak_rss_bytes"] > 1 << 20
    assert made["float_nodes"] and all(node["name"] and node["op"] and node["reason"] for node in made["float_nodes"])
    checked = halftone.json("validate", STREET / "street.toml", "--model", quantized, "--limit", 5)
    assert checked["images"] == 5 and {"AP", "AP50", "AP_small", "AR_100"} <= checked["float"].keys() == checked["quantized"].keys()
    measured = halftone.json("bench", quantized, "--runs", 3, "--per-layer", "--threads", 1)
    assert measured["threads"] == 1 and measured["runs"] == 3 and measured["min_ms"] <= measured["median_ms"] <= measured["p90_ms"]
    assert {"isa", "load_ms", "peak_rss_bytes", "macs", "conversions"} <= measured.keys()
    assert all({"name", "op", "ms", "macs", "kernel"} <= layer.keys() for layer in measured["layers"]) and measured["layers"]
    assert halftone.json("calibrate", street_recipe(), "-o", tmp_path / "out.stats")["images"] == 8
    assert halftone.json("inspect", tmp_path / "out.stats")["kind"] == "statistics"


def test_quiet_says_nothing(halftone, street_recipe, tmp_path):
    assert halftone("calibrate", street_recipe(), "-o", tmp_path / "out.stats", "--quiet").stderr == ""


def test_full_disk_is_an_error(halftone):
    with open("/dev/full", "w") as full:
        done = subprocess.run([halftone.path, "kernels"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == BAD_INPUT and "standard output" in done.stderr


def test_closed_reader_is_no_crash(halftone):
    process = halftone.start("inspect", DETECTOR, "--json")
    process.stdout.close()
    assert process.wait(60) in (DONE, BAD_INPUT)


# ---- outputs, whole or not at all ----


def test_output_into_a_folder_that_is_not_there(halftone, street_recipe, tmp_path):
    done = halftone("quantize", street_recipe(), "-o", tmp_path / "nowhere" / "out.onnx", expect=BAD_INPUT)
    assert "nowhere" in done.stderr and not (tmp_path / "nowhere").exists()
    assert "calibrate" not in done.stderr  # known before the work


@pytest.fixture
def inputs(halftone, quantized, tmp_path):
    """A file of each kind that a command reads, in a folder of its own."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for source, name in [(DETECTOR, "float.onnx"), (quantized, "int8.onnx"), (STREET / "val.json", "val.json"), (PHOTO, "photo.jpg")]:
        (folder / name).write_bytes(source.read_bytes())
    (folder / "photos.txt").write_text(f"{PHOTO}\n")
    write_recipe(folder / "recipe.toml", street_sections(), {
        "model.path": "float.onnx", "calibration.images": "photos.txt", "validation.annotations": "val.json"})
    halftone("calibrate", folder / "recipe.toml", "-o", folder / "seen.stats")
    (folder / "link.onnx").symlink_to(folder / "float.onnx")
    return folder


@pytest.mark.parametrize("line", [
    "init float.onnx -o float.onnx", "inspect float.onnx --csv float.onnx", "inspect float.onnx --stats seen.stats --csv seen.stats",
    "calibrate recipe.toml -o recipe.toml", "calibrate recipe.toml -o float.onnx", "calibrate recipe.toml -o photos.txt", "merge seen.stats -o seen.stats",
    "quantize recipe.toml -o recipe.toml", "quantize recipe.toml -o float.onnx", "quantize recipe.toml -o ../inputs/float.onnx",
    "quantize recipe.toml -o link.onnx", "quantize recipe.toml --stats seen.stats -o seen.stats", "analyze recipe.toml --csv recipe.toml",
    "validate recipe.toml --model int8.onnx --detections int8.onnx", "validate recipe.toml --detections val.json",
    "run int8.onnx --image photo.jpg -o photo.jpg", "search recipe.toml --max-bits 8 -o float.onnx", "search recipe.toml --max-bits 8 -o recipe.onnx",
    "search recipe.toml --max-bits 8 -o out.onnx --recipe-out float.onnx", "search recipe.toml --max-bits 8 -o out.toml",
    "search recipe.toml --max-bits 8 -o out.onnx --recipe-out ../inputs/out.onnx",
])
def test_nothing_is_written_over_what_is_read(line, halftone, inputs):
    before = {path.name: path.read_bytes() for path in inputs.iterdir()}
    done = halftone(*line.split(), cwd=inputs, expect=USAGE)
    assert "name another file" in done.stderr and done.stdout == ""
    assert {path.name: path.read_bytes() for path in inputs.iterdir()} == before


@pytest.fixture
def many_photos(tmp_path):
    """A folder with so many photos that a run takes seconds."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for turn in range(40):
        for photo in (STREET / "calibration").iterdir():
            (folder / f"{turn:02}_{photo.name}").symlink_to(photo)
    return folder


@pytest.mark.parametrize("command", ["calibrate", "quantize", "validate"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_nothing_behind(command, number, halftone, street_recipe, many_photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    changes = {"calibration.images": str(many_photos), "calibration.count": 4000}
    if command == "validate":
        scenes = json.loads((STREET / "val.json").read_text())
        photos = sorted(path.name for path in many_photos.iterdir())
        scenes["images"] = [{**scenes["images"][0], "id": i + 1, "file_name": name} for i, name in enumerate(photos)]
        scenes["annotations"] = []
        (tmp_path / "many.json").write_text(json.dumps(scenes))
        changes |= {"validation.images": str(many_photos), "validation.annotations": str(tmp_path / "many.json")}
    target = ["--detections", out / "found.json"] if command == "validate" else ["-o", out / "file.onnx"]
    process = halftone.start(command, street_recipe(changes), *target)
    assert process.stderr.readline(), "no progress was shown"
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, stderr
    assert stdout == "" and "interrupted" in stderr
    assert list(out.iterdir()) == []


def test_interrupt_stops_an_import(halftone, tmp_path):
    node, floats = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    chain = [n for i in range(3000) for n in (node("Expand", [f"c{i}", "size"], [f"e{i}"]), node("ReduceSum", [f"e{i}"], [f"c{i + 1}"], keepdims=0))]
    size = onnx.helper.make_tensor("size", onnx.TensorProto.INT64, [1], [4_000_000])
    first = onnx.helper.make_tensor("c0", onnx.TensorProto.FLOAT, [], [1])
    graph = onnx.helper.make_graph([*chain, node("Add", ["c3000", "x"], ["y"])], "net", [floats("x", 1, [1])], [floats("y", 1, [1])], [size, first])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    process = halftone.start("inspect", tmp_path / "net.onnx")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED and stdout == "" and "interrupted" in stderr


def test_interrupt_stops_a_dump(halftone, tmp_path):
    """The first file that appears tells that values are being written; one of them is so large that many are left."""
    process = halftone.start("run", DETECTOR, "--image", PHOTO, "--dump-values", tmp_path / "values")
    end = time.monotonic() + 60
    while not any(tmp_path.rglob("*.npy")) and time.monotonic() < end:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGXFSZ])
def test_other_signals_leave_nothing_behind(number, halftone, street_recipe, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    if number == signal.SIGXFSZ:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))  # noqa: E731
        done = subprocess.run([halftone.path, "quantize", street_recipe(), "-o", out / "out.onnx"], capture_output=True, text=True, preexec_fn=limit)
        assert done.returncode == BAD_INPUT and "File too large" in done.stderr
    else:
        heard = lambda: signal.signal(number, signal.SIG_DFL)  # noqa: E731  (tests under nohup ignore it)
        arguments = [halftone.path, "quantize", street_recipe({"calibration.count": 100}), "-o", out / "out.onnx"]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
        assert process.stderr.readline(), "no progress was shown"
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == INTERRUPTED
    assert list(out.iterdir()) == []


def test_too_little_memory_is_an_error(halftone, tmp_path):
    net = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "net", [onnx.helper.make_tensor_value_info("x", 1, [1 << 28])],
                                 [onnx.helper.make_tensor_value_info("y", 1, [1 << 28])])
    onnx.save(onnx.helper.make_model(net, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    said = halftone("bench", tmp_path / "net.onnx", "--runs", 1, "--threads", 1, expect=BAD_INPUT, memory=1 << 30).stderr
    assert "memory" in said


def test_a_picture_may_end_in_capitals(halftone, tmp_path):
    halftone("run", DETECTOR, "--image", PHOTO, "-o", tmp_path / "boxes.JPG")
    assert (tmp_path / "boxes.JPG").read_bytes().startswith(b"\xff\xd8")


# ---- the same bytes every time ----


def test_quantize_gives_the_same_bytes(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 20})
    files = []
    for number, threads in enumerate([1, 2, 2, 3]):
        files.append(tmp_path / f"{number}.onnx")
        halftone("quantize", recipe, "-o", files[-1], "--threads", threads)
    assert len({path.read_bytes() for path in files}) == 1


def test_shards_merge_to_one_run(halftone, street_recipe, tmp_path):
    recipe = street_recipe({"calibration.count": 20})
    halftone("calibrate", recipe, "-o", tmp_path / "whole.stats", "--threads", 2)
    shards = [tmp_path / f"{i}.stats" for i in (1, 2, 3)]
    for number, shard in enumerate(shards, 1):
        halftone("calibrate", recipe, "-o", shard, "--shard", f"{number}/3", "--threads", 1)
    halftone("merge", *reversed(shards), "-o", tmp_path / "merged.stats")
    halftone("merge", *shards[:2], "-o", tmp_path / "two.stats")
    halftone("merge", tmp_path / "two.stats", shards[2], "-o", tmp_path / "nested.stats")
    whole = (tmp_path / "whole.stats").read_bytes()
    assert (tmp_path / "merged.stats").read_bytes() == whole == (tmp_path / "nested.stats").read_bytes()
    halftone("quantize", recipe, "-o", tmp_path / "direct.onnx")
    halftone("quantize", recipe, "--stats", tmp_path / "merged.stats", "-o", tmp_path / "merged.onnx")
    assert (tmp_path / "direct.onnx").read_bytes() == (tmp_path / "merged.onnx").read_bytes()


def test_metric_does_not_depend_on_threads(halftone, quantized):
    results = [halftone.json("validate", STREET / "street.toml", "--model", quantized, "--limit", 40, "--threads", n) for n in (1, 2)]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]


@pytest.mark.parametrize("isa", ["c", "avx2"])
def test_integers_do_not_depend_on_the_instruction_set(isa, halftone, quantized):
    assert halftone.json("run", quantized, "--image", PHOTO, "--isa", isa) == halftone.json("run", quantized, "--image", PHOTO)


def test_kernels_equal_their_reference(halftone):
    kernels = halftone.json("kernels", "--check")["kernels"]
    assert {kernel["operation"] for kernel in kernels if kernel["equal"] is not True} == set()
    assert {"conv", "copy", "softmax", "reduce_f32"} <= {kernel["operation"] for kernel in kernels}


# ---- recipes that the program writes ----


def test_init_gives_a_recipe_that_works(halftone, tmp_path):
    halftone("init", DETECTOR, "-o", tmp_path / "made.toml")
    text = (tmp_path / "made.toml").read_text()
    assert "yolov8" in text
    assert halftone("init", DETECTOR, cwd=DETECTOR.parent).stdout.count("[") >= text.count("[")


# ---- raw tensors ----


def test_run_on_arrays(halftone, quantized, tmp_path):
    halftone("run", quantized, "--image", PHOTO, "--dump-values", tmp_path / "values")
    values = {path.stem: np.load(path) for path in (tmp_path / "values").glob("*.npy")}
    assert "images" in values and "output0" in values
    np.save(tmp_path / "x.npy", values["images"])
    halftone("run", quantized, "--input", f"images={tmp_path / 'x.npy'}", "--output", tmp_path / "outputs")
    np.testing.assert_array_equal(np.load(tmp_path / "outputs" / "output0.npy"), values["output0"])
    np.save(tmp_path / "wrong.npy", values["images"][:, :1])
    halftone("run", quantized, "--input", tmp_path / "wrong.npy", "--output", tmp_path / "none", expect=BAD_INPUT)
    assert not (tmp_path / "none").exists()


def test_outputs_appear_together_or_not_at_all(halftone, tmp_path):
    """The second of two outputs cannot be written: its file would be larger than files may be."""
    node, floats = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph([node("Neg", ["x"], ["small"]), node("Concat", ["x"] * 99, ["large"], axis=0)], "net", [floats("x", 1, [1000])],
                                   [floats("small", 1, [1000]), floats("large", 1, [99000])])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", np.ones(1000, np.float32))
    command = [halftone.path, "run", tmp_path / "net.onnx", "--input", tmp_path / "x.npy", "--output", tmp_path / "outputs"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))  # noqa: E731
    assert subprocess.run(command, capture_output=True, preexec_fn=limit).returncode == BAD_INPUT
    assert list((tmp_path / "outputs").iterdir()) == []
    assert subprocess.run(command, capture_output=True).returncode == DONE
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == ["large.npy", "small.npy"]
