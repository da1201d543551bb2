# SPDX-License-Identifier: Apache-2.0
"""YOLOX-nano as other quantizers leave it, and what PyTorch exports after quantization: the AP of our session against ONNX Runtime's on
the same file, and each step."""
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import double
from conftest import write_recipe
from tool_runner import runner
from foreign import Steps, check_steps, differences, run, session, snr
from places import long_test, shared

HERE, QUANTIZER = Path(__file__).parent, "quantize_elsewhere.py"
pytestmark = long_test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quantizers")


@pytest.fixture(scope="session")
def elsewhere():
    return runner("quantizers", QUANTIZER)


@pytest.fixture(scope="module")
def yolox(folder):
    """The model in the oldest opset with scales a channel."""
    model = onnx.version_converter.convert_version(onnx.load(shared("data", "models", "yolox_nano.onnx")), 13)
    onnx.save(onnx.shape_inference.infer_shapes(model), folder / "yolox.onnx")
    return folder / "yolox.onnx"


@pytest.fixture(scope="module")
def photos():
    return sorted(shared("data", "coco", "calibration").iterdir())


def scorer():
    sys.path.insert(0, str(shared("tools")))
    import score

    return score


def onnxruntime_ap(path):
    coco = shared("data", "coco", "val")
    done = subprocess.run([sys.executable, HERE / "exact_score.py", shared("tools", "score.py"), path, "--head", "yolox", "--images", coco / "images", "--instances",
                           coco / "instances.json", "--threads", "2", "--json"], capture_output=True, text=True, check=True, timeout=1800)
    return json.loads(done.stdout)["AP"] / 100


def aps(halftone, path):
    """AP in our session and in ONNX Runtime."""
    coco = shared("data", "coco", "val")
    recipe = write_recipe(path.with_suffix(".toml"), {
        "model": {"path": str(path)},
        "preprocess": {"size": [416, 416], "resize": "letterbox", "place": "top-left", "color": "bgr"},
        "task": {"type": "detection", "classes": "coco80", "head": "yolox", "strides": [8, 16, 32], "nms_threshold": 0.65},
        "validation": {"images": str(coco / "images"), "annotations": str(coco / "instances.json")},
    })
    both = halftone.json("validate", recipe)["quantized"]["AP"], onnxruntime_ap(path)
    print(path.name, "AP in our session and in ONNX Runtime:", both)
    return both


@pytest.mark.parametrize("form, weights, options", [
    (QuantFormat.QDQ, QuantType.QInt8, {}), (QuantFormat.QOperator, QuantType.QInt8, {}), (QuantFormat.QDQ, QuantType.QUInt8, {"op_types_to_quantize": ["Conv"]})])
def test_yolox_of_onnxruntime(form, weights, options, halftone, yolox, photos, folder):
    model = onnx.load(yolox)

    class Photos(CalibrationDataReader):
        def __init__(self):
            self.left = iter(photos[:24])

        def get_next(self):
            photo = next(self.left, None)
            return None if photo is None else yolox_input(model, photo)

    logging.disable(logging.WARNING)
    path = folder / "onnxruntime.onnx"
    quantize_static(str(yolox), str(path), Photos(), quant_format=form, activation_type=QuantType.QUInt8, weight_type=weights, per_channel=True, **options)
    logging.disable(logging.NOTSET)
    ours, theirs = aps(halftone, path)
    assert ours == pytest.approx(theirs, abs=0.002)


# NNCF quantizes nothing between a convolution and SiLU, where ONNX Runtime adds up floats and we integers: about one element in a million
# of a step lies so close to a tie that either gives its neighbour. Through all of this net each of them grows, and AP on 220 photos moves by
# thousandths: ONNX Runtime's own by as much when it is given the same weights as floats. So both are held against the file in double
# precision, each step and the AP, on average over some sizes of the calibration set.
COUNTS = [16, 24, 40]


@pytest.fixture(scope="module")
def of_nncf(elsewhere, yolox, photos, folder):
    files = [folder / f"nncf{count}.onnx" for count in COUNTS]
    for count, path in zip(COUNTS, files):
        elsewhere("nncf", yolox, shared("tools", "score.py"), count, path, *photos[:count])
    return files


def exact_ap(path):
    """AP of the file in double precision."""
    from pycocotools.coco import COCO

    score, coco, model = scorer(), COCO(shared("data", "coco", "val", "instances.json")), double.Session(path)
    name = onnx.load(path).graph.input[0].name
    images = sorted(coco.dataset["images"], key=lambda image: image["id"])
    found, _ = score.detect(lambda x: [model.run({name: x})], (416, 416), score.HEADS["yolox"], images, shared("data", "coco", "val", "images"))
    return score.evaluate(coco, found, [image["id"] for image in images])["AP"] / 100


def with_float_weights(path):
    """The same model with its weights dequantized beforehand, as ONNX Runtime does while it runs; its convolutions then add up in another order."""
    model = onnx.load(path)
    stored = {initializer.name: onnx.numpy_helper.to_array(initializer) for initializer in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            weights = double.dequantize(*(stored[name] for name in node.input), **double.attributes(node))
            model.graph.initializer.append(onnx.numpy_helper.from_array(weights.astype(np.float32), node.output[0]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path.with_suffix(".float_weights.onnx"))
    return path.with_suffix(".float_weights.onnx")


def test_yolox_of_nncf(halftone, of_nncf):
    rows = np.array([[*aps(halftone, path), onnxruntime_ap(with_float_weights(path)), exact_ap(path)] for path in of_nncf])
    print("AP in our session, in ONNX Runtime, there with float weights, in double precision:", *rows.tolist(), rows.mean(0), sep="\n")
    ours, theirs, again, exact = rows.mean(0)
    assert rows.min() > 0.28
    assert ours == pytest.approx(exact, abs=0.002)
    assert ours == pytest.approx((theirs + again + exact) / 3, abs=0.003)


def yolox_input(model, photo):
    import cv2

    return {model.graph.input[0].name: scorer().YoloX().preprocess(cv2.imread(str(photo)), (416, 416))}


def ties(halftone, path, photo, folder):
    """How many integers of all steps differ: ours and ONNX Runtime's from double precision, each given the same; of how many."""
    model = onnx.load(path)
    counts = np.zeros(3, int)
    for name, part, given in Steps(model, yolox_input(model, photo)):
        if name == model.graph.output[0].name:
            continue
        onnx.save(part, folder / "part.onnx")
        exact = double.Session(folder / "part.onnx").run(given)
        ours, theirs = next(iter(run(halftone, part, given, folder).values())), session(part).run(None, given)[0]
        assert np.abs(ours.astype(int) - exact).max() <= 1, name
        counts += [(ours != exact).sum(), (theirs != exact).sum(), exact.size]
    return counts


def test_steps_of_nncf(halftone, of_nncf, photos, tmp_path):
    model = onnx.load(of_nncf[0])
    found = list(differences(halftone, model, yolox_input(model, photos[-1]), tmp_path))
    assert len(found) > 100
    assert max(most for _, _, most, _ in found) <= 1
    assert max(share for name, _, _, share in found if name != model.graph.output[0].name) < 3e-4


def test_ties_of_nncf(halftone, of_nncf, photos, tmp_path):
    ours, theirs, of = sum(ties(halftone, path, photos[-1], tmp_path) for path in of_nncf)
    print(f"of {of} integers {ours} of ours and {theirs} of ONNX Runtime's differ from double precision")
    assert of > 10_000_000 and ours < 4e-6 * of and ours <= 2 * theirs + 10


def check_yolox(halftone, path, photo, folder, share, drop):
    """Each step one apart at most, all convolutions in integers, and where `drop` says how near it must be, AP."""
    model = onnx.load(path)
    found = list(differences(halftone, model, yolox_input(model, photo), folder))
    assert len(found) > 100
    assert max(most for _, _, most, _ in found) <= 1
    assert max(differing for name, _, _, differing in found if name != model.graph.output[0].name) < share
    kernels = {layer["kernel"].split(".")[0] for layer in halftone.json("bench", path, "--runs", 1, "--per-layer")["layers"] if layer["macs"]}
    assert kernels == {"conv", "depthwise"}
    if drop is not None:
        ours, theirs = aps(halftone, path)
        assert theirs > 0.05 and ours == pytest.approx(theirs, abs=drop)


# With what stays float in half precision, ONNX Runtime rounds to that between the integers, where ours has single precision.
@pytest.mark.parametrize("precision, share, drop", [("fp32", 3e-4, 0.002), ("fp16", 0.1, None)])
def test_yolox_of_modelopt(precision, share, drop, halftone, yolox, photos, folder, tmp_path):
    path = folder / f"modelopt_{precision}.onnx"
    runner("modelopt", QUANTIZER)("modelopt", yolox, shared("tools", "score.py"), precision, path, *photos[:24])
    check_yolox(halftone, path, photos[-1], tmp_path, share, drop)


# XINT8 has 8-bit biases in units of their own; where those are finer than the sums', ours rounds them to the sums'.
@pytest.mark.parametrize("configuration, share, drop", [("U8S8_AAWS+channels", 3e-4, 0.002), ("A8W8", 3e-4, None), ("XINT8", 0.05, None)])
def test_yolox_of_quark(configuration, share, drop, halftone, yolox, photos, folder, tmp_path):
    path = folder / f"quark_{configuration}.onnx"
    runner("quark", QUANTIZER)("quark", yolox, shared("tools", "score.py"), configuration, path, *photos[:24])
    check_yolox(halftone, path, photos[-1], tmp_path, share, drop)


@pytest.mark.parametrize("tool", ["pt2e", "qat"])
def test_exports_of_pytorch(tool, halftone, elsewhere, tmp_path):
    path = tmp_path / f"{tool}.onnx"
    elsewhere(tool, path)
    model = onnx.load(path)
    feed = {model.graph.input[0].name: np.random.default_rng(1).normal(size=(1, 3, 16, 20)).astype(np.float32)}
    assert check_steps(halftone, model, feed, tmp_path)["steps"] >= 4
    (wanted,), got = session(str(path)).run(None, feed), run(halftone, path, feed, tmp_path)
    assert snr(wanted, got[model.graph.output[0].name]) > 35
    constants = [onnx.numpy_helper.to_array(tensor) for tensor in
                 [*model.graph.initializer, *(node.attribute[0].t for node in model.graph.node if node.op_type == "Constant")]]
    scales = {np.float32(value["scale"]) for value in halftone.json("inspect", path)["ranges"]}
    assert len(scales) >= 2 and scales <= {np.float32(value) for value in constants if value.ndim == 0}
