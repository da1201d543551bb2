# SPDX-License-Identifier: Apache-2.0
"""Trains the street detector on synthetic scenes and exports it to ONNX.

    python train.py --output detector.onnx
"""

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from detector import INPUT_SIZE, Detector
from evaluate import letterbox
from loss import detection_loss
from objects import NAMES
from scenes import JPEG_QUALITY, LEARNED, SEEDS, render

SEED = 7
SCHEDULE = 2200
MOST_TARGETS = 32
WARM_UP = 100
WEIGHT_AVERAGE = 0.998


def training_scene(index):
    """A scene as the network meets it: through JPEG and letterbox; labels [M] and corners [M, 4] in input pixels."""
    picture, objects = render(SEEDS["train"], index)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    picture, scale, corner = letterbox(cv2.imdecode(encoded, cv2.IMREAD_COLOR), INPUT_SIZE)
    objects = [item for item in objects if item.reaches(LEARNED)][-MOST_TARGETS:]
    labels = np.array([item.category - 1 for item in objects], np.int64)
    boxes = np.array([item.box for item in objects], np.float32).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return picture, labels, corners * scale + np.array(corner * 2, np.float32)


class Scenes:
    """All training scenes in memory, as bytes."""

    def __init__(self, count):
        self.pictures = np.empty((count, *INPUT_SIZE, 3), np.uint8)
        self.labels = np.zeros((count, MOST_TARGETS), np.int64)
        self.corners = np.zeros((count, MOST_TARGETS, 4), np.float32)
        self.valid = np.zeros((count, MOST_TARGETS), bool)
        for index in range(count):
            self.pictures[index], labels, corners = training_scene(index)
            self.labels[index, :len(labels)] = labels
            self.corners[index, :len(labels)] = corners
            self.valid[index, :len(labels)] = True

    def batch(self, indices, rng):
        """Mirrors half of the pictures and varies brightness and colour."""
        pictures = self.pictures[indices][..., ::-1].astype(np.float32)
        corners = self.corners[indices].copy()
        for position in np.flatnonzero(rng.random(len(indices)) < 0.5):
            pictures[position] = pictures[position, :, ::-1]
            corners[position][:, [0, 2]] = INPUT_SIZE[1] - corners[position][:, [2, 0]]
        gains = rng.uniform(0.8, 1.2, (len(indices), 1, 1, 1)) * rng.uniform(0.93, 1.07, (len(indices), 1, 1, 3))
        pictures = np.clip(pictures * gains.astype(np.float32), 0, 255) / 255.0
        most = max(1, int(self.valid[indices].sum(1).max()))
        arrays = (self.labels[indices, :most], corners[:, :most], self.valid[indices, :most])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2), *(torch.from_numpy(array) for array in arrays)


def make_optimizer(detector, rate, decay):
    weights = [p for p in detector.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in detector.parameters() if p.requires_grad and p.ndim == 1]
    return torch.optim.AdamW([{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}], lr=rate)


def average_into(average, detector, step):
    keep = WEIGHT_AVERAGE * (1 - math.exp(-step / 300))
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), detector.state_dict().values()):
            if mean.dtype.is_floating_point:
                mean.mul_(keep).add_(value, alpha=1 - keep)
            else:
                mean.copy_(value)


def train(options):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    start = time.monotonic()
    scenes = Scenes(options.scenes)
    print(f"{options.scenes} scenes in {time.monotonic() - start:.0f} s", flush=True)
    detector = Detector(len(NAMES)).to(memory_format=torch.channels_last)
    average = copy.deepcopy(detector).eval()
    optimizer = make_optimizer(detector, options.rate, decay=0.02)
    order = np.array([], np.int64)
    recent = []
    detector.train()
    for step in range(options.steps):
        if len(order) < options.batch:
            order = np.concatenate([order, rng.permutation(options.scenes)])
        indices, order = order[:options.batch], order[options.batch:]
        progress = step / SCHEDULE
        rate = options.rate * min(1.0, (step + 1) / WARM_UP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = detection_loss(detector, *scenes.batch(indices, rng))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        optimizer.step()
        average_into(average, detector, step + 1)
        recent.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: loss {np.mean(recent[-100:]):.3f}, {time.monotonic() - start:.0f} s", flush=True)
        if (step + 1) % 250 == 0:
            export(average, options.output)
    return average


def export(detector, path):
    """Writes ONNX with batch normalisation folded, under a temporary name first."""
    example = torch.zeros(1, 3, *INPUT_SIZE)
    partial = path.with_suffix(".partial")
    torch.onnx.export(copy.deepcopy(detector).eval(), (example,), str(partial), opset_version=17, dynamo=False,
                      input_names=["images"], output_names=["output0"])
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "detector.onnx")
    parser.add_argument("--scenes", type=int, default=4500)
    parser.add_argument("--steps", type=int, default=1250, help=f"of the {SCHEDULE} over which the rate falls")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    cv2.setNumThreads(1)
    export(train(options), options.output)


if __name__ == "__main__":
    main()
