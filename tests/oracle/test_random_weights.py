# SPDX-License-Identifier: Apache-2.0
"""Well-known networks with random weights, at their real sizes: what `validate` says without a task of the integers that `quantize` makes
with its defaults."""
import subprocess
import sys

import pytest
from PIL import Image

from conftest import write_recipe
from families import photo
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
    size = int(name.rsplit("_", 1)[1])
    for part, first, count in (("calibration", 0, 8), ("validation", 100, 4)):
        (tmp_path / part).mkdir()
        for i in range(count):
            Image.fromarray(photo(first + i, (size, size))).save(tmp_path / part / f"{i}.png")
    recipe = write_recipe(tmp_path / "net.toml", {
        "model": {"path": str(models / f"{name}.onnx")},
        "preprocess": {"size": [size, size], "resize": "none", "color": "rgb", "mean": [127.5] * 3, "std": [64] * 3}, "task": {"type": "none"},
        "calibration": {"images": str(tmp_path / "calibration"), "count": 8}, "validation": {"images": str(tmp_path / "validation")}})
    halftone("quantize", recipe, "-o", tmp_path / "integers.onnx")
    outputs = halftone.json("validate", recipe, "--model", tmp_path / "integers.onnx")["outputs"]
    print(name, [round(output["snr_db"], 1) for output in outputs])
    assert outputs and all(output["snr_db"] >= LEAST_SNR for output in outputs)
