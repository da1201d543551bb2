# SPDX-License-Identifier: Apache-2.0
"""`validate --outputs`: what other engines computed, judged as if a model of ours had."""
import json
import sys

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.numpy_helper import from_array

from conftest import write_recipe
from places import STREET

sys.path.insert(0, str(STREET))
import evaluate  # noqa: E402  the sample's own scorer, which shares nothing with Halftone

FLOAT, PHOTOS = onnx.TensorProto.FLOAT, 40


@pytest.fixture
def classifier(tmp_path):
    """A recipe of a small net, its right logits, and its labels."""
    rng, samples = np.random.default_rng(2), 50
    weights, x = rng.standard_normal((6, 4)).astype(np.float32), rng.standard_normal((samples, 6)).astype(np.float32)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "net", [helper.make_tensor_value_info("x", FLOAT, [1, 6])],
                              [helper.make_tensor_value_info("y", FLOAT, [1, 4])], [from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", x)
    labels = rng.integers(0, 4, samples)
    (tmp_path / "labels.csv").write_text("index,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    recipe = write_recipe(tmp_path / "net.toml", {
        "model": {"path": str(tmp_path / "net.onnx")}, "task": {"type": "classification"}, "calibration": {"images": [str(tmp_path / "x.npy")]},
        "validation": {"images": [str(tmp_path / "x.npy")], "annotations": str(tmp_path / "labels.csv")}})
    return recipe, x @ weights, labels


def save(folder, outputs):
    folder.mkdir(exist_ok=True)
    for number, output in enumerate(outputs):
        np.savez(folder / f"{number}.npz", y=output[None])


def test_classifier(halftone, classifier, tmp_path):
    recipe, right, labels = classifier
    given = right + np.random.default_rng(3).normal(0, 0.7, right.shape).astype(np.float32)
    save(tmp_path / "given", given)
    result = halftone.json("validate", recipe, "--outputs", tmp_path / "given")
    assert result["float"]["top1"] == pytest.approx(np.mean(right.argmax(1) == labels))
    assert result["quantized"]["top1"] == pytest.approx(np.mean(given.argmax(1) == labels))
    assert 0.5 < result["agreement"] == pytest.approx(np.mean(given.argmax(1) == right.argmax(1))) < 1
    noise = (given.astype(float) - right)**2
    assert result["outputs"][0]["snr_db"] == pytest.approx(10 * np.log10((right.astype(float)**2).sum() / noise.sum()), abs=1e-3)
    assert result["quantized_bytes"] is None and result["float_bytes"] > 0


def test_detector(halftone, street_recipe, tmp_path):
    import cv2
    import onnxruntime

    recipe, model, folder = street_recipe(), tmp_path / "int8.onnx", tmp_path / "given"
    halftone("quantize", recipe, "-o", model, "--target", "onnxruntime")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    truth = json.loads((STREET / "val.json").read_text())
    truth["images"] = sorted(truth["images"], key=lambda image: image["id"])[:PHOTOS]
    kept = {image["id"] for image in truth["images"]}
    truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] in kept]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    folder.mkdir()
    for image in truth["images"]:
        picture = evaluate.letterbox(cv2.imread(str(STREET / "val" / image["file_name"])), (192, 320))[0]
        values = session.run(None, {session.get_inputs()[0].name: evaluate.to_input(picture)})
        np.savez(folder / f"{image['id']}.npz", **dict(zip((output.name for output in session.get_outputs()), values)))
    found = tmp_path / "found.json"
    result = halftone.json("validate", recipe, "--outputs", folder, "--limit", PHOTOS, "--detections", found, "--bootstrap", 20)
    theirs = evaluate.coco_figures(evaluate.detect(model, STREET / "val", tmp_path / "truth.json"), tmp_path / "truth.json")
    assert 0.2 < result["quantized"]["AP"] == pytest.approx(theirs[0], abs=0.01)
    assert result["quantized"]["AP"] == pytest.approx(evaluate.coco_figures(json.loads(found.read_text()), tmp_path / "truth.json")[0], abs=1e-6)
    assert result["drop_interval"][0] <= result["drop_mean"] <= result["drop_interval"][1]


@pytest.mark.parametrize("spoil, sentence", [
    (lambda folder: (folder / "7.npz").unlink(), "7.npz"),
    (lambda folder: np.savez(folder / "7.npz", z=np.zeros((1, 4), np.float32)), "output y"),
    (lambda folder: np.savez(folder / "7.npz", y=np.zeros((1, 5), np.float32)), "1x5"),
    (lambda folder: (folder / "7.npz").write_bytes(b"no archive"), "7.npz"),
])
def test_what_does_not_fit(halftone, classifier, tmp_path, spoil, sentence):
    recipe, right, _ = classifier
    save(tmp_path / "given", right)
    spoil(tmp_path / "given")
    done = halftone("validate", recipe, "--outputs", tmp_path / "given", expect=3)
    assert sentence in done.stderr and "7.npz" in done.stderr


def test_what_contradicts(halftone, classifier, tmp_path):
    recipe, right, _ = classifier
    save(tmp_path / "given", right)
    halftone("quantize", recipe, "-o", tmp_path / "int8.onnx")
    assert "--model" in halftone("validate", recipe, "--outputs", tmp_path / "given", "--model", tmp_path / "int8.onnx", expect=2).stderr
    assert "--record" in halftone("validate", recipe, "--outputs", tmp_path / "given", "--record", expect=2).stderr
