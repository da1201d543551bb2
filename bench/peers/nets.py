# SPDX-License-Identifier: Apache-2.0
"""The nets that are timed, what we ask of their latency, and their recipes."""
from dataclasses import dataclass
from pathlib import Path

from folders import MADE
from paths import SHARED
from recipes import DETECTORS, PHOTOS, square, toml

WRITER = SHARED / "tools" / "timing_models.py"  # of nets with random weights, into the current folder
RANDOM = MADE / "random"


@dataclass(frozen=True, eq=False)
class Net:
    name: str
    model: Path
    goal: float | None  # our latency over the best peer's, at most
    needs: tuple  # files that must be there
    inputs: tuple  # the range of the numbers that are put in
    sections: dict  # of the recipe

    @property
    def lacks(self):
        return [path for path in self.needs if not path.exists()]

    def recipe(self, model):
        """For this file of the net."""
        return toml({**self.sections, "model": {"path": str(model)}})


def detector(name, goal, inputs):
    sections = {key: value for key, value in DETECTORS[name].items() if key != "validation"}
    model = Path(sections["model"]["path"])
    return Net(name, model, goal, (model, Path(sections["calibration"]["images"])), inputs, sections)


def random_weights(name, file, size, goal):
    """Such a net has nothing that could be kept accurate, so all of it becomes integers, as with the peers."""
    return Net(name, RANDOM / f"{file}_{size}.onnx", goal, (WRITER, PHOTOS), (-2, 2), {
        "preprocess": square(size, color="rgb", mean=[127.5] * 3, std=[64] * 3), "task": {"type": "none"},
        "calibration": {"images": str(PHOTOS), "count": 16}, "quantize": {"head": "quantize"}})


NETS = [
    detector("YOLOX-nano", 0.55, (0, 255)),
    detector("FastestDet", 0.6, (0, 1)),
    random_weights("YOLOv5n", "yolov5n_silu", 640, 0.7),
    random_weights("YOLOv5s", "yolov5s_silu", 640, 0.8),
    random_weights("MobileNetV2", "mobilenetv2", 224, 0.7),
    random_weights("SqueezeNet", "squeezenet11", 227, 0.9),
    random_weights("ResNet18", "resnet18", 224, 1.0),
    random_weights("ResNet50", "resnet50", 224, 1.0),
    detector("Street", None, (0, 1)),
]
