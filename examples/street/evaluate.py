# SPDX-License-Identifier: Apache-2.0
"""Average precision of an ONNX detector of this family, by ONNX Runtime and pycocotools.

    python evaluate.py detector.onnx
"""

import argparse
import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = Path(__file__).parent
PAD = 114
SCORE_THRESHOLD, NMS_THRESHOLD, MOST_DETECTIONS = 0.001, 0.7, 100


def letterbox(picture, size):
    """Scales to fit `size` (height, width) and centres on grey; returns the picture, the scale and the corner."""
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    scaled = (int(round(width * scale)), int(round(height * scale)))
    left, top = (size[1] - scaled[0]) // 2, (size[0] - scaled[1]) // 2
    canvas = np.full((*size, 3), PAD, np.uint8)
    canvas[top:top + scaled[1], left:left + scaled[0]] = cv2.resize(picture, scaled, interpolation=cv2.INTER_LINEAR)
    return canvas, scale, (left, top)


def to_input(picture):
    """Blue-first pixels [H, W, 3] to the network's input [1, 3, H, W]: red first, 0..1."""
    return np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)[None]).astype(np.float32) / 255.0


def decode(sides, logits, height):
    """One stride's maps, [4 * bins, H, W] and [C, H, W], to [4 + C, H * W] in pixels of an input of this height."""
    rows, columns = sides.shape[1:]
    values = sides.reshape(4, -1, rows, columns)
    shares = np.exp(values - values.max(1, keepdims=True))
    left, top, right, bottom = np.tensordot(np.arange(shares.shape[1]), shares / shares.sum(1, keepdims=True), (0, 1))
    y, x = np.mgrid[:rows, :columns] + 0.5
    boxes = np.stack([x + (right - left) / 2, y + (bottom - top) / 2, left + right, top + bottom]) * (height / rows)
    return np.concatenate([boxes, 1 / (1 + np.exp(-logits))]).reshape(4 + len(logits), -1)


def join(outputs, height):
    """What a network of this family ends in, decoded or two maps a stride, as [4 + C, N]."""
    if len(outputs) == 1:
        return outputs[0][0]
    return np.concatenate([decode(sides[0], logits[0], height) for sides, logits in zip(outputs[::2], outputs[1::2])], 1)


def suppress(boxes, scores):
    """Indices of the boxes (corners) that survive greedy suppression, best first."""
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while order.size:
        first, rest = order[0], order[1:]
        kept.append(first)
        low, high = np.maximum(boxes[first, :2], boxes[rest, :2]), np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.clip(high - low, 0, None).prod(1)
        order = rest[shared <= NMS_THRESHOLD * (areas[first] + areas[rest] - shared)]
    return kept


def detections(output, scale, corner, width, height):
    """[4 + C, N] to (category id, score, [x, y, w, h]) in the picture's own pixels, best first."""
    best = output[4:].argmax(0)
    scores = output[4:].max(0)
    keep = scores > SCORE_THRESHOLD
    center, size = output[:2, keep].T, output[2:4, keep].T
    boxes = np.concatenate([center - size / 2, center + size / 2], 1)
    boxes = (boxes - np.array(corner * 2)) / scale
    boxes = np.clip(boxes, 0, [width, height, width, height])
    best, scores = best[keep], scores[keep]
    found = []
    for label in np.unique(best):
        members = np.flatnonzero(best == label)
        found += [members[i] for i in suppress(boxes[members], scores[members])]
    found.sort(key=lambda i: -scores[i])
    return [(int(best[i]) + 1, float(scores[i]),
             [float(v) for v in (*boxes[i, :2], *(boxes[i, 2:] - boxes[i, :2]))]) for i in found[:MOST_DETECTIONS]]


def detect(model, images, annotations):
    """Runs the model on every picture of a COCO file; returns a pycocotools result list."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Without it, products of 8-bit numbers saturate on processors that lack dot product instructions.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    results = []
    for image in json.loads(Path(annotations).read_text())["images"]:
        picture, scale, corner = letterbox(cv2.imread(str(Path(images) / image["file_name"])), tuple(entry.shape[2:]))
        output = join(session.run(None, {entry.name: to_input(picture)}), entry.shape[2])
        for category, score, box in detections(output, scale, corner, image["width"], image["height"]):
            results.append({"image_id": image["id"], "category_id": category, "bbox": box, "score": score})
    return results


def coco_figures(results, annotations):
    """pycocotools' twelve figures."""
    if not results:
        return np.zeros(12)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--images", type=Path, default=HERE / "val")
    parser.add_argument("--annotations", type=Path, default=HERE / "val.json")
    options = parser.parse_args()
    figures = coco_figures(detect(options.model, options.images, options.annotations), options.annotations)
    for name, value in zip(("AP", "AP50", "AP75", "AP small", "AP medium", "AP large"), figures):
        print(f"{name:10} {value:.4f}")


if __name__ == "__main__":
    main()
