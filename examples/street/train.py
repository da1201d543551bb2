# SPDX-License-Identifier: Apache-2.0
"""Trains the street detector on synthetic scenes and exports it to ONNX.

    python train.py
    python train.py --network micro
"""

import argparse
import copy
import math
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from detector import PLANS, STRIDES, Detector
from evaluate import letterbox
from loss import detection_loss
from objects import NAMES
from scenes import JPEG_QUALITY, LEARNED, SEEDS, render

SEED = 7
MOST_TARGETS = 32
WARM_UP = 100
WEIGHT_AVERAGE = 0.998
CHECKPOINT = 250


@dataclass(frozen=True)
class Course:
    """How a network learns; `schedule` is the number of steps over which the rate falls."""

    scenes: int
    steps: int
    schedule: int
    threads: int  # another number adds in another order
    output: Path


HERE = Path(__file__).parent
COURSES = {
    "sample": Course(4500, 1250, 2200, threads=2, output=HERE / "detector.onnx"),
    "micro": Course(10000, 6000, 6000, threads=1, output=HERE.parent / "micro" / "detector.onnx"),
}


def training_scene(size, index):
    """A scene as the network meets it: through JPEG and letterbox; labels [M] and corners [M, 4] in input pixels."""
    picture, objects = render(SEEDS["train"], index)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    picture, scale, corner = letterbox(cv2.imdecode(encoded, cv2.IMREAD_COLOR), size)
    objects = [item for item in objects if item.reaches(LEARNED)][-MOST_TARGETS:]
    labels = np.array([item.category - 1 for item in objects], np.int64)
    boxes = np.array([item.box for item in objects], np.float32).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return picture, labels, corners * scale + np.array(corner * 2, np.float32)


class Scenes:
    """All training scenes in memory, as bytes."""

    def __init__(self, count, size):
        self.width = size[1]
        self.pictures = np.empty((count, *size, 3), np.uint8)
        self.labels = np.zeros((count, MOST_TARGETS), np.int64)
        self.corners = np.zeros((count, MOST_TARGETS, 4), np.float32)
        self.valid = np.zeros((count, MOST_TARGETS), bool)
        with ProcessPoolExecutor(2) as pool:
            for index, scene in enumerate(pool.map(partial(training_scene, size), range(count), chunksize=50)):
                self.pictures[index], labels, corners = scene
                self.labels[index, :len(labels)] = labels
                self.corners[index, :len(labels)] = corners
                self.valid[index, :len(labels)] = True

    def batch(self, indices, rng):
        """Mirrors half of the pictures and varies brightness and colour."""
        pictures = self.pictures[indices][..., ::-1].astype(np.float32)
        corners = self.corners[indices].copy()
        for position in np.flatnonzero(rng.random(len(indices)) < 0.5):
            pictures[position] = pictures[position, :, ::-1]
            corners[position][:, [0, 2]] = self.width - corners[position][:, [2, 0]]
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


class Training:
    """Everything that changes from step to step, so that a run can stop and go on."""

    def __init__(self, options):
        self.options, self.course = options, COURSES[options.network]
        self.detector = Detector(PLANS[options.network], len(NAMES)).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.detector).eval()
        self.optimizer = make_optimizer(self.detector, options.rate, decay=0.02)
        self.rng = np.random.default_rng(SEED)
        self.order = np.array([], np.int64)
        self.step = 0
        self.detector.train()

    def save(self, path):
        modules = {name: getattr(self, name).state_dict() for name in ("detector", "average", "optimizer")}
        partial = path.with_suffix(".partial")
        torch.save(modules | {"rng": self.rng.bit_generator.state, "order": torch.from_numpy(self.order), "step": self.step}, partial)
        partial.replace(path)

    def load(self, path):
        state = torch.load(path)
        for name in ("detector", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.rng.bit_generator.state = state["rng"]
        self.order, self.step = state["order"].numpy(), state["step"]

    def rate(self):
        progress = self.step / self.course.schedule
        return self.options.rate * min(1.0, (self.step + 1) / WARM_UP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def advance(self, scenes):
        """One step; returns its loss."""
        batch = self.options.batch
        if len(self.order) < batch:
            self.order = np.concatenate([self.order, self.rng.permutation(len(scenes.pictures))])
        indices, self.order = self.order[:batch], self.order[batch:]
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        loss = detection_loss(self.detector, *scenes.batch(indices, self.rng))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.detector.parameters(), 10.0)
        self.optimizer.step()
        self.step += 1
        average_into(self.average, self.detector, self.step)
        return float(loss.detach())


def train(options):
    torch.manual_seed(SEED)
    start = time.monotonic()
    scenes = Scenes(options.scenes, PLANS[options.network].size)
    print(f"{options.scenes} scenes in {time.monotonic() - start:.0f} s", flush=True)
    training = Training(options)
    if options.state and options.state.exists():
        training.load(options.state)
    recent = []
    while training.step < options.steps:
        recent.append(training.advance(scenes))
        if training.step % 100 == 0:
            print(f"step {training.step}: loss {np.mean(recent[-100:]):.3f}, {time.monotonic() - start:.0f} s", flush=True)
        if training.step % CHECKPOINT == 0:
            export(training.average, options.output)
            if options.state:
                training.save(options.state)
    return training.average


def export(detector, path):
    """Writes ONNX with batch normalisation folded, under a temporary name first."""
    example = torch.zeros(1, 3, *detector.plan.size)
    outputs = ["output0"] if detector.plan.decoded else [f"{part}{stride}" for stride in STRIDES for part in ("boxes", "classes")]
    partial = path.with_suffix(".partial")
    torch.onnx.export(copy.deepcopy(detector).eval(), (example,), str(partial), opset_version=17, dynamo=False,
                      input_names=["images"], output_names=outputs)
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=PLANS, default="sample")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--scenes", type=int)
    parser.add_argument("--steps", type=int, help="may stop before the rate has fallen")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--state", type=Path, help=f"file kept every {CHECKPOINT} steps; a run that finds it goes on from it")
    options = parser.parse_args()
    course = COURSES[options.network]
    options.scenes, options.steps = options.scenes or course.scenes, options.steps or course.steps
    options.output = options.output or course.output
    torch.set_num_threads(course.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads such memory, and filling it takes a tenth of the time
    cv2.setNumThreads(1)
    export(train(options), options.output)


if __name__ == "__main__":
    main()
