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


@pytest.mark.parametrize("head", ["yolox", "yolov8", "nanodet", "fastestdet"])
def test_a_head_that_does_not_fit_names_both_sides(tmp_path, head):
    done = run_probe(tmp_path, {"head": head, "class_count": 80}, [416, 416], [("scores", [1, 1000], {})], [([np.zeros(1000)], [1, 1, 0, 0], [416, 416], 1)])
    assert done.returncode == 3
    for part in (f'"{head}"', "80 classes", "416 x 416", '"scores" [1, 1000]'):
        assert part in done.stderr


@pytest.mark.parametrize("head", ["yolov5", "ssd", "yolo-fastestv2", "boxes"])
def test_heads_that_are_not_built(tmp_path, head):
    done = run_probe(tmp_path, {"head": head, "class_count": 80}, [416, 416], [("x", [1, 10], {})], [([np.zeros(10)], [1, 1, 0, 0], [416, 416], 1)])
    assert done.returncode == 4 and "not built" in done.stderr


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
