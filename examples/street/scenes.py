# SPDX-License-Identifier: Apache-2.0
"""Synthetic street scenes with COCO annotations, the same for the same seed.

    python scenes.py --output . --validation 200 --calibration 100
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from canvas import Canvas
from objects import CLUTTER, DRAW, NAMES, SIZE, paint

SEEDS = {"train": 1, "calibration": 2, "validation": 3}
PICTURE_SIZES = [(448, 252), (400, 300), (432, 288)]
JPEG_QUALITY = 64
# Smallest side in pixels and least visible fraction of an object that is annotated, taught, counted in validation.
MARKED, LEARNED, COUNTED = (4, 0.1), (7, 0.3), (10, 0.6)
FREQUENCY = {"person": 0.33, "bicycle": 0.14, "car": 0.33, "truck": 0.11, "bus": 0.09}


@dataclass
class View:
    """A camera over flat ground: a pixel row `ground` below the horizon is (ground - horizon) / eye_height pixels a metre."""

    width: int
    height: int
    horizon: float
    eye_height: float
    haze: float

    def pixels_a_metre(self, ground):
        return (ground - self.horizon) / self.eye_height

    def haze_at(self, scale):
        distance = self.height / max(scale, 1.0) / 10.0
        return 1.0 - float(np.exp(-self.haze * distance))


@dataclass
class Annotation:
    """The box (x, y, width, height) around what can be seen of an object, and how much of the object that is."""

    category: int
    box: tuple
    visible: float

    def reaches(self, limits):
        """True when the object is large and visible enough."""
        smallest_side, smallest_visible = limits
        return min(self.box[2:]) >= smallest_side and self.visible >= smallest_visible


def smooth_noise(rng, height, width, cells, amplitude):
    coarse = rng.normal(0.0, amplitude, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def draw_building(canvas, rng, view, left, width):
    base = view.horizon + rng.uniform(2, 12)
    height = rng.uniform(0.25, 1.0) * view.height
    canvas.frame(0, left + width / 2, base, width, height, haze=view.haze_at(6.0))
    wall = rng.uniform(70, 190) * rng.uniform(0.8, 1.1, 3)
    canvas.box(-0.5, 0, 0.5, 1, wall)
    rows, columns = int(height // rng.uniform(16, 26)), int(width // rng.uniform(12, 24))
    glow = rng.random() < 0.3
    for row in range(1, rows):
        for column in range(columns):
            x, y = (column + 0.25) / columns - 0.5, (row + 0.2) / rows
            lit = glow and rng.random() < 0.3
            color = (120, 200, 240) if lit else wall * rng.uniform(0.4, 0.75)
            canvas.box(x, y, x + 0.5 / columns, y + 0.55 / rows, color)
    if rng.random() < 0.5:
        canvas.box(-0.4, 0.02, 0.4, 0.12, paint(rng))


def draw_background(canvas, rng, view):
    width, height, horizon = view.width, view.height, int(view.horizon)
    sky = np.array([225, 190, 150]) * rng.uniform(0.7, 1.1) if rng.random() < 0.5 else np.full(3, rng.uniform(130, 225))
    canvas.haze_color = sky * 0.5 + 100
    ramp = np.linspace(0.8, 1.05, horizon)[:, None, None]
    image = np.zeros((height, width, 3))
    image[:horizon] = sky * ramp
    road = rng.uniform(70, 125) * np.array([1.02, 1.0, 0.97])
    image[horizon:] = road * np.linspace(1.1, 0.85, height - horizon)[:, None, None]
    image += smooth_noise(rng, height, width, int(rng.integers(6, 14)), 7.0)[..., None]
    canvas.image[:] = np.clip(image, 0, 255).astype(np.uint8)

    x = -rng.uniform(0, 60)
    while x < width:
        span = rng.uniform(40, 150)
        if rng.random() < 0.85:
            draw_building(canvas, rng, view, x, span)
        x += span
    vanish = rng.uniform(0.3, 0.7) * width
    canvas.frame(0, 0, 0, 1, -1)
    for side in (-1, 1):
        spread = rng.uniform(0.7, 1.6) * width
        curb = [(vanish, horizon), (vanish + side * spread, height), (vanish + side * 6 * width, height),
                (vanish + side * 6 * width, horizon)]
        canvas.polygon(curb, rng.uniform(110, 170) * np.array([1, 1, 1.02]), owned=False)
    for step in np.geomspace(0.04, 1.0, 6):
        near = horizon + (height - horizon) * step
        far = horizon + (height - horizon) * step * 0.8
        lane = rng.uniform(-0.02, 0.02) * width
        marking = [(vanish + lane * step - 5 * step, near), (vanish + lane * step + 5 * step, near),
                   (vanish + lane * step + 4 * step, far), (vanish + lane * step - 4 * step, far)]
        canvas.polygon(marking, (200, 205, 205), owned=False)


def draw_shadow(canvas, x, ground, width, height, strength):
    canvas.frame(0, x, ground, width, height)
    corners = canvas.points([(-0.52, -0.06), (0.55, -0.06), (0.62, 0.05), (-0.4, 0.05)])
    left, top = np.maximum(corners.min(axis=0) // 16 - 1, 0)
    right, bottom = corners.max(axis=0) // 16 + 2
    patch = canvas.image[top:bottom, left:right]
    if patch.size:
        dark = patch.copy()
        cv2.fillPoly(dark, [corners - np.array([left, top]) * 16], (20, 20, 20), cv2.LINE_AA, 4)
        patch[:] = cv2.addWeighted(dark, strength, patch, 1.0 - strength, 0.0)


def draw_object(canvas, rng, view, number, name, x, ground, shadow):
    scale = view.pixels_a_metre(ground)
    tall, wide_side, wide_end = SIZE[name]
    side = rng.random() < (0.6 if name in ("car", "truck", "bus") else 0.75)
    height = tall * scale * rng.uniform(0.88, 1.12)
    width = (wide_side if side else wide_end) * scale * rng.uniform(0.85, 1.15)
    haze = view.haze_at(scale)
    draw_shadow(canvas, x, ground, width, height, shadow)
    canvas.frame(number, x, ground, width, height, haze, bool(rng.random() < 0.5))
    DRAW[name](canvas, rng, side)
    return haze


def draw_traffic_light(canvas, rng, view, number, x, ground):
    scale = view.pixels_a_metre(ground) * rng.uniform(1.0, 1.5)
    haze = view.haze_at(scale)
    top = ground - rng.uniform(3.0, 4.6) * scale
    canvas.frame(0, x, ground, 1.0, ground - top, haze)
    canvas.line([(0, 0), (0, 0.95)], max(0.02, 1.2 / max(ground - top, 1.0)), (75, 75, 80))
    canvas.frame(number, x, top + SIZE["traffic light"][0] * scale, SIZE["traffic light"][1] * scale,
                 SIZE["traffic light"][0] * scale, haze)
    DRAW["traffic light"](canvas, rng, True)


def populate(canvas, rng, view):
    """Paints objects from far to near and returns each object's class and number of pixels before others covered it."""
    shadow = rng.uniform(0.1, 0.5)
    near_limit = view.height * rng.uniform(0.75, 1.1)
    count = int(rng.integers(8, 34))
    depths = np.sort(view.horizon + (near_limit - view.horizon) * rng.uniform(0.3, 1.0, count) ** 2.0)
    crowd = rng.uniform(0.0, view.width)
    classes, pixels = [], []
    for ground in depths:
        kind = rng.random()
        x = rng.normal(crowd, view.width * 0.12) if rng.random() < 0.35 else rng.uniform(-10, view.width + 10)
        scale = view.pixels_a_metre(ground)
        if kind < 0.3:
            draw, tall, wide = CLUTTER[int(rng.integers(len(CLUTTER)))]
            canvas.frame(0, x, ground, wide * scale * rng.uniform(0.8, 1.3), tall * scale * rng.uniform(0.7, 1.2),
                         view.haze_at(scale), bool(rng.random() < 0.5))
            draw(canvas, rng)
        elif kind < 0.42:
            classes.append("traffic light")
            draw_traffic_light(canvas, rng, view, len(classes), x, ground)
        else:
            name = str(rng.choice(list(FREQUENCY), p=list(FREQUENCY.values())))
            classes.append(name)
            draw_object(canvas, rng, view, len(classes), name, x, ground, shadow)
            if name == "bicycle" and rng.random() < 0.4:
                classes.append("person")
                canvas.frame(len(classes), x, ground - 0.45 * scale, 0.75 * scale, 1.45 * scale, view.haze_at(scale))
                DRAW["person"](canvas, rng, True)
        pixels += [np.count_nonzero(canvas.owner == number + 1) for number in range(len(pixels), len(classes))]
    return classes, pixels


def annotate(owner, classes, pixels):
    """Annotations of all objects that are in sight, from far to near."""
    annotations = []
    for number, (name, whole) in enumerate(zip(classes, pixels), start=1):
        mask = (owner == number).astype(np.uint8)
        visible = np.count_nonzero(mask)
        if visible:
            annotations.append(Annotation(NAMES.index(name) + 1, cv2.boundingRect(mask), visible / whole))
    return annotations


def develop(rng, image):
    """Light, weather, lens and sensor."""
    height, width = image.shape[:2]
    picture = image.astype(np.float32)
    picture *= 1.0 + smooth_noise(rng, height, width, 4, 0.12)[..., None]
    night = rng.random() < 0.25
    exposure = rng.uniform(0.35, 0.65) if night else rng.uniform(0.75, 1.2)
    picture *= exposure * (np.array([1.12, 1.0, 0.88]) if night else rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    if rng.random() < 0.2:
        streaks = (rng.random((height, width), np.float32) > 0.994).astype(np.float32)
        kernel = np.zeros((9, 9), np.float32)
        cv2.line(kernel, (3, 0), (5, 8), 1.0)
        picture += cv2.filter2D(streaks, -1, kernel)[..., None] * 55.0
    blur = rng.random()
    if blur < 0.45:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.4)))
    elif blur < 0.6:
        length = int(rng.integers(3, 7))
        picture = cv2.blur(picture, (length, 1))
    contrast = rng.uniform(0.7, 1.1)
    middle = float(picture.mean())
    picture = (picture - middle) * contrast + middle
    picture += rng.normal(0.0, rng.uniform(1.0, 6.0), (height, width, 1)).astype(np.float32)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def render(seed, index):
    """A picture (blue first) and its annotations."""
    rng = np.random.default_rng([seed, index])
    width, height = PICTURE_SIZES[int(rng.integers(len(PICTURE_SIZES)))]
    view = View(width, height, horizon=height * rng.uniform(0.3, 0.48), eye_height=rng.uniform(1.8, 4.5),
                haze=rng.uniform(0.0, 0.25) if rng.random() < 0.6 else rng.uniform(0.3, 0.8))
    canvas = Canvas(width, height)
    draw_background(canvas, rng, view)
    classes, pixels = populate(canvas, rng, view)
    annotations = annotate(canvas.owner, classes, pixels)
    return develop(rng, canvas.image), annotations


def write_jpegs(folder, seed, count):
    """Writes pictures and returns their COCO document.

    Objects too small or too hidden to count are marked as crowds, so that a detector may find them or not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for index in range(count):
        picture, objects = render(seed, index)
        name = f"{index:03d}.jpg"
        cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        images.append({"id": index + 1, "file_name": name, "width": picture.shape[1], "height": picture.shape[0]})
        for item in objects:
            if item.reaches(MARKED):
                annotations.append({"id": len(annotations) + 1, "image_id": index + 1, "category_id": item.category,
                                    "bbox": list(item.box), "area": item.box[2] * item.box[3],
                                    "iscrowd": int(not item.reaches(COUNTED))})
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
    return {"info": {"description": "Synthetic street scenes"}, "images": images, "categories": categories,
            "annotations": annotations}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--validation", type=int, default=200)
    parser.add_argument("--calibration", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    write_jpegs(options.output / "calibration", SEEDS["calibration"], options.calibration)
    document = write_jpegs(options.output / "val", SEEDS["validation"], options.validation)
    (options.output / "val.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
