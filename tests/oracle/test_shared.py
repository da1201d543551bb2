# SPDX-License-Identifier: Apache-2.0
"""Real detectors and classifiers, where their data lies beside the repository: what Halftone promises about them."""
import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from conftest import write_recipe
from places import long_test, shared

CARELESS = ["--ranges", "minmax", "--granularity", "tensor", "--head", "quantize", "--target", "onnxruntime"]
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
DETECTORS = {
    "yolox": {"file": "yolox_nano.onnx",
              "preprocess": {"size": [416, 416], "resize": "letterbox", "place": "top-left", "color": "bgr"},
              "task": {"head": "yolox", "strides": [8, 16, 32], "nms_threshold": 0.65}},
    "fastestdet": {"file": "fastestdet.onnx",
                   "preprocess": {"size": [352, 352], "resize": "stretch", "color": "bgr", "std": [255.0, 255.0, 255.0]},
                   "task": {"head": "fastestdet", "strides": [16], "nms_threshold": 0.45}},
    "picodet": {"file": "picodet_s_320.onnx",
                "preprocess": {"size": [320, 320], "resize": "stretch", "color": "rgb", "interpolation": "cubic", **IMAGENET},
                "task": {"head": "nanodet", "strides": [8, 16, 32, 64], "center_offset": 0.5, "score_threshold": 0.025,
                         "nms_threshold": 0.6, "multi_label": True}},
}
FLOAT_AP = {"yolox": 0.316, "fastestdet": 0.1793, "picodet": 0.3193}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def recipe_of(folder):
    def make(name):
        detector, coco = DETECTORS[name], shared("data", "coco")
        return write_recipe(folder / f"{name}.toml", {
            "model": {"path": str(shared("data", "models", detector["file"]))},
            "preprocess": detector["preprocess"],
            "task": {"type": "detection", "classes": "coco80", **detector["task"]},
            "calibration": {"images": str(coco / "calibration"), "count": 100},
            "validation": {"images": str(coco / "val" / "images"), "annotations": str(coco / "val" / "instances.json")},
        })

    return make


@pytest.fixture(scope="module")
def quantized(halftone, folder, recipe_of):
    """(what `quantize` said, the file), made once a detector and set of flags."""
    made = {}

    def make(name, *flags):
        if (name, flags) not in made:
            path = folder / f"{name}{len(made)}.onnx"
            made[name, flags] = (halftone.json("quantize", recipe_of(name), "-o", path, *flags), path)
        return made[name, flags]

    return make


def score(*arguments):
    """The AP that the reference scorer finds."""
    coco = shared("data", "coco", "val")
    program = Path(__file__).parent / "exact_score.py"
    done = subprocess.run([sys.executable, program, shared("tools", "score.py"), *map(str, arguments), "--instances", coco / "instances.json", "--json"],
                          capture_output=True, text=True, check=True, timeout=900)
    return json.loads(done.stdout)["AP"] / 100


def score_model(name, path):
    return score(path, "--head", name, "--images", shared("data", "coco", "val") / "images", "--threads", 2)


def validate(halftone, recipe, *arguments):
    result = halftone.json("validate", recipe, *arguments)
    print({key: result[key] for key in ("drop", "outputs", "agreement", "seconds") if key in result})
    return result


# ---- detectors ----


@pytest.mark.parametrize("name", DETECTORS)
def test_float_ap(name, halftone, recipe_of, folder):
    found = folder / f"{name}_float.json"
    result = validate(halftone, recipe_of(name), "--detections", found)
    assert result["images"] == 220
    assert result["float"]["AP"] == pytest.approx(FLOAT_AP[name], abs=0.001)
    assert result["float"]["AP"] == pytest.approx(score("--detections", found), abs=1e-5)


@long_test
@pytest.mark.parametrize("name", DETECTORS)
def test_float_ap_of_the_reference_scorer(name):
    assert score_model(name, shared("data", "models", DETECTORS[name]["file"])) == pytest.approx(FLOAT_AP[name], abs=0.0005)


# AP on 220 photos moves by half a point with every small change, so the long run looks at the mean over some sizes of the calibration set.
CALIBRATION_SIZES = [100, 90, 80] if os.environ.get("HALFTONE_FULL") else [100]


@pytest.fixture(scope="module")
def drops(halftone, recipe_of, quantized, folder):
    """Points of AP lost in our session and in ONNX Runtime, on average over the calibration sizes."""
    made = {}

    def make(name, target):
        if (name, target) not in made:
            ours, theirs = [], []
            for count in CALIBRATION_SIZES:
                recipe, path = recipe_of(name), quantized(name)[1]
                if count != 100 or target != "native":
                    recipe, path = folder / f"{name}_{count}.toml", folder / f"{name}_{target}_{count}.onnx"
                    recipe.write_text(recipe_of(name).read_text().replace("count = 100", f"count = {count}"))
                    halftone("quantize", recipe, "-o", path, "--target", target)
                ours.append(validate(halftone, recipe, "--model", path)["drop"])
                theirs.append(100 * (FLOAT_AP[name] - score_model(name, path)))
            print(name, target, "points lost by calibration size, ours:", ours, "ONNX Runtime:", theirs)
            made[name, target] = np.mean(ours), np.mean(theirs)
        return made[name, target]

    return make


@pytest.mark.parametrize("name", ["yolox", "fastestdet"])
def test_drop(name, drops):
    """Both engines run the same file and round floats differently, which moves AP on these photos by some tenths of a point either way."""
    ours, theirs = drops(name, "native")
    assert (ours + theirs) / 2 <= 0.4 and max(ours, theirs) <= 0.7
    assert ours == pytest.approx(theirs, abs=0.8 / len(CALIBRATION_SIZES) ** 0.5)


@long_test
@pytest.mark.parametrize("name, most", [("yolox", 1.5), ("fastestdet", 1.0)])
def test_drop_of_files_for_onnxruntime(name, most, drops):
    """There Q/DQ stands in front of each activation, which costs more."""
    ours, theirs = drops(name, "onnxruntime")
    assert ours <= most and theirs <= most


def test_picodet_runs_and_shows_its_drop(halftone, recipe_of, quantized):
    result = validate(halftone, recipe_of("picodet"), "--model", quantized("picodet")[1])
    assert result["drop"] is not None and 0 < result["quantized"]["AP"] < 1


def test_careless_yolox_collapses(halftone, recipe_of, quantized):
    assert validate(halftone, recipe_of("yolox"), "--model", quantized("yolox", *CARELESS)[1])["quantized"]["AP"] < 0.15


def test_quantize_says_what_it_did_about_difficult_values(quantized):
    made, _ = quantized("yolox")
    assert made["notes"] and made["float_nodes"]


@pytest.mark.parametrize("name", DETECTORS)
def test_memory_and_size(name, quantized):
    made, path = quantized(name)
    assert made["peak_rss_bytes"] < 700 << 20
    # A quarter, the few layers in float, and what a small file spends on names and scales.
    assert path.stat().st_size == made["quantized_bytes"] < 0.55 * made["float_bytes"]


def test_memory_of_ranges_alone(quantized):
    assert quantized("yolox", "--fast")[0]["peak_rss_bytes"] < 300 << 20


@long_test
def test_same_bytes_with_any_number_of_threads(halftone, recipe_of, quantized, folder):
    halftone("quantize", recipe_of("yolox"), "-o", folder / "one_thread.onnx", "--threads", 1)
    assert (folder / "one_thread.onnx").read_bytes() == quantized("yolox")[1].read_bytes()


@long_test
@pytest.mark.parametrize("name", DETECTORS)
def test_same_ap_with_any_number_of_threads(name, halftone, recipe_of, quantized):
    results = [validate(halftone, recipe_of(name), "--model", quantized(name)[1], "--threads", n, "--limit", 60) for n in (1, 2)]
    assert results[0]["quantized"] == results[1]["quantized"] and results[0]["float"] == results[1]["float"]


@long_test
def test_same_ap_with_any_instruction_set(halftone, recipe_of, quantized, folder):
    """Every box too: the file of detections is the same, byte for byte. The recipe's float network would be another one on each."""
    x86 = ["c", "avx2", "avx512vnni", "amx"]
    usable = x86[: x86.index(halftone.json("kernels")["detected_isa"]) + 1]
    _, path = quantized("yolox")
    photos = shared("data", "coco", "val")
    found = {}
    for isa in usable:
        detections = folder / f"{isa}.json"
        result = validate(halftone, path, "--images", photos / "images", "--annotations", photos / "instances.json", "--isa", isa, "--detections", detections)
        found[isa] = result["quantized"], detections.read_bytes()
    assert len(usable) > 1 and all(figures == found["c"] for figures in found.values())


# ---- classifiers ----

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
PERSON, LEAST_SHARE = 1, 0.005


def cifar_recipe(folder):
    photos = shared("data", "tiny", "cifar10")
    listed = [path for name in CIFAR for path in sorted((photos / name).iterdir())[:10]]
    (folder / "cifar.txt").write_text("\n".join(map(str, listed)) + "\n")
    return {
        "model": {"path": str(shared("data", "models", "tiny", "model_ic.onnx")), "input_shape": [1, 3, 32, 32]},
        "preprocess": {"size": [32, 32], "resize": "none", "color": "rgb", "mean": [125.307, 122.961, 113.858], "std": [51.587, 50.847, 51.255]},
        "task": {"type": "classification", "classes": CIFAR},
        "calibration": {"images": str(folder / "cifar.txt"), "count": 100},
        "validation": {"images": str(photos)},
    }


def keyword_recipe(folder):
    inputs = str(shared("data", "tiny", "kws_inputs.npy"))
    return {
        "model": {"path": str(shared("data", "models", "tiny", "model_kws.onnx"))},
        "task": {"type": "classification"},
        "calibration": {"images": [inputs], "count": 100},
        "validation": {"images": [inputs], "annotations": str(shared("data", "tiny", "kws_labels.csv"))},
    }


def person_recipe(folder):
    coco = shared("data", "coco")
    truth = json.loads((coco / "val" / "instances.json").read_text())
    area = {image["id"]: image["width"] * image["height"] for image in truth["images"]}
    people = {a["image_id"] for a in truth["annotations"] if a["category_id"] == PERSON and a["area"] > LEAST_SHARE * area[a["image_id"]]}
    with open(folder / "people.csv", "w", newline="") as file:
        csv.writer(file).writerows([image["file_name"], int(image["id"] in people)] for image in truth["images"])
    return {
        "model": {"path": str(shared("data", "models", "tiny", "vww_96_float.onnx"))},
        "preprocess": {"size": [96, 96], "resize": "stretch", "color": "rgb", "std": [255.0, 255.0, 255.0]},
        "task": {"type": "classification", "classes": ["nobody", "person"]},
        "calibration": {"images": str(coco / "calibration"), "count": 100},
        "validation": {"images": str(coco / "val" / "images"), "annotations": str(folder / "people.csv")},
    }


CLASSIFIERS = {"model_ic": cifar_recipe, "model_kws": keyword_recipe, "vww": person_recipe}


@pytest.mark.parametrize("target", ["native", "onnxruntime", "cortex-m"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_agrees_with_float(name, target, halftone, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.toml", CLASSIFIERS[name](tmp_path))
    halftone("quantize", recipe, "-o", tmp_path / "int8.onnx", "--target", target)
    result = validate(halftone, recipe, "--model", tmp_path / "int8.onnx")
    assert result["agreement"] >= (0.97 if name == "model_ic" else 0.98)  # it has 500 samples, of which 11 fall to the other side
    assert result["drop"] == pytest.approx(100 * (result["float"]["top1"] - result["quantized"]["top1"]), abs=1e-9)


def test_keyword_accuracy_of_onnxruntime(halftone, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.toml", keyword_recipe(tmp_path))
    session = onnxruntime.InferenceSession(shared("data", "models", "tiny", "model_kws.onnx"), providers=["CPUExecutionProvider"])
    inputs = np.load(shared("data", "tiny", "kws_inputs.npy"))
    with contextlib.closing(io.StringIO(shared("data", "tiny", "kws_labels.csv").read_text())) as text:
        labels = [int(row["label"]) for row in csv.DictReader(text)]
    name = session.get_inputs()[0].name
    right = [session.run(None, {name: inputs[i:i + 1]})[0].argmax() == label for i, label in enumerate(labels)]
    assert validate(halftone, recipe)["float"]["top1"] == pytest.approx(np.mean(right), abs=1e-9)
