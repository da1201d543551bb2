# SPDX-License-Identifier: Apache-2.0
"""The sample detector end to end, against ONNX Runtime and pycocotools."""
import json
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from conftest import street_sections, write_recipe
from places import STREET, long_test

sys.path.insert(0, str(STREET))
import evaluate  # noqa: E402  the sample's own scorer, which shares nothing with Halftone

RECIPE, DETECTOR, VAL, TRUTH = STREET / "street.toml", STREET / "detector.onnx", STREET / "val", STREET / "val.json"
CARELESS = ["--ranges", "minmax", "--granularity", "tensor", "--head", "quantize", "--target", "onnxruntime"]
FIGURES = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("street")


@pytest.fixture(scope="module", params=["native", "onnxruntime", "openvino", "cortex-m"])
def quantized(request, halftone, folder):
    path = folder / f"{request.param}.onnx"
    halftone("quantize", RECIPE, "-o", path, "--target", request.param)
    return path


@pytest.fixture(scope="module")
def careless(halftone, folder):
    path = folder / "careless.onnx"
    halftone("quantize", RECIPE, "-o", path, *CARELESS)
    return path


@pytest.fixture(scope="module")
def float_ap():
    return evaluate.coco_figures(evaluate.detect(DETECTOR, VAL, TRUTH), TRUTH)[0]


def figures_of(detections):
    return dict(zip(FIGURES, map(float, evaluate.coco_figures(json.loads(detections.read_text()), TRUTH))))


def test_float_figures(halftone, folder, float_ap):
    found = folder / "float.json"
    result = halftone.json("validate", RECIPE, "--detections", found)
    assert result["images"] == 200 and result["quantized"] is None and result["drop"] is None
    assert result["float"] == pytest.approx(figures_of(found), abs=1e-6)
    assert 0.3 < result["float"]["AP"] == pytest.approx(float_ap, abs=0.001)


def test_drop_is_small(halftone, folder, quantized):
    found = folder / "quantized.json"
    result = halftone.json("validate", RECIPE, "--model", quantized, "--detections", found)
    assert result["quantized"] == pytest.approx(figures_of(found), abs=1e-6)
    assert result["drop"] == pytest.approx(100 * (result["float"]["AP"] - result["quantized"]["AP"]), abs=1e-9)
    # There activations are computed from 8 bits, which costs more.
    assert result["drop"] <= (2.0 if quantized.stem == "onnxruntime" else 1.0)
    assert result["quantized_bytes"] == quantized.stat().st_size


def test_model_alone_is_enough(halftone, quantized):
    alone = halftone.json("validate", quantized, "--images", VAL, "--annotations", TRUTH)
    assert alone["float"] is None
    assert alone["quantized"] == halftone.json("validate", RECIPE, "--model", quantized)["quantized"]


def test_onnxruntime_finds_the_same(halftone, quantized):
    ours = halftone.json("validate", quantized, "--images", VAL, "--annotations", TRUTH)["quantized"]["AP"]
    theirs = evaluate.coco_figures(evaluate.detect(quantized, VAL, TRUTH), TRUTH)[0]
    # 200 pictures move by some tenths of a point with the last bits of what both compute.
    assert ours == pytest.approx(theirs, abs=0.003)


def test_written_file_is_valid(quantized):
    model = onnx.load(quantized)
    onnx.checker.check_model(model, full_check=True)
    text = " ".join(f"{entry.key} {entry.value}" for entry in model.metadata_props)
    assert "yolov8" in text and str(STREET) not in text, "metadata must hold the head and no paths"


def test_careless_options_collapse(halftone, careless):
    result = halftone.json("validate", RECIPE, "--model", careless)
    assert result["drop"] > 15


def test_max_drop(halftone, quantized, careless):
    halftone("validate", RECIPE, "--model", quantized, "--max-drop", 5)
    done = halftone("validate", RECIPE, "--model", careless, "--max-drop", 5, expect=1)
    assert "--max-drop" in done.stderr


def test_record_writes_the_claim(halftone, quantized, folder):
    copy = folder / "recorded.onnx"
    copy.write_bytes(quantized.read_bytes())
    halftone("validate", RECIPE, "--model", copy, "--record", "--limit", 20)
    once = copy.read_bytes()
    halftone("validate", RECIPE, "--model", copy, "--record", "--limit", 20, "--threads", 1)
    assert once == copy.read_bytes() != quantized.read_bytes()
    before, after = onnx.load(quantized), onnx.load(copy)
    del before.metadata_props[:], after.metadata_props[:]
    assert before.SerializeToString() == after.SerializeToString()


def test_recipe_that_contradicts_the_model(halftone, quantized, folder):
    text = RECIPE.read_text().replace('color = "rgb"', 'color = "bgr"')
    for key in ("detector.onnx", "calibration", "val.json", "val"):
        text = text.replace(f'"{key}"', f'"{STREET / key}"')
    (folder / "other.toml").write_text(text)
    for command in (["validate", folder / "other.toml", "--model", quantized, "--limit", 2], ["run", quantized, "--recipe", folder / "other.toml", "--image", VAL / "000.jpg"]):
        done = halftone(*command, expect=3)
        assert "preprocess" in done.stderr and done.stdout == ""


def test_recipe_of_another_model(halftone, quantized, folder):
    """The same network with one weight changed."""
    model = onnx.load(DETECTOR)
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights.flat[0] += 1
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, model.graph.initializer[0].name))
    onnx.save(model, folder / "changed.onnx")
    recipe = write_recipe(folder / "changed.toml", street_sections(), {"model.path": str(folder / "changed.onnx")})
    done = halftone("validate", recipe, "--model", quantized, "--limit", 2, expect=3)
    assert "changed.onnx" in done.stderr and str(quantized) in done.stderr


def test_other_thresholds_are_used_and_told(halftone, quantized, folder):
    recipe = write_recipe(folder / "strict.toml", street_sections(), {"task.max_detections": 1})
    lines = [["validate", recipe, "--model", quantized, "--limit", 4, "--detections", folder / "one.json"], ["run", quantized, "--recipe", recipe, "--image", VAL / "000.jpg"]]
    told = [halftone(*line, "--json") for line in lines]
    assert all("max_detections = 1 instead of 100" in done.stderr for done in told)
    assert len(json.loads(told[1].stdout)) == 1 and len(json.loads((folder / "one.json").read_text())) == 4
    assert "instead of" not in halftone("validate", RECIPE, "--model", quantized, "--limit", 2).stderr


def test_run_finds_what_validate_finds(halftone, quantized, folder):
    found = folder / "found.json"
    halftone("validate", quantized, "--images", VAL, "--annotations", TRUTH, "--detections", found, "--limit", 3)
    images = json.loads(TRUTH.read_text())["images"][:3]
    expected = json.loads(found.read_text())
    for image in images:
        ours = halftone.json("run", quantized, "--image", VAL / image["file_name"])
        theirs = [d for d in expected if d["image_id"] == image["id"]]
        assert [(d["category_id"], d["bbox"], d["score"]) for d in ours] == [(d["category_id"], d["bbox"], d["score"]) for d in theirs]


def test_pictures(halftone, quantized, careless, folder):
    import cv2

    photo = VAL / "000.jpg"
    halftone("run", quantized, "--image", photo, "-o", folder / "boxes.png")
    halftone("run", DETECTOR, "--recipe", RECIPE, "--image", photo, "--beside", careless, "--beside", quantized, "-o", folder / "three.jpg")
    one, three, plain = (cv2.imread(str(path)) for path in (folder / "boxes.png", folder / "three.jpg", photo))
    assert one.shape == plain.shape and np.abs(one.astype(int) - plain).max() > 100
    assert three.shape[1] >= 3 * plain.shape[1]


@long_test
def test_careless_is_no_straw_man(halftone, careless, folder):
    """ONNX Runtime's own quantizer with its defaults ends where our careless options do."""
    from onnxruntime import quantization

    class Photos(quantization.CalibrationDataReader):
        def __init__(self):
            import cv2

            name = onnx.load(DETECTOR).graph.input[0].name
            photos = sorted((STREET / "calibration").glob("*.jpg"))
            inputs = (evaluate.to_input(evaluate.letterbox(cv2.imread(str(photo)), (192, 320))[0]) for photo in photos)
            self.feeds = ({name: x} for x in inputs)

        def get_next(self):
            return next(self.feeds, None)

    peer = folder / "peer.onnx"
    quantization.quantize_static(str(DETECTOR), str(peer), Photos())
    theirs = evaluate.coco_figures(evaluate.detect(peer, VAL, TRUTH), TRUTH)[0]
    ours = halftone.json("validate", RECIPE, "--model", careless)["quantized"]["AP"]
    assert ours == pytest.approx(theirs, abs=0.03)
