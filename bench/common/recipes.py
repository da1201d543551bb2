# SPDX-License-Identifier: Apache-2.0
"""The detectors that benches quantize, and their recipes."""
import json
import tomllib

from paths import SHARED, STREET

COCO = SHARED / "data" / "coco"
PHOTOS = COCO / "calibration"


def toml(sections):
    """The text of sections of plain keys; JSON writes such values alike."""
    return "\n".join(f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()) for name, keys in sections.items())


def square(size, **how):
    return {"size": [size, size], "resize": "stretch", **how}


def detector(file, preprocess, **task):
    """Sections of one of COCO's 80 classes."""
    return {"model": {"path": str(SHARED / "data" / "models" / file)}, "preprocess": preprocess,
            "task": {"type": "detection", "classes": "coco80", **task}, "calibration": {"images": str(PHOTOS), "count": 100},
            "validation": {"images": str(COCO / "val" / "images"), "annotations": str(COCO / "val" / "instances.json")}}


def street():
    """The sample's recipe with paths that are good everywhere."""
    sections = tomllib.loads((STREET / "street.toml").read_text())
    for section, key in [("model", "path"), ("calibration", "images"), ("validation", "images"), ("validation", "annotations")]:
        sections[section][key] = str(STREET / sections[section][key])
    return sections


DETECTORS = {
    "YOLOX-nano": detector("yolox_nano.onnx", square(416, resize="letterbox", place="top-left", color="bgr"),
                           head="yolox", strides=[8, 16, 32], nms_threshold=0.65),
    "PicoDet-s": detector("picodet_s_320.onnx", square(320, color="rgb", interpolation="cubic", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
                          head="nanodet", strides=[8, 16, 32, 64], center_offset=0.5, score_threshold=0.025, nms_threshold=0.6, multi_label=True),
    "FastestDet": detector("fastestdet.onnx", square(352, color="bgr", std=[255] * 3), head="fastestdet", strides=[16], nms_threshold=0.45),
    "Street": street(),
}
