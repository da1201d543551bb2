# SPDX-License-Identifier: Apache-2.0
"""YOLOX-nano as other quantizers leave it, and what PyTorch exports after quantization: the AP of our session against ONNX Runtime's on
the same file, and each step."""
import json
import logging
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from conftest import write_recipe
from foreign import check_steps, differences, run, session, snr
from places import BUILD, long_test, shared

HERE = Path(__file__).parent
pytestmark = long_test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quantizers")


@pytest.fixture(scope="session")
def elsewhere():
    """Runs quantize_elsewhere.py where its tools are installed."""
    place, wanted = BUILD / "quantizers", (HERE / "quantizers.txt").read_text()
    python, installed = place / "bin" / "python", place / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted:
        venv.create(place, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "quantizers.txt"], check=True, timeout=1800)
        installed.write_text(wanted)

    def make(*arguments):
        done = subprocess.run([python, HERE / "quantize_elsewhere.py", *map(str, arguments)], capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stderr[-3000:]

    return make


@pytest.fixture(scope="module")
def yolox(folder):
    """The model in the oldest opset with scales a channel."""
    model = onnx.version_converter.convert_version(onnx.load(shared("data", "models", "yolox_nano.onnx")), 13)
    onnx.save(onnx.shape_inference.infer_shapes(model), folder / "yolox.onnx")
    return folder / "yolox.onnx"


@pytest.fixture(scope="module")
def photos():
    return sorted(shared("data", "coco", "calibration").iterdir())


def aps(halftone, path):
    """AP in our session and in ONNX Runtime."""
    coco = shared("data", "coco", "val")
    recipe = write_recipe(path.with_suffix(".toml"), {
        "model": {"path": str(path)},
        "preprocess": {"size": [416, 416], "resize": "letterbox", "place": "top-left", "color": "bgr"},
        "task": {"type": "detection", "classes": "coco80", "head": "yolox", "strides": [8, 16, 32], "nms_threshold": 0.65},
        "validation": {"images": str(coco / "images"), "annotations": str(coco / "instances.json")},
    })
    done = subprocess.run([sys.executable, HERE / "exact_score.py", shared("tools", "score.py"), path, "--head", "yolox", "--images", coco / "images", "--instances",
                           coco / "instances.json", "--threads", "2", "--json"], capture_output=True, text=True, check=True, timeout=1800)
    both = halftone.json("validate", recipe)["quantized"]["AP"], json.loads(done.stdout)["AP"] / 100
    print(path.name, "AP in our session and in ONNX Runtime:", both)
    return both


@pytest.mark.parametrize("form, weights, options", [
    (QuantFormat.QDQ, QuantType.QInt8, {}), (QuantFormat.QOperator, QuantType.QInt8, {}), (QuantFormat.QDQ, QuantType.QUInt8, {"op_types_to_quantize": ["Conv"]})])
def test_yolox_of_onnxruntime(form, weights, options, halftone, yolox, photos, folder):
    sys.path.insert(0, str(shared("tools")))
    import cv2
    from score import YoloX

    name = onnx.load(yolox).graph.input[0].name

    class Photos(CalibrationDataReader):
        def __init__(self):
            self.left = iter(photos[:24])

        def get_next(self):
            photo = next(self.left, None)
            return None if photo is None else {name: YoloX().preprocess(cv2.imread(str(photo)), (416, 416))}

    logging.disable(logging.WARNING)
    path = folder / "onnxruntime.onnx"
    quantize_static(str(yolox), str(path), Photos(), quant_format=form, activation_type=QuantType.QUInt8, weight_type=weights, per_channel=True, **options)
    logging.disable(logging.NOTSET)
    ours, theirs = aps(halftone, path)
    assert ours == pytest.approx(theirs, abs=0.002)


# NNCF quantizes nothing between a convolution and SiLU, where ONNX Runtime adds up floats and we integers: some elements in a million of
# a step are one apart. Through all of this net each of them grows (so does one bit of one pixel), and AP on 220 photos moves by thousandths,
# so that AP is compared on average over some sizes of the calibration set.
COUNTS = [16, 24, 40]


@pytest.fixture(scope="module")
def of_nncf(elsewhere, yolox, photos, folder):
    files = [folder / f"nncf{count}.onnx" for count in COUNTS]
    for count, path in zip(COUNTS, files):
        elsewhere("nncf", yolox, shared("tools", "score.py"), count, path, *photos[:count])
    return files


def test_yolox_of_nncf(halftone, of_nncf):
    both = np.array([aps(halftone, path) for path in of_nncf])
    assert both.min() > 0.28
    assert both[:, 0].mean() == pytest.approx(both[:, 1].mean(), abs=0.002)


def test_steps_of_nncf(halftone, of_nncf, photos, tmp_path):
    sys.path.insert(0, str(shared("tools")))
    import cv2
    from score import YoloX

    model = onnx.load(of_nncf[0])
    feed = {model.graph.input[0].name: YoloX().preprocess(cv2.imread(str(photos[-1])), (416, 416))}
    found = list(differences(halftone, model, feed, tmp_path))
    assert len(found) > 100
    assert max(most for _, _, most, _ in found) <= 1
    assert max(share for name, _, _, share in found if name != model.graph.output[0].name) < 3e-4


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
