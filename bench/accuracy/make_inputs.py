# SPDX-License-Identifier: Apache-2.0
"""make_inputs.py RECIPE SAMPLES OUT.npy: a model's inputs as OpenCV makes them, for engines that are not Halftone.

SAMPLES is a JSON list of photos, or of rows of the array that the recipe's [calibration] names."""
import json
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np

INTERPOLATIONS = {"bilinear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
PAD = 114


def fitted(photo, height, width, how):
    """The photo at the size of the input, as [preprocess] of a recipe says."""
    interpolation = INTERPOLATIONS[how.get("interpolation", "bilinear")]
    if how["resize"] == "none":
        return photo
    if how["resize"] == "stretch":
        return cv2.resize(photo, (width, height), interpolation=interpolation)
    scale = min(height / photo.shape[0], width / photo.shape[1])
    rows, columns = int(photo.shape[0] * scale), int(photo.shape[1] * scale)
    top, left = ((height - rows) // 2, (width - columns) // 2) if how["place"] == "center" else (0, 0)
    canvas = np.full((height, width, 3), PAD, np.uint8)
    canvas[top:top + rows, left:left + columns] = cv2.resize(photo, (columns, rows), interpolation=interpolation)
    return canvas


def as_input(path, how):
    photo = fitted(cv2.imread(path, cv2.IMREAD_COLOR), *how["size"], how)
    if how["color"] == "rgb":
        photo = photo[:, :, ::-1]
    mean, std = (np.array(how.get(key, default), np.float32) for key, default in (("mean", [0] * 3), ("std", [1] * 3)))
    return ((photo.astype(np.float32) - mean) / std).transpose(2, 0, 1)


def main():
    recipe, samples, out = tomllib.loads(Path(sys.argv[1]).read_text()), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]
    if "preprocess" not in recipe:
        np.save(out, np.load(recipe["calibration"]["images"][0])[samples])
        return
    inputs = None
    for number, path in enumerate(samples):
        one = as_input(path, recipe["preprocess"])
        if inputs is None:
            inputs = np.lib.format.open_memmap(out, "w+", np.float32, (len(samples), *one.shape))
        inputs[number] = one
    inputs.flush()


main()
