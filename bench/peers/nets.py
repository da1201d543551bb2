# SPDX-License-Identifier: Apache-2.0
"""The nets that are timed, what we ask of their latency, and their recipes."""
import json
from dataclasses import dataclass
from pathlib import Path

from paths import MADE, SHARED, STREET

PHOTOS = SHARED / "data" / "coco" / "calibration"
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
        """TOML, for this file of the net; JSON writes plain values alike."""
        sections = {"model": {"path": str(model)}, **self.sections}
        return "\n".join(f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
                         for name, keys in sections.items())


def preprocess(size, **how):
    return {"size": [size, size], "resize": "stretch", **how}


def calibration(images, count):
    return {"images": str(images), "count": count}


def detector(name, file, goal, inputs, preprocessing, task):
    model = SHARED / "data" / "models" / file
    return Net(name, model, goal, (model, PHOTOS), inputs, {
        "preprocess": preprocessing, "task": {"type": "detection", "classes": "coco80", **task}, "calibration": calibration(PHOTOS, 100)})


def random_weights(name, file, size, goal):
    """Such a net has nothing that could be kept accurate, so all of it becomes integers, as with the peers."""
    return Net(name, RANDOM / f"{file}_{size}.onnx", goal, (WRITER, PHOTOS), (-2, 2), {
        "preprocess": preprocess(size, color="rgb", mean=[127.5] * 3, std=[64] * 3), "task": {"type": "none"},
        "calibration": calibration(PHOTOS, 16), "quantize": {"head": "quantize"}})


NETS = [
    detector("YOLOX-nano", "yolox_nano.onnx", 0.55, (0, 255), preprocess(416, resize="letterbox", place="top-left", color="bgr"),
             {"head": "yolox", "strides": [8, 16, 32]}),
    detector("FastestDet", "fastestdet.onnx", 0.6, (0, 1), preprocess(352, color="bgr", std=[255] * 3),
             {"head": "fastestdet", "strides": [16]}),
    random_weights("YOLOv5n", "yolov5n_silu", 640, 0.7),
    random_weights("YOLOv5s", "yolov5s_silu", 640, 0.8),
    random_weights("MobileNetV2", "mobilenetv2", 224, 0.7),
    random_weights("SqueezeNet", "squeezenet11", 227, 0.9),
    random_weights("ResNet18", "resnet18", 224, 1.0),
    random_weights("ResNet50", "resnet50", 224, 1.0),
    Net("Street", STREET / "detector.onnx", None, (STREET / "detector.onnx",), (0, 1), {
        "preprocess": {"size": [192, 320], "resize": "letterbox", "place": "center", "color": "rgb", "std": [255] * 3},
        "task": {"type": "detection", "head": "yolov8", "classes": ["person", "bicycle", "car", "truck", "bus", "traffic light"]},
        "calibration": calibration(STREET / "calibration", 100)}),
]
