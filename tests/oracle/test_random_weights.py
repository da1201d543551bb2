# SPDX-License-Identifier: Apache-2.0
"""Well-known networks with random weights, at their real sizes: what `validate` says without a task of the integers that `quantize` makes
with its defaults."""
import subprocess
import sys

import pytest

from conftest import Program, write_recipe
from places import long_test, shared

NETS = ["mobilenetv2_224", "resnet18_224", "resnet50_224", "squeezenet11_227", "yolov5n_silu_320", "yolov5s_silu_640"]
LEAST_SNR = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, shared("tools", "timing_models.py")], cwd=folder, check=True, capture_output=True)
    return folder


@long_test
@pytest.mark.parametrize("name", NETS)
def test_random_weights_keep_the_signal(name, models, halftone, tmp_path):
    """Nothing normalizes these networks' signals, so that they grow with a photo's contrast: ranges come from photos of all kinds."""
    size = int(name.rsplit("_", 1)[1])
    photos = shared("data", "coco")
    recipe = write_recipe(tmp_path / "net.toml", {
        "model": {"path": str(models / f"{name}.onnx")},
        "preprocess": {"size": [size, size], "resize": "stretch", "color": "rgb", "mean": [127.5] * 3, "std": [64] * 3}, "task": {"type": "none"},
        "calibration": {"images": str(photos / "calibration"), "count": 32}, "validation": {"images": str(photos / "val" / "images")}})
    patient = Program(halftone.path, seconds=1800)
    patient("quantize", recipe, "-o", tmp_path / "integers.onnx")
    outputs = patient.json("validate", recipe, "--model", tmp_path / "integers.onnx", "--limit", 8)["outputs"]
    print(name, [round(output["snr_db"], 1) for output in outputs])
    assert outputs and all(output["snr_db"] >= LEAST_SNR for output in outputs)
