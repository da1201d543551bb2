# SPDX-License-Identifier: Apache-2.0
"""The models whose accuracy is measured, with their recipes and data."""
import csv
import json
import struct
from dataclasses import dataclass
from pathlib import Path

from paths import ACCURACY, SHARED
from recipes import COCO, DETECTORS, PHOTOS, square, toml

MODELS, TINY = SHARED / "data" / "models" / "tiny", SHARED / "data" / "tiny"
HELD_OUT = 32  # photos behind those of calibration, on which the error of the outputs is measured
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
KEYWORD_CALIBRATION, CIFAR_CALIBRATION = 100, 10  # samples that calibrate, of all and of each class; the others are validated
PERSON, LEAST_SHARE = 1, 0.005  # COCO's id, and how much of a photo a person takes up who counts


@dataclass(frozen=True, eq=False)
class Model:
    name: str
    sections: dict  # of the recipe
    write_data: object = None  # writes what the recipe names and is not there yet, into the model's folder
    needs: tuple = ()

    @property
    def path(self):
        return Path(self.sections["model"]["path"])

    @property
    def detects(self):
        return self.sections["task"]["type"] == "detection"

    @property
    def folder(self):
        return ACCURACY / "models" / self.name

    @property
    def recipe(self):
        return self.folder / "recipe.toml"

    @property
    def integer_recipe(self):
        """The same with everything in integers that can be, whatever float would be good for."""
        return self.folder / "integers.toml"

    @property
    def held_out(self):
        """Annotations of a detector's held-out photos, which say nothing but what photos there are."""
        return self.folder / "held_out_annotations.json"

    @property
    def lacks(self):
        return [path for path in (self.path, *self.needs) if not path.exists()]

    def prepare(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.write_data:
            self.write_data()
        self.recipe.write_text(toml(self.sections))
        self.integer_recipe.write_text(toml(self.sections) + '[[quantize.layer]]\nmatch = "*"\nfloat = false\n')
        if self.detects:
            calibration = self.sections["calibration"]
            photos = sorted(Path(calibration["images"]).glob("*.jpg"))[calibration["count"]:][:HELD_OUT]
            categories = json.loads(Path(self.sections["validation"]["annotations"]).read_text())["categories"]
            images = [{"id": number, "file_name": photo.name, **jpeg_size(photo)} for number, photo in enumerate(photos, 1)]
            self.held_out.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))

    def data(self):
        """Every file that the figures depend on, for the key of the cache: its name and size; labels as a whole."""
        for section in ("calibration", "validation"):
            images = self.sections[section]["images"]
            for place in map(Path, images if isinstance(images, list) else [images]):
                yield from (f"{path} {path.stat().st_size}" for path in sorted(place.rglob("*") if place.is_dir() else [place]))
        yield Path(self.sections["validation"]["annotations"]).read_text()

    def samples(self):
        """What validation reads, in its order: the number under which outputs are filed, and a photo or a row of an array."""
        validation = self.sections["validation"]
        if self.detects:
            return coco_samples(Path(validation["images"]), Path(validation["annotations"]))
        with open(validation["annotations"]) as file:
            names = [row[0] for row in csv.reader(file)]
        if isinstance(validation["images"], list):
            return [(number, int(name)) for number, name in enumerate(names)]
        return [(number, str(Path(validation["images"]) / name)) for number, name in enumerate(names)]

    def held_out_samples(self):
        return coco_samples(Path(self.sections["calibration"]["images"]), self.held_out) if self.detects else []


def coco_samples(folder, annotations):
    images = sorted(json.loads(annotations.read_text())["images"], key=lambda image: image["id"])
    return [(image["id"], str(folder / image["file_name"])) for image in images]


def jpeg_size(path):
    """Of a baseline or progressive file, from its frame header."""
    data, at = path.read_bytes(), 2
    while not 0xC0 <= data[at + 1] <= 0xC2:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return {"width": width, "height": height}


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def detector(name, **changes):
    sections = {section: dict(keys) for section, keys in DETECTORS[name].items() if section != "quantize"}
    sections["calibration"].update(changes)
    return Model(name, sections, needs=tuple(Path(sections[section][key]) for section, key in (("calibration", "images"), ("validation", "annotations"))))


def classifier(name, file, sections, write_data, *needs):
    folder = ACCURACY / "models" / name
    validation = {**sections["validation"], "annotations": str(folder / "labels.csv")}
    return Model(name, {"model": {"path": str(MODELS / file)}, **sections, "validation": validation}, lambda: write_data(folder), needs)


def write_cifar(folder):
    photos = [(name, path) for name in CIFAR for path in sorted((TINY / "cifar10" / name).iterdir())]
    seen = {path for name in CIFAR for path in sorted((TINY / "cifar10" / name).iterdir())[:CIFAR_CALIBRATION]}
    (folder / "calibration.txt").write_text("".join(f"{path}\n" for _, path in photos if path in seen))
    write_rows(folder / "labels.csv", [(f"{name}/{path.name}", name) for name, path in photos if path not in seen])


def write_keywords(folder):
    with open(TINY / "kws_labels.csv") as file:
        _, *rows = csv.reader(file)
    write_rows(folder / "labels.csv", rows[KEYWORD_CALIBRATION:])


def write_persons(folder):
    truth = json.loads((COCO / "val" / "instances.json").read_text())
    area = {image["id"]: image["width"] * image["height"] for image in truth["images"]}
    persons = {entry["image_id"] for entry in truth["annotations"] if entry["category_id"] == PERSON and entry["area"] > LEAST_SHARE * area[entry["image_id"]]}
    write_rows(folder / "labels.csv", [(image["file_name"], int(image["id"] in persons)) for image in truth["images"]])


KEYWORDS = [str(TINY / "kws_inputs.npy")]
ALL = [
    detector("YOLOX-nano"), detector("PicoDet-s"), detector("FastestDet"), detector("Street", count=80),
    classifier("CIFAR", "model_ic.onnx", {
        "model": {"path": str(MODELS / "model_ic.onnx"), "input_shape": [1, 3, 32, 32]},
        "preprocess": {**square(32, color="rgb", mean=[125.307, 122.961, 113.858], std=[51.587, 50.847, 51.255]), "resize": "none"},
        "task": {"type": "classification", "classes": CIFAR},
        "calibration": {"images": str(ACCURACY / "models" / "CIFAR" / "calibration.txt"), "count": len(CIFAR) * CIFAR_CALIBRATION},
        "validation": {"images": str(TINY / "cifar10")}}, write_cifar, TINY / "cifar10"),
    classifier("Keywords", "model_kws.onnx", {
        "task": {"type": "classification"}, "calibration": {"images": KEYWORDS, "count": KEYWORD_CALIBRATION},
        "validation": {"images": KEYWORDS}}, write_keywords, TINY / "kws_labels.csv"),
    classifier("Persons", "vww_96_float.onnx", {
        "preprocess": square(96, color="rgb", std=[255] * 3), "task": {"type": "classification", "classes": ["nobody", "person"]},
        "calibration": {"images": str(PHOTOS), "count": 100}, "validation": {"images": str(COCO / "val" / "images")}}, write_persons, COCO),
]
