# SPDX-License-Identifier: Apache-2.0
"""Detector heads against an independent statement of each definition in docs/INTERFACE.md, in double precision, and against
whole detections of real models that ONNX Runtime computes."""
import importlib.util
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from places import built, shared

PROBE = built("evaluate_probe")


def run_probe(folder, task, size, outputs, images, **options):
    """outputs: [(name, shape, hints)]; images: [(arrays, placement, photo, id)]. Gives the probe's finished process."""
    listed = []
    for number, (arrays, placement, photo, image_id) in enumerate(images):
        files = []
        for place, array in enumerate(arrays):
            files.append(str(folder / f"{number}_{place}.bin"))
            np.ascontiguousarray(array, np.float32).tofile(files[-1])
        listed.append({"id": image_id, "files": files, "placement": placement, "photo": photo})
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"task": task, "input": size, "images": listed, **options,
                                "outputs": [{"name": n, "shape": list(s), **hints} for n, s, hints in outputs]}))
    return subprocess.run([PROBE, "heads", spec], capture_output=True, text=True)


def detections(folder, task, size, arrays, hints=None, placement=(1, 1, 0, 0), photo=None, **options):
    outputs = [(f"output{i}", a.shape, hints or {}) for i, a in enumerate(arrays)]
    done = run_probe(folder, task, size, outputs, [(arrays, placement, photo or size, 1)], **options)
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout)[0]).reshape(-1, 6)


def everything(head, classes, **more):
    """A task without suppression."""
    return {"head": head, "class_count": classes, "score_threshold": 0.1, "nms_threshold": 1.0, "max_detections": 10**6, **more}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def cells(size, strides):
    """x index, y index and stride of every cell of every grid."""
    rows = [(x, y, s) for s in strides for y in range(-(-size[0] // s)) for x in range(-(-size[1] // s))]
    return np.array(rows, np.float64).T


def distribution_mean(logits):
    logits = np.float64(logits)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights * np.arange(logits.shape[-1])).sum(-1) / weights.sum(-1)


def expected(boxes, scores, threshold, multi_label):
    """Rows x0, y0, x1, y1, score, class of what is above the threshold."""
    if not multi_label:
        best = scores.argmax(1)
        only = np.full_like(scores, -1)
        only[np.arange(len(scores)), best] = scores[np.arange(len(scores)), best]
        scores = only
    place, label = np.nonzero(scores > threshold)
    return np.column_stack([boxes[place], scores[place, label], label])


def from_centres(cx, cy, w, h):
    return np.column_stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])


def assert_same(ours, theirs):
    assert len(theirs) > 20 and len(ours) == len(theirs)
    assert np.all(np.diff(ours[:, 4]) <= 0)
    ours, theirs = (rows[np.lexsort((rows[:, 4], rows[:, 5]))] for rows in (ours, theirs))
    np.testing.assert_array_equal(ours[:, 5], theirs[:, 5])
    np.testing.assert_allclose(ours[:, :5], theirs[:, :5], rtol=2e-5, atol=2e-4)


SIZE = [96, 128]
CLASSES = 6


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit"])
@pytest.mark.parametrize("boxes", ["cells", "pixels", "fractions"])
def test_yolox(tmp_path, scores, boxes, multi_label):
    rng = np.random.default_rng(1)
    x, y, s = cells(SIZE, (8, 16, 32))
    p = rng.normal(0, 1, (len(x), 5 + CLASSES)).astype(np.float32)
    if scores == "probability":
        p[:, 4:] = rng.random((len(x), 1 + CLASSES))
    if boxes == "pixels":
        p[:, :4] = rng.uniform(1, 90, (len(x), 4))
    if boxes == "fractions":
        p[:, :4] = rng.random((len(x), 4))
    q = np.float64(p)
    if boxes == "cells":
        truth = from_centres((q[:, 0] + x) * s, (q[:, 1] + y) * s, np.exp(q[:, 2]) * s, np.exp(q[:, 3]) * s)
    else:
        width, height = (SIZE[1], SIZE[0]) if boxes == "fractions" else (1, 1)
        truth = from_centres(q[:, 0] * width, q[:, 1] * height, q[:, 2] * width, q[:, 3] * height)
    probability = q[:, 4:] if scores == "probability" else sigmoid(q[:, 4:])
    ours = detections(tmp_path, everything("yolox", CLASSES, multi_label=multi_label), SIZE, [p[None]], {"scores": scores, "boxes": boxes})
    assert_same(ours, expected(truth, probability[:, :1] * probability[:, 1:], 0.1, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
def test_fastestdet(tmp_path, multi_label):
    rng = np.random.default_rng(2)
    h, w = SIZE[0] // 8, SIZE[1] // 8
    p = rng.normal(0, 1, (1, 5 + CLASSES, h, w)).astype(np.float32)
    p[:, 0], p[:, 5:] = rng.uniform(-0.1, 1, (1, h, w)), rng.uniform(-0.1, 1, (1, CLASSES, h, w))
    q = np.float64(p[0])
    gy, gx = np.mgrid[:h, :w]
    truth = from_centres(*(v.ravel() for v in ((gx + np.tanh(q[1])) / w * SIZE[1], (gy + np.tanh(q[2])) / h * SIZE[0],
                                               sigmoid(q[3]) * SIZE[1], sigmoid(q[4]) * SIZE[0])))
    scores = q[0].clip(0).reshape(-1, 1) ** 0.6 * q[5:].clip(0).reshape(CLASSES, -1).T ** 0.4
    ours = detections(tmp_path, everything("fastestdet", CLASSES, strides=[8], multi_label=multi_label), SIZE, [p])
    assert_same(ours, expected(truth, scores, 0.1, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit"])
@pytest.mark.parametrize("center_offset", [None, 0.0, 0.5])
@pytest.mark.parametrize("concatenated", [False, True])
@pytest.mark.parametrize("classes, bins", [(CLASSES, 8), (8, 2)])
def test_nanodet(tmp_path, scores, center_offset, concatenated, classes, bins, multi_label):
    size, strides = [90, 130], (8, 16, 32, 64)
    rng = np.random.default_rng(3)
    x, y, s = cells(size, strides)
    cls = rng.normal(-1, 2, (len(x), classes)).astype(np.float32)
    if scores == "probability":
        cls = sigmoid(cls).astype(np.float32)
    dis = rng.normal(0, 2, (len(x), 4 * bins)).astype(np.float32)
    ends = np.cumsum([(s == stride).sum() for stride in strides])[:-1]
    if concatenated:
        arrays = [np.hstack([cls, dis])[None]]
    else:
        arrays = [a[None] for a in (*np.split(cls, ends), *np.split(dis, ends))]
    side = distribution_mean(dis.reshape(-1, 4, bins)) * s[:, None]
    cx, cy = (v * s + 0.5 * (s - 1) if center_offset is None else (v + center_offset) * s for v in (x, y))
    truth = np.column_stack([cx - side[:, 0], cy - side[:, 1], cx + side[:, 2], cy + side[:, 3]])
    truth = truth.clip(0, [size[1], size[0]] * 2)
    task = everything("nanodet", classes, strides=strides, multi_label=multi_label)
    if center_offset is not None:
        task["center_offset"] = center_offset
    probability = np.float64(cls) if scores == "probability" else sigmoid(cls)
    ours = detections(tmp_path, task, size, arrays, {"scores": scores})
    assert_same(ours, expected(truth, probability, 0.1, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit"])
@pytest.mark.parametrize("boxes", ["pixels", "fractions"])
@pytest.mark.parametrize("rows", [False, True])
def test_yolov8_decoded(tmp_path, scores, boxes, rows, multi_label):
    rng = np.random.default_rng(4)
    unit = np.array([SIZE[1], SIZE[0]] * 2, np.float64)
    p = np.column_stack([rng.uniform(0.3, 0.7, (300, 2)), rng.uniform(0.05, 0.5, (300, 2)), rng.normal(-1, 2, (300, CLASSES))]).astype(np.float32)
    if scores == "probability":
        p[:, 4:] = sigmoid(p[:, 4:])
    if boxes == "pixels":
        p[:, :4] = p[:, :4] * unit
    q = np.float64(p)
    truth = from_centres(*(q[:, :4] * (unit if boxes == "fractions" else 1)).T).clip(0, unit)
    probability = q[:, 4:] if scores == "probability" else sigmoid(q[:, 4:])
    output = p[None] if rows else p.T[None]
    task = everything("yolov8", CLASSES, multi_label=multi_label)
    for hints, options in (({"scores": scores, "boxes": boxes}, {}), ({}, {"sample": True})):
        ours = detections(tmp_path, task, SIZE, [output], hints, **options)
        assert_same(ours, expected(truth, probability, 0.1, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit"])
@pytest.mark.parametrize("layout", ["columns", "rows", "maps", "split-maps"])
@pytest.mark.parametrize("classes", [CLASSES, 64])
def test_yolov8_raw(tmp_path, scores, layout, classes, multi_label):
    rng = np.random.default_rng(5)
    x, y, s = cells(SIZE, (8, 16, 32))
    dis = rng.normal(0, 2, (len(x), 64)).astype(np.float32)
    cls = rng.normal(-1, 2, (len(x), classes)).astype(np.float32)
    if scores == "probability":
        cls = sigmoid(cls).astype(np.float32)
    both = np.hstack([dis, cls])
    if layout == "columns":
        arrays = [both.T[None]]
    elif layout == "rows":
        arrays = [both[None]]
    else:
        def maps(values):
            return [values[s == t].T.reshape(1, -1, SIZE[0] // t, SIZE[1] // t) for t in (8, 16, 32)]
        arrays = maps(both) if layout == "maps" else [a for pair in zip(maps(dis), maps(cls)) for a in pair]
    side = distribution_mean(dis.reshape(-1, 4, 16))
    truth = np.column_stack([x + 0.5 - side[:, 0], y + 0.5 - side[:, 1], x + 0.5 + side[:, 2], y + 0.5 + side[:, 3]]) * s[:, None]
    truth = truth.clip(0, [SIZE[1], SIZE[0]] * 2)
    probability = np.float64(cls) if scores == "probability" else sigmoid(cls)
    ours = detections(tmp_path, everything("yolov8", classes, multi_label=multi_label), SIZE, arrays, {"scores": scores})
    assert_same(ours, expected(truth, probability, 0.1, multi_label))


V5_ANCHORS = [[(10, 13), (16, 30), (33, 23)], [(30, 61), (62, 45), (59, 119)], [(116, 90), (156, 198), (373, 326)]]


def anchor_cells(size, strides, anchors):
    """x, y, stride, anchor width and height of every box: stride by stride, anchor by anchor, row by row."""
    rows = [(x, y, s, w, h) for s, level in zip(strides, anchors) for w, h in level for y in range(-(-size[0] // s)) for x in range(-(-size[1] // s))]
    return np.array(rows, np.float64).T


def anchored(t, x, y, s, w, h):
    return from_centres((2 * t[:, 0] - 0.5 + x) * s, (2 * t[:, 1] - 0.5 + y) * s, (2 * t[:, 2]) ** 2 * w, (2 * t[:, 3]) ** 2 * h)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("boxes", ["pixels", "fractions"])
def test_yolov5_decoded(tmp_path, boxes, multi_label):
    rng = np.random.default_rng(7)
    unit = np.array([SIZE[1], SIZE[0]] * 2, np.float64)
    x, y, s, w, h = anchor_cells(SIZE, (8, 16, 32), V5_ANCHORS)
    p = rng.random((len(x), 5 + CLASSES)).astype(np.float32)
    p[:, :2] = (np.column_stack([x, y]) + rng.uniform(0, 1, (len(x), 2))) * s[:, None]
    p[:, 2:4] = rng.uniform(4, 60, (len(x), 2))
    if boxes == "fractions":
        p[:, :4] /= unit
    q = np.float64(p)
    truth = from_centres(*(q[:, :4] * (unit if boxes == "fractions" else 1)).T).clip(0, unit)
    scores = q[:, 4:5] * q[:, 5:]
    task = everything("yolov5", CLASSES, multi_label=multi_label)
    for hints, options in (({"scores": "probability", "boxes": boxes}, {}), ({}, {"sample": True})):
        assert_same(detections(tmp_path, task, SIZE, [p[None]], hints, **options), expected(truth, scores, 0.1, multi_label))
    # As many boxes as some other grid would have.
    assert_same(detections(tmp_path, task, SIZE, [p[None, :-7]], {"boxes": boxes}), expected(truth[:-7], scores[:-7], 0.1, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit"])
@pytest.mark.parametrize("form", ["rows", "maps", "five-axes"])
@pytest.mark.parametrize("anchors", [None, [[(5, 6), (7, 9)], [(20, 10), (31, 44.5)]]])
def test_yolov5_raw(tmp_path, anchors, form, scores, multi_label):
    size, strides = [90, 130], (8, 16, 32) if anchors is None else (8, 16)
    rng = np.random.default_rng(8)
    lists = anchors or V5_ANCHORS
    x, y, s, w, h = anchor_cells(size, strides, lists)
    p = rng.normal(0, 1.5, (len(x), 5 + CLASSES)).astype(np.float32)
    if scores == "probability":
        p = sigmoid(p).astype(np.float32)
    t = sigmoid(p) if scores == "logit" else np.float64(p)
    truth = anchored(t, x, y, s, w, h).clip(0, [size[1], size[0]] * 2)
    task = everything("yolov5", CLASSES, multi_label=multi_label)
    if anchors:
        task |= {"anchors": anchors, "strides": strides}
    arrays, hints = [p[None]], {"scores": scores, "boxes": "cells"}
    if form != "rows":
        per_stride = [p[s == stride].reshape(len(lists[0]), -(-size[0] // stride), -(-size[1] // stride), 5 + CLASSES) for stride in strides]
        arrays = [a[None] if form == "five-axes" else a.transpose(0, 3, 1, 2).reshape(1, -1, *a.shape[1:3]) for a in per_stride]
        hints = {"scores": scores}
    truths = expected(truth, t[:, 4:5] * t[:, 5:], 0.1, multi_label)
    for given, options in ((hints, {}), ({}, {"sample": True})):
        assert_same(detections(tmp_path, task, size, arrays, given, **options), truths)


FASTEST_ANCHORS = [[(12.64, 19.39), (37.88, 51.48), (55.71, 138.31)], [(126.91, 78.23), (131.57, 214.55), (279.92, 258.87)]]


def softmax(x):
    e = np.exp(np.float64(x) - np.float64(x).max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("form", ["rows", "stride-rows", "maps"])
def test_yolo_fastestv2(tmp_path, form, activated, multi_label):
    rng = np.random.default_rng(9)
    size = [96, 160]
    x, y, s = cells(size, (16, 32))
    raw = rng.normal(0, 2, (len(x), 15 + CLASSES)).astype(np.float32)
    q = np.hstack([sigmoid(raw[:, :15]), softmax(raw[:, 15:])])
    p = q.astype(np.float32) if activated else raw
    q = np.float64(p) if activated else q
    truths, all_scores = [], []
    for anchor in range(3):
        w, h = np.array([FASTEST_ANCHORS[0 if stride == 16 else 1][anchor] for stride in s]).T
        truths.append(anchored(q[:, 4 * anchor:4 * anchor + 4], x, y, s, w, h))
        all_scores.append(q[:, 12 + anchor:13 + anchor] * q[:, 15:])
    if form == "rows":
        arrays = [p]
    else:
        arrays = [p[s == t].reshape(1, size[0] // t, size[1] // t, -1) for t in (16, 32)]
        if form == "maps":
            arrays = [a.transpose(0, 3, 1, 2) for a in arrays]
    task = everything("yolo-fastestv2", CLASSES, multi_label=multi_label)
    for hints, options in (({} if activated else {"scores": "logit"}, {}), ({}, {"sample": True})):
        ours = detections(tmp_path, task, size, arrays, hints, **options)
        assert_same(ours, expected(np.vstack(truths), np.vstack(all_scores), 0.1, multi_label))


def ssd_truth(t, priors, variances=(0.1, 0.1, 0.2, 0.2)):
    """priors: centre and size in pixels."""
    v = np.array(variances)
    return from_centres(priors[:, 0] + t[:, 0] * v[0] * priors[:, 2], priors[:, 1] + t[:, 1] * v[1] * priors[:, 3],
                        priors[:, 2] * np.exp(t[:, 2] * v[2]), priors[:, 3] * np.exp(t[:, 3] * v[3]))


def ssd_mobilenet_priors(size):
    """Liu et al. with the sizes of SSD-MobileNet: 0.2 to 0.95, three on the finest grid."""
    side, rows = min(size), []
    scales = [0.2 + 0.15 * i for i in range(6)] + [1.0]
    for i, stride in enumerate((16, 32, 64, 128, 256, 512)):
        h, w = -(-size[0] // stride), -(-size[1] // stride)
        boxes = [(scales[i], r) for r in (1, 2, 1 / 2, 3, 1 / 3)] + [((scales[i] * scales[i + 1]) ** 0.5, 1)]
        if i == 0:
            boxes = [(0.1, 1), (0.2, 2), (0.2, 1 / 2)]
        rows += [((x + 0.5) / w * size[1], (y + 0.5) / h * size[0], side * a * r ** 0.5, side * a / r ** 0.5)
                 for y in range(h) for x in range(w) for a, r in boxes]
    return np.array(rows)


BACKGROUND = ["none", "first", "last"]
ORDERS = ["xyxy", "yxyx", "xywh", "cxcywh", "cycxhw"]


def score_columns(rng, count, background, form):
    """Values as a model gives them, and the probabilities of the classes in double."""
    columns = CLASSES + (background != "none")
    raw = rng.normal(0, 2, (count, columns)).astype(np.float32)
    probability = {"probability": softmax, "softmax": softmax, "logit": sigmoid}[form](raw)
    values = probability.astype(np.float32) if form == "probability" else raw
    probability = np.float64(values) if form == "probability" else probability
    first = 1 if background == "first" else 0
    return values, probability[:, first:first + CLASSES]


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scores", ["probability", "logit", "softmax"])
@pytest.mark.parametrize("background", BACKGROUND)
@pytest.mark.parametrize("order", ["cxcywh", "cycxhw"])
@pytest.mark.parametrize("boxes_first", [False, True])
def test_ssd_with_listed_priors(tmp_path, scores, background, order, boxes_first, multi_label):
    rng = np.random.default_rng(10)
    priors = np.column_stack([rng.random((120, 2)), rng.uniform(0.05, 0.6, (120, 2))]).astype(np.float32)
    t = rng.normal(0, 1.5, (120, 4)).astype(np.float32)
    values, probability = score_columns(rng, 120, background, scores)
    truth = ssd_truth(np.float64(t), np.float64(priors) * ([SIZE[1], SIZE[0]] * 2), (0.2, 0.2, 0.3, 0.3))
    given = t if order == "cxcywh" else t[:, [1, 0, 3, 2]]
    arrays = [given[None], values[None]] if boxes_first else [values[None], given[None]]
    task = everything("ssd", CLASSES, multi_label=multi_label, priors=priors.tolist(), variances=[0.2, 0.3], scores=scores,
                      background=BACKGROUND.index(background), order=ORDERS.index(order))
    assert_same(detections(tmp_path, task, SIZE, arrays), expected(truth, probability, 0.1, multi_label))


@pytest.mark.parametrize("form", ["sizes", "anchors", "steps", "usual"])
@pytest.mark.parametrize("size", [[300, 300], [256, 320]])
def test_ssd_with_generated_priors(tmp_path, form, size):
    rng = np.random.default_rng(11)
    task = everything("ssd", CLASSES)
    if form == "usual":
        priors = ssd_mobilenet_priors(size)
    else:
        strides, boxes = (32, 64), [[(60, 1), (90.5, 1), (60, 2)], [(140, 0.5)]]
        sides = [[(a * r ** 0.5, a / r ** 0.5) for a, r in level] for level in boxes]
        steps = [(33, 33), (70, 70)] if form == "steps" else [(size[1] / -(-size[1] // s), size[0] / -(-size[0] // s)) for s in strides]
        priors = np.array([((x + 0.5) * step[0], (y + 0.5) * step[1], w, h) for s, step, level in zip(strides, steps, sides)
                           for y in range(-(-size[0] // s)) for x in range(-(-size[1] // s)) for w, h in level])
        task["strides"] = strides
        if form == "anchors":
            task["anchors"] = sides
        else:
            task |= {"sizes": [[a for a, _ in level] for level in boxes], "ratios": [[r for _, r in level] for level in boxes]}
        if form == "steps":
            task["steps"] = [33, 70]
    t = rng.normal(0, 1, (len(priors), 4)).astype(np.float32)
    values, probability = score_columns(rng, len(priors), "first", "softmax")
    for hints, options in (({"scores": "logit"}, {}), ({}, {"sample": True})):
        ours = detections(tmp_path, task, size, [t[None, :, None] if form == "usual" else t[None], values[None]], hints, **options)
        assert_same(ours, expected(ssd_truth(np.float64(t), priors), probability, 0.1, False))


def test_ssd_with_one_prior_too_few_says_how_many(tmp_path):
    arrays = [np.zeros((1, 11, 4), np.float32), np.zeros((1, 11, CLASSES + 1), np.float32)]
    task = everything("ssd", CLASSES, priors=[[0.5, 0.5, 0.1, 0.1]] * 10)
    outputs = [(f"output{i}", a.shape, {}) for i, a in enumerate(arrays)]
    done = run_probe(tmp_path, task, SIZE, outputs, [(arrays, (1, 1, 0, 0), SIZE, 1)])
    assert done.returncode == 3 and "[1, 10, 4]" in done.stderr and "[1, 11, 4]" in done.stderr and "'priors'" in done.stderr


def as_order(corners, order):
    x0, y0, x1, y1 = corners.T
    return np.column_stack({"xyxy": (x0, y0, x1, y1), "yxyx": (y0, x0, y1, x1), "xywh": (x0, y0, x1 - x0, y1 - y0),
                            "cxcywh": ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0),
                            "cycxhw": ((y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0)}[order])


def some_corners(rng, count, form):
    low = rng.uniform(0, 0.7, (count, 2))
    corners = np.hstack([low, low + rng.uniform(0.05, 0.3, (count, 2))])
    return corners * ([SIZE[1], SIZE[0]] * 2) if form == "pixels" else corners


def on_photo(corners, form):
    return np.float64(corners) * ([SIZE[1], SIZE[0]] * 2 if form == "fractions" else 1)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("background", BACKGROUND)
@pytest.mark.parametrize("form", ["pixels", "fractions"])
@pytest.mark.parametrize("order, scores", [*((order, "probability") for order in ORDERS), ("xyxy", "logit"), ("xyxy", "softmax")])
def test_boxes_with_a_score_a_class(tmp_path, order, form, scores, background, columns, multi_label):
    rng = np.random.default_rng(12)
    corners = some_corners(rng, 90, form)
    values, probability = score_columns(rng, 90, background, scores)
    arrays = [as_order(corners, order).astype(np.float32)[None], (values.T if columns else values)[None]]
    task = everything("boxes", CLASSES, multi_label=multi_label, boxes=form, order=ORDERS.index(order), scores=scores,
                      background=BACKGROUND.index(background))
    assert_same(detections(tmp_path, task, SIZE, arrays), expected(on_photo(corners, form), probability, 0.1, multi_label))
    assert_same(detections(tmp_path, task, SIZE, arrays[::-1]), expected(on_photo(corners, form), probability, 0.1, multi_label))


def test_boxes_are_suppressed_where_they_are_scored_alone(tmp_path):
    corners = np.tile(np.array([[10, 10, 40, 40]], np.float32), (30, 1))
    scores = np.linspace(0.2, 0.9, 30, dtype=np.float32)[:, None]
    task = everything("boxes", 1, nms_threshold=0.5)
    assert len(detections(tmp_path, task, SIZE, [corners[None], scores[None]])) == 1
    listed = [corners[None], scores[None, :, 0], np.zeros((1, 30), np.float32)]
    assert len(detections(tmp_path, task, SIZE, listed, sample=True)) == 1
    rows = np.hstack([corners, scores, np.zeros((30, 1), np.float32)])
    assert len(detections(tmp_path, task, SIZE, [rows[None]])) == 30
    assert len(detections(tmp_path, task, SIZE, [*listed, np.array([7], np.float32)], sample=True)) == 7


@pytest.mark.parametrize("form", ["pixels", "fractions"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("first_class", [0, 1])
@pytest.mark.parametrize("end", ["rows", "classes", "scores", "count"])
def test_boxes_that_name_their_class(tmp_path, end, first_class, order, form):
    rng = np.random.default_rng(13)
    corners, scores, labels = some_corners(rng, 100, form), rng.random(100).astype(np.float32), rng.integers(-1, CLASSES + 2, 100)
    boxes = as_order(corners, order).astype(np.float32)
    limit = 60 if end == "count" else 100
    index = labels - first_class
    counts = (index >= 0) & (index < CLASSES) & (scores > np.float32(0.1)) & (np.arange(100) < limit)
    truth = np.column_stack([on_photo(corners, form), scores, index])[counts]
    task = everything("boxes", CLASSES, boxes=form, order=ORDERS.index(order), first_class=first_class)
    if end == "rows":
        arrays = [np.column_stack([boxes, scores, labels])[None]]
    else:
        arrays = [boxes[None], labels[None], scores[None]] if end != "scores" else [boxes[None], scores[None], labels[None]]
    if end == "count":
        arrays.append(np.array([limit], np.float32))
    assert_same(detections(tmp_path, task, SIZE, arrays, sample=True), truth)


def test_boxes_of_a_tensorflow_detector_are_fractions_with_y_first(tmp_path):
    rng = np.random.default_rng(14)
    corners, scores, labels = some_corners(rng, 50, "fractions"), rng.uniform(0.2, 1, 50).astype(np.float32), rng.integers(0, CLASSES, 50)
    arrays = [as_order(corners, "yxyx").astype(np.float32)[None], labels[None], scores[None], np.array([50], np.float32)]
    truth = np.column_stack([on_photo(corners, "fractions"), scores, labels])
    assert_same(detections(tmp_path, everything("boxes", CLASSES), SIZE, arrays), truth)


def test_boxes_that_were_selected(tmp_path):
    rng = np.random.default_rng(15)
    corners, scores = some_corners(rng, 80, "pixels"), rng.uniform(0.2, 1, (CLASSES, 80)).astype(np.float32)
    selected = np.column_stack([np.zeros(40), rng.integers(0, CLASSES, 40), rng.permutation(80)[:40]])
    padded = np.vstack([selected, np.full((9, 3), -1)]).astype(np.float32)
    truth = np.array([[*corners[int(b)], scores[int(c), int(b)], c] for _, c, b in selected])
    arrays = [padded, corners.astype(np.float32)[None], scores[None]]
    assert_same(detections(tmp_path, everything("boxes", CLASSES, nms_threshold=0.1), SIZE, arrays), truth)


@pytest.mark.parametrize("background", ["none", "last"])
@pytest.mark.parametrize("multi_label", [False, True])
def test_queries_of_a_transformer(tmp_path, background, multi_label):
    rng = np.random.default_rng(16)
    boxes = np.column_stack([rng.uniform(0.3, 0.7, (100, 2)), rng.uniform(0.1, 0.5, (100, 2))]).astype(np.float32)
    values, probability = score_columns(rng, 100, background, "logit" if background == "none" else "softmax")
    truth = from_centres(*(np.float64(boxes) * ([SIZE[1], SIZE[0]] * 2)).T)
    outputs = [("logits", [1, *values.shape], {"scores": "logit"}), ("pred_boxes", [1, 100, 4], {"sigmoid_box": True})]
    task = everything("boxes", CLASSES, multi_label=multi_label, nms_threshold=0.0)
    done = run_probe(tmp_path, task, SIZE, outputs, [([values[None], boxes[None]], (1, 1, 0, 0), SIZE, 1)])
    assert done.returncode == 0, done.stderr
    assert_same(np.array(json.loads(done.stdout)[0]), expected(truth, probability, 0.1, multi_label))


def suppressed(rows, threshold, limit):
    """Greedy suppression in each class, in the precision of the rows."""
    rows = rows.astype(np.float32)
    kept = []
    for row in rows[np.argsort(-rows[:, 4], kind="stable")]:
        better = [k for k in kept if k[5] == row[5]]
        worst = 0
        for k in better:
            w = max(np.float32(0), min(k[2], row[2]) - max(k[0], row[0]))
            h = max(np.float32(0), min(k[3], row[3]) - max(k[1], row[1]))
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (k, row)]
            worst = max(worst, w * h / max(areas[0] + areas[1] - w * h, np.float32(1e-9)))
        if worst <= threshold:
            kept.append(row)
        if len(kept) == limit:
            break
    return np.array(kept)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("limit", [7, 1000])
def test_suppression_and_placement(tmp_path, threshold, limit):
    rng = np.random.default_rng(6)
    p = np.column_stack([rng.uniform(10, 90, (400, 4)), rng.integers(0, 20, (400, 3)) / 20]).T.astype(np.float32)[None]
    task, placement = everything("yolov8", 3, multi_label=True), [0.5, 0.8, 3, 7]
    hints = {"scores": "probability", "boxes": "pixels"}
    whole = detections(tmp_path, task, SIZE, [p], hints, placement, [110, 250])
    q = p[0].T.astype(np.float64)
    plain = from_centres(*q[:, :4].T)
    mapped = ((plain - [3, 7, 3, 7]) / [0.5, 0.8, 0.5, 0.8]).clip(0, [250, 110, 250, 110])
    order = np.argsort(-q[:, 4:].ravel(), kind="stable")
    order = order[q[:, 4:].ravel()[order] > np.float32(0.1)]
    np.testing.assert_allclose(whole[:, :4], mapped[order // 3], atol=1e-4)
    task.update(nms_threshold=threshold, max_detections=limit)
    np.testing.assert_array_equal(detections(tmp_path, task, SIZE, [p], hints, placement, [110, 250]).astype(np.float32),
                                  suppressed(whole, threshold, limit))


@pytest.mark.parametrize("head", ["yolox", "yolov5", "yolov8", "nanodet", "ssd", "fastestdet", "yolo-fastestv2", "boxes"])
def test_a_head_that_does_not_fit_names_both_sides(tmp_path, head):
    done = run_probe(tmp_path, {"head": head, "class_count": 80}, [416, 416], [("scores", [1, 1000], {})], [([np.zeros(1000)], [1, 1, 0, 0], [416, 416], 1)])
    assert done.returncode == 3
    for part in (f'"{head}"', "80 classes", "416 x 416", '"scores" [1, 1000]'):
        assert part in done.stderr


REAL = {
    "yolox": ("yolox_nano.onnx", {"head": "yolox", "score_threshold": 0.001, "nms_threshold": 0.65}),
    "fastestdet": ("fastestdet.onnx", {"head": "fastestdet", "score_threshold": 0.001, "nms_threshold": 0.45}),
    "picodet": ("picodet_s_320.onnx", {"head": "nanodet", "center_offset": 0.5, "score_threshold": 0.025, "nms_threshold": 0.6, "multi_label": True}),
}


def placement_of(name, size, photo):
    if name == "yolox":
        ratio = min(size[0] / photo[0], size[1] / photo[1])
        return [ratio, ratio, 0, 0]
    return [size[1] / photo[1], size[0] / photo[0], 0, 0]


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_models_reach_the_reference_scorer(name):
    scorer, instances = shared("tools", "score.py"), shared("data", "coco", "val", "instances.json")
    model = shared("data", "models", REAL[name][0])
    from pycocotools.coco import COCO

    loader = importlib.util.spec_from_file_location("score", scorer)
    score = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(score)
    import cv2

    coco, head = COCO(str(instances)), score.HEADS[name]
    images = sorted(coco.dataset["images"], key=lambda i: i["id"])[:60]
    run, size = score.open_model(str(model))
    size = list(map(int, size))
    folder = instances.parent / "images"
    theirs, _ = score.detect(run, tuple(size), head, images, str(folder))
    runs = []
    for image in images:
        photo = cv2.imread(str(folder / image["file_name"]))
        shape = list(photo.shape[:2])
        runs.append((run(head.preprocess(photo, tuple(size))), placement_of(name, size, shape), shape, image["id"]))
    outputs = [(f"output{i}", a.shape, {}) for i, a in enumerate(runs[0][0])]
    with tempfile.TemporaryDirectory() as scratch:
        done = run_probe(Path(scratch), {"class_count": 80, **REAL[name][1]}, size, outputs, runs, sample=True, coco=True)
    assert done.returncode == 0, done.stderr
    ours, ids = json.loads(done.stdout), [i["id"] for i in images]
    assert abs(len(ours) - len(theirs)) <= 0.001 * len(theirs)
    reference, own = score.evaluate(coco, theirs, ids), score.evaluate(coco, ours, ids)
    assert own["AP"] / 100 == pytest.approx(reference["AP"] / 100, abs=1e-3)
    assert reference["AP"] > 15
