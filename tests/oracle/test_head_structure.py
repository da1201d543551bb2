# SPDX-License-Identifier: Apache-2.0
"""Small networks with the tails that exporters write, one for each family and form of head: the program finds head and form by
structure alone, in the float model and after quantization, and its detections are those of the definitions in
docs/INTERFACE.md on the outputs that ONNX Runtime (or, for integers, the program itself) computes."""
import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from conftest import write_recipe
from test_heads import V5_ANCHORS, FASTEST_ANCHORS, anchor_cells, anchored, cells, distribution_mean, expected, from_centres, sigmoid, softmax, ssd_mobilenet_priors, ssd_truth

SIZE = [64, 96]
UNIT = np.array([SIZE[1], SIZE[0]] * 2, np.float64)
CLASSES = 6
STRIDES = (8, 16, 32)
GRIDS = [(SIZE[0] // s, SIZE[1] // s) for s in STRIDES]


class Net:
    """Builds a graph node by node; every method gives the name of what it makes."""

    def __init__(self):
        self.nodes, self.constants, self.rng = [], [], np.random.default_rng(1)

    def __call__(self, op, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"n{len(self.nodes)}", **attributes))
        return names if outputs > 1 else names[0]

    def constant(self, values, dtype=np.float32):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def conv(self, x, before, after, size=1, stride=1, pad=0, spread=1.0):
        weights = self.rng.normal(0, spread / (before * size * size) ** 0.5, (after, before, size, size))
        return self("Conv", x, self.constant(weights), self.constant(self.rng.normal(0, spread / 2, after)), kernel_shape=[size] * 2,
                    strides=[stride] * 2, pads=[pad] * 4)

    def linear(self, x, before, after):
        product = self("MatMul", x, self.constant(self.rng.normal(0, 1.5 / before ** 0.5, (before, after))))
        return self("Add", self.constant(self.rng.normal(0, 0.5, after)), product)

    def reshape(self, x, *shape):
        return self("Reshape", x, self.constant(shape, np.int64))

    def transpose(self, x, *order):
        return self("Transpose", x, perm=order)

    def concat(self, parts, axis):
        return self("Concat", *parts, axis=axis)

    def split(self, x, sizes, axis):
        return self("Split", x, self.constant(sizes, np.int64), outputs=len(sizes), axis=axis)

    def scaled(self, x, factor):
        return self("Mul", x, self.constant(factor))

    def features(self, first=8, count=3):
        maps = [self("Relu", self.conv("photo", 3, 16, first, first, spread=8))]
        while len(maps) < count:
            maps.append(self("Relu", self.conv(maps[-1], 16, 16, 3, 2, 1, spread=2)))
        return maps

    def model(self, outputs):
        named = [helper.make_node("Identity", [value], [f"out{i}"], name=f"last{i}") for i, value in enumerate(outputs)]
        graph = helper.make_graph(self.nodes + named, "net", [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, *SIZE])],
                                  [helper.make_empty_tensor_value_info(f"out{i}") for i in range(len(outputs))], self.constants)
        made = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7))
        onnx.checker.check_model(made)
        return made


def clipped(boxes):
    return boxes.clip(0, UNIT)


# ---- yolox ----


def yolox(decoded, activated=True):
    net, rows = Net(), []
    for f, (h, w), s in zip(net.features(), GRIDS, STRIDES):
        box, scores = net.conv(f, 16, 4), net.conv(f, 16, 1 + CLASSES)
        rows.append(net.reshape(net.concat([box, net("Sigmoid", scores) if activated else scores], 1), 1, 5 + CLASSES, h * w))
    flat = net.transpose(net.concat(rows, 2), 0, 2, 1)
    x, y, s = cells(SIZE, STRIDES)
    if decoded:
        xy, wh, rest = net.split(flat, [2, 2, 1 + CLASSES], 2)
        stride = np.float32(s)[None, :, None]
        xy = net.scaled(net("Add", xy, net.constant(np.column_stack([x, y])[None])), stride)
        wh = net.scaled(net("Exp", wh), stride)
        if decoded == "fractions":
            xy, wh = net.scaled(xy, 1 / UNIT[:2]), net.scaled(wh, 1 / UNIT[:2])
        flat = net.concat([xy, wh, rest], 2)

    def truth(outputs):
        q = np.float64(outputs[0][0])
        probability = q[:, 4:] if activated else sigmoid(q[:, 4:])
        if decoded:
            boxes = from_centres(*(q[:, :4] * (UNIT if decoded == "fractions" else 1)).T)
        else:
            boxes = from_centres((q[:, 0] + x) * s, (q[:, 1] + y) * s, np.exp(q[:, 2]) * s, np.exp(q[:, 3]) * s)
        return boxes, probability[:, :1] * probability[:, 1:]

    return net.model([flat]), truth


# ---- yolov5 ----


def yolov5(form):
    net, parts = Net(), []
    values = 5 + CLASSES
    for f, (h, w), s, anchors in zip(net.features(), GRIDS, STRIDES, V5_ANCHORS):
        raw = net.conv(f, 16, 3 * values, spread=0.7)
        if form == "maps":
            parts.append(raw)
            continue
        t = net.transpose(net.reshape(raw, 1, 3, values, h, w), 0, 1, 3, 4, 2)
        if form != "five-axes":
            t = net("Sigmoid", t)
        if form in ("pixels", "fractions"):
            xy, wh, rest = net.split(t, [2, 2, 1 + CLASSES], 4)
            gy, gx = np.mgrid[:h, :w]
            grid = np.stack([gx, gy], -1)[None, None] - 0.5
            xy = net.scaled(net("Add", net.scaled(xy, 2.0), net.constant(grid)), s)
            wh = net.scaled(net("Pow", net.scaled(wh, 2.0), net.constant(2.0)), np.array(anchors).reshape(1, 3, 1, 1, 2))
            if form == "fractions":
                xy, wh = net.scaled(xy, 1 / UNIT[:2]), net.scaled(wh, 1 / UNIT[:2])
            t = net.concat([xy, wh, rest], 4)
        parts.append(t if form.startswith("five") else net.reshape(t, 1, 3 * h * w, values))

    def truth(outputs):
        if form in ("pixels", "fractions"):
            q = np.float64(outputs[0][0])
            return clipped(from_centres(*(q[:, :4] * (UNIT if form == "fractions" else 1)).T)), q[:, 4:5] * q[:, 5:]
        if form == "maps":
            rows = [o.reshape(3, values, -1).transpose(0, 2, 1).reshape(-1, values) for o in outputs]
        else:
            rows = [o.reshape(-1, values) for o in outputs]
        t = np.float64(np.vstack(rows))
        t = t if form in ("sigmoid", "five-axes-sigmoid") else sigmoid(t)
        return clipped(anchored(t, *anchor_cells(SIZE, STRIDES, V5_ANCHORS))), t[:, 4:5] * t[:, 5:]

    return net.model(parts if form == "maps" or form.startswith("five") else [net.concat(parts, 1)]), truth


# ---- yolov8 ----


def yolov8(form):
    net, parts, sides, classes = Net(), [], [], []
    x, y, s = cells(SIZE, STRIDES)
    for f, (h, w) in zip(net.features(), GRIDS):
        box, scores = net.conv(f, 16, 64), net.conv(f, 16, CLASSES)
        parts += [box, scores] if form == "split-maps" else [net.concat([box, scores], 1)]
        sides.append(net.reshape(box, 1, 64, h * w))
        classes.append(net.reshape(scores, 1, CLASSES, h * w))
    if form in ("pixels", "fractions"):
        bins = net("Softmax", net.transpose(net.reshape(net.concat(sides, 2), 1, 4, 16, len(x)), 0, 2, 1, 3), axis=1)
        mean = net("Conv", bins, net.constant(np.arange(16).reshape(1, 16, 1, 1)), kernel_shape=[1, 1])
        before, behind = net.split(net.reshape(mean, 1, 4, len(x)), [2, 2], 1)
        centre = net.constant(np.stack([x, y])[None] + 0.5)
        low, high = net("Sub", centre, before), net("Add", behind, centre)
        box = net.concat([net("Div", net("Add", low, high), net.constant(2.0)), net("Sub", high, low)], 1)
        box = net.scaled(box, s[None, None])
        if form == "fractions":
            box = net.scaled(box, 1 / UNIT.reshape(1, 4, 1))
        parts = [net.concat([box, net("Sigmoid", net.concat(classes, 2))], 1)]

    def truth(outputs):
        if form in ("pixels", "fractions"):
            q = np.float64(outputs[0][0]).T
            return clipped(from_centres(*(q[:, :4] * (UNIT if form == "fractions" else 1)).T)), q[:, 4:]
        flat = [np.float64(o[0]).reshape(o.shape[1], -1).T for o in outputs]
        q = np.vstack([np.hstack(flat[i:i + 2]) for i in range(0, 6, 2)] if form == "split-maps" else flat)
        side = distribution_mean(q[:, :64].reshape(-1, 4, 16))
        boxes = np.column_stack([x + 0.5 - side[:, 0], y + 0.5 - side[:, 1], x + 0.5 + side[:, 2], y + 0.5 + side[:, 3]]) * s[:, None]
        return clipped(boxes), sigmoid(q[:, 64:])

    return net.model(parts), truth


# ---- nanodet, fastestdet, yolo-fastestv2 ----


def nanodet(activated, joined=False):
    """`joined`: one output for all strides as NanoDet-Plus has it, whose centres lie at the cells' corners."""
    net, classes, sides = Net(), [], []
    for f, (h, w) in zip(net.features(), GRIDS):
        scores = net.conv(f, 16, CLASSES)
        classes.append(net.transpose(net.reshape(net("Sigmoid", scores) if activated else scores, 1, CLASSES, h * w), 0, 2, 1))
        sides.append(net.transpose(net.reshape(net.conv(f, 16, 32), 1, 32, h * w), 0, 2, 1))

    def truth(outputs):
        if joined:
            scores, d = np.split(np.float64(outputs[0][0]), [CLASSES], 1)
        else:
            scores, d = np.float64(np.vstack([o[0] for o in outputs[:3]])), np.vstack([o[0] for o in outputs[3:]])
        x, y, s = cells(SIZE, STRIDES)
        side = distribution_mean(d.reshape(-1, 4, 8)) * s[:, None]
        cx, cy = (x * s, y * s) if joined else (x * s + 0.5 * (s - 1), y * s + 0.5 * (s - 1))
        return clipped(np.column_stack([cx - side[:, 0], cy - side[:, 1], cx + side[:, 2], cy + side[:, 3]])), scores if activated else sigmoid(scores)

    rows = [net.concat(list(pair), 2) for pair in zip(classes, sides)]
    return net.model([net.concat(rows, 1)] if joined else classes + sides), truth


def fastestdet():
    net = Net()
    net.rng = np.random.default_rng(2)  # the first's objectness is 0 everywhere
    f = net.features(16, 1)[0]
    values = net.concat([net("Sigmoid", net.conv(f, 16, 1, spread=2)), net.conv(f, 16, 4), net("Softmax", net.conv(f, 16, CLASSES, spread=4), axis=1)], 1)

    def truth(outputs):
        q = np.float64(outputs[0][0])
        h, w = q.shape[1:]
        gy, gx = np.mgrid[:h, :w]
        boxes = from_centres(*(v.ravel() for v in ((gx + np.tanh(q[1])) / w * SIZE[1], (gy + np.tanh(q[2])) / h * SIZE[0],
                                                   sigmoid(q[3]) * SIZE[1], sigmoid(q[4]) * SIZE[0])))
        return boxes, q[0].reshape(-1, 1) ** 0.6 * q[5:].reshape(CLASSES, -1).T ** 0.4

    return net.model([values]), truth


def yolo_fastestv2(form):
    net, rows = Net(), []
    for f, s in zip(net.features(16, 2), (16, 32)):
        parts = [net.conv(f, 16, 12, spread=0.5), net.conv(f, 16, 3), net.conv(f, 16, CLASSES)]
        if form != "raw":
            parts = [net("Sigmoid", parts[0]), net("Sigmoid", parts[1]), net("Softmax", parts[2], axis=1)]
        t = net.transpose(net.concat(parts, 1), 0, 2, 3, 1)
        rows.append(net.reshape(t, -1, 15 + CLASSES) if form == "rows" else t)

    def truth(outputs):
        t = np.float64(np.vstack([o.reshape(-1, 15 + CLASSES) for o in outputs]))
        if form == "raw":
            t = np.hstack([sigmoid(t[:, :15]), softmax(t[:, 15:])])
        x, y, s = cells(SIZE, (16, 32))
        boxes, scores = [], []
        for a in range(3):
            w, h = np.array([FASTEST_ANCHORS[0 if stride == 16 else 1][a] for stride in s]).T
            boxes.append(anchored(t[:, 4 * a:4 * a + 4], x, y, s, w, h))
            scores.append(t[:, 12 + a:13 + a] * t[:, 15:])
        return np.vstack(boxes), np.vstack(scores)

    return net.model([net.concat(rows, 0)] if form == "rows" else rows), truth


# ---- ssd ----


def ssd(activated):
    net, boxes, scores = Net(), [], []
    for i, f in enumerate(net.features(16, 6)):
        count = 3 if i == 0 else 6
        boxes.append(net.reshape(net.transpose(net.conv(f, 16, count * 4), 0, 2, 3, 1), 1, -1, 4))
        scores.append(net.reshape(net.transpose(net.conv(f, 16, count * (CLASSES + 1)), 0, 2, 3, 1), 1, -1, CLASSES + 1))
    values = net.concat(scores, 1)

    def truth(outputs):
        q = np.float64(outputs[1][0])
        return ssd_truth(np.float64(outputs[0][0]), ssd_mobilenet_priors(SIZE)), (q if activated else softmax(q))[:, 1:]

    return net.model([net.concat(boxes, 1), net("Softmax", values, axis=2) if activated else values]), truth


# ---- boxes ----


def scored_boxes(order, form, background, end=None):
    """As detectors without anchors end: distances to sides, decoded, and a score a class; `end` makes the outputs of these."""
    net, sides, scores = Net(), [], []
    columns = CLASSES + (1 if background else 0)
    for f, (h, w), s in zip(net.features(), GRIDS, STRIDES):
        sides.append(net.scaled(net("Exp", net.conv(f, 16, 4, spread=0.5)), s))
        scores.append(net.reshape(net.transpose(net.conv(f, 16, columns), 0, 2, 3, 1), 1, -1, columns))
    x, y, s = cells(SIZE, STRIDES)
    flat = net.transpose(net.concat([net.reshape(d, 1, 4, h * w) for d, (h, w) in zip(sides, GRIDS)], 2), 0, 2, 1)
    left, top, right, bottom = net.split(flat, [1] * 4, 2)
    cx, cy = (net.constant(((v + 0.5) * s)[None, :, None]) for v in (x, y))
    x0, y0, x1, y1 = net("Sub", cx, left), net("Sub", cy, top), net("Add", cx, right), net("Add", cy, bottom)
    half = net.constant(0.5)
    parts = {"xyxy": [x0, y0, x1, y1], "yxyx": [y0, x0, y1, x1],
             "cxcywh": [net("Mul", net("Add", x0, x1), half), net("Mul", net("Add", y0, y1), half), net("Sub", x1, x0), net("Sub", y1, y0)]}[order]
    box = net.concat(parts, 2)
    unit = UNIT[[1, 0, 3, 2]] if order == "yxyx" else UNIT
    if form == "fractions":
        box = net.scaled(box, 1 / unit)
    values = net.concat(scores, 1)
    values = net("Softmax", values, axis=2) if background else net("Sigmoid", values)

    def truth(outputs):
        q = np.float64(outputs[0][0]) * (unit if form == "fractions" else 1)
        boxes = {"xyxy": q, "yxyx": q[:, [1, 0, 3, 2]], "cxcywh": from_centres(*q.T)}[order]
        return boxes, np.float64(outputs[1][0])[:, 1 if background else 0:]

    return net.model(end(net, box, values) if end else [box, values]), truth


def suppressed(net, boxes, scores, center=False):
    """The triples, and scores a class."""
    scores = net.transpose(scores, 0, 2, 1)
    limits = [net.constant([100], np.int64), net.constant([0.45]), net.constant([0.25])]
    return net("NonMaxSuppression", boxes, scores, *limits, center_point_box=int(center)), scores


def picked_rows(net, boxes, scores):
    """One output of picture, box, class and score, as end-to-end exports of YOLO have it."""
    triples, scores = suppressed(net, boxes, scores)
    picture, label, place = (net("Slice", triples, *(net.constant([v], np.int64) for v in (i, i + 1, 1))) for i in range(3))
    box = net("GatherND", boxes, net.concat([picture, place], 1))
    score = net("Unsqueeze", net("GatherND", scores, triples), net.constant([1], np.int64))
    numbers = [net("Cast", v, to=TensorProto.FLOAT) for v in (picture, label)]
    return [net.concat([numbers[0], box, numbers[1], score], 1)]


SUPPRESSED = {
    "triples": lambda net, boxes, scores: [suppressed(net, boxes, scores)[0]],
    "triples of centres": lambda net, boxes, scores: [suppressed(net, boxes, scores, True)[0]],
    "rows": picked_rows,
}


def transformer(background):
    """Tokens that become a label and a box each."""
    net = Net()
    columns = CLASSES + (1 if background else 0)
    tokens = net.transpose(net.reshape(net.features(8, 1)[0], 1, 16, GRIDS[0][0] * GRIDS[0][1]), 0, 2, 1)
    logits = net.linear(tokens, 16, columns)
    box = net("Sigmoid", net.linear(net("Relu", net.linear(tokens, 16, 16)), 16, 4))

    def truth(outputs):
        q = np.float64(outputs[0][0])
        return from_centres(*(np.float64(outputs[1][0]) * UNIT).T), softmax(q)[:, :-1] if background else sigmoid(q)

    return net.model([logits, box]), truth


NETS = {
    "yolox raw": ("yolox", lambda: yolox(None)),
    "yolox raw logits": ("yolox", lambda: yolox(None, activated=False)),
    "yolox in pixels": ("yolox", lambda: yolox("pixels")),
    "yolox in fractions": ("yolox", lambda: yolox("fractions")),
    **{f"yolov5 {form}": ("yolov5", lambda form=form: yolov5(form))
       for form in ("pixels", "fractions", "sigmoid", "maps", "five-axes", "five-axes-sigmoid")},
    **{f"yolov8 {form}": ("yolov8", lambda form=form: yolov8(form)) for form in ("pixels", "fractions", "maps", "split-maps")},
    "nanodet": ("nanodet", lambda: nanodet(True)),
    "nanodet logits": ("nanodet", lambda: nanodet(False)),
    "nanodet joined": ("nanodet", lambda: nanodet(True, joined=True)),
    "fastestdet": ("fastestdet", fastestdet),
    **{f"yolo-fastestv2 {form}": ("yolo-fastestv2", lambda form=form: yolo_fastestv2(form)) for form in ("rows", "activated", "raw")},
    "ssd softmax": ("ssd", lambda: ssd(True)),
    "ssd logits": ("ssd", lambda: ssd(False)),
    **{f"boxes {order} {form}{' background' if background else ''}": ("boxes", lambda o=order, f=form, b=background: scored_boxes(o, f, b))
       for order in ("xyxy", "yxyx", "cxcywh") for form in ("pixels", "fractions") for background in (False, True)},
    "transformer sigmoid": ("boxes", lambda: transformer(False)),
    "transformer softmax": ("boxes", lambda: transformer(True)),
}
NAMES = [f"class {i}" for i in range(CLASSES)]
THRESHOLD = 0.2


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i in range(4):
        rng = np.random.default_rng(i)
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(folder / f"{i}.png")
    return folder


def sections(path, photos):
    return {"model": {"path": str(path)},
            "preprocess": {"size": SIZE, "resize": "none", "color": "rgb", "std": [255, 255, 255]},
            "task": {"type": "detection", "classes": NAMES, "score_threshold": THRESHOLD, "nms_threshold": 1.0, "max_detections": 10 ** 6},
            "calibration": {"images": str(photos), "count": 4}}


def rows_of(found):
    rows = [[*f["bbox"][:2], f["bbox"][0] + f["bbox"][2], f["bbox"][1] + f["bbox"][3], f["score"], f["category_id"] - 1] for f in found]
    return np.array(rows).reshape(-1, 6)


def assert_near(ours, theirs, threshold=THRESHOLD):
    """Boxes on the photo to a few thousandths of a pixel; those whose score is at the threshold may be missing."""
    margin = 1e-4
    sure, possible = theirs[theirs[:, 4] > threshold + margin], theirs[theirs[:, 4] > threshold - margin]
    assert len(sure) > 5 and len(sure) <= len(ours) <= len(possible)
    tolerance = np.array([5e-3 + 2e-5 * np.abs(theirs[:, :4]).max()] * 4 + [1e-4, 0.5])
    for rows, among in ((sure, ours), (ours, possible)):
        distance = (np.abs(rows[:, None] - among[None]) / tolerance).max(2).min(1)
        assert distance.max() < 1, f"{rows[distance.argmax()]} is not there"


def input_of(photo):
    return np.ascontiguousarray(np.asarray(Image.open(photo), np.float32).transpose(2, 0, 1)[None] / np.float32(255))


@pytest.mark.parametrize("change, says", [
    ({"task.classes": NAMES[:-1]}, ["no head fits", '"out0" [1, 378, 11]', "5 classes", "'classes'"]),
    ({"task.classes": NAMES[:-1], "task.head": "yolov5"}, ['"yolov5" does not fit', "[1, boxes, 10] with 378 boxes", '"out0" [1, 378, 11]', "classes"]),
    ({"task.head": "yolov8"}, ['"yolov8" does not fit', "[1, 10, boxes]", '"out0" [1, 378, 11]']),
    ({"task.head": "yolov5", "task.strides": [8, 16], "task.anchors": V5_ANCHORS[:2]}, ["[1, 360, 11]", '"out0" [1, 378, 11]', "strides"]),
    ({"task.head": "yolov5", "task.anchors": V5_ANCHORS[:2], "task.strides": STRIDES}, ["2 lists", "3 strides"]),
    ({"task.head": "ssd", "task.priors": [[0.5, 0.5, 0.1, 0.1]]}, ["[1, N, 7]", '"out0" [1, 378, 11]']),
    ({"task.head": "boxes"}, ["[1, N, 6]", '"out0" [1, 378, 11]']),
    ({"task.head": "yolov5", "task.scores": "softmax"}, ['"softmax"', '"logit"']),
], ids=lambda value: ", ".join(value) if isinstance(value, dict) else "")
def test_a_head_that_does_not_fit_says_both_shapes(change, says, halftone, photos, tmp_path):
    onnx.save(yolov5("pixels")[0], tmp_path / "net.onnx")
    recipe = write_recipe(tmp_path / "net.toml", sections(tmp_path / "net.onnx", photos), change)
    done = halftone("quantize", recipe, "-o", tmp_path / "out.onnx", expect=3)
    assert all(part in done.stderr for part in says), done.stderr
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("name", NETS)
def test_head_is_found_and_read_by_structure(name, halftone, photos, tmp_path):
    head, make = NETS[name]
    made, truth = make()
    path = tmp_path / "net.onnx"
    onnx.save(made, path)
    assert halftone.json("inspect", path)["head"]["head"] == head
    written = halftone("init", path, "-o", tmp_path / "init.toml")
    assert head in written.stderr and f'head = "{head}"' in (tmp_path / "init.toml").read_text()

    recipe, photo = write_recipe(tmp_path / "net.toml", sections(path, photos)), photos / "0.png"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"photo": input_of(photo)})
    found = halftone.json("run", path, "--recipe", recipe, "--image", photo)
    assert_near(rows_of(found), expected(*truth(outputs), 0, False))

    integers = tmp_path / "integers.onnx"
    made = halftone.json("quantize", recipe, "-o", integers)
    assert any(f'"{head}"' in note for note in made["notes"])
    assert halftone.json("inspect", integers)["head"]["head"] == head
    np.save(tmp_path / "photo.npy", input_of(photo))
    halftone("run", integers, "--input", f"photo={tmp_path / 'photo.npy'}", "--output", tmp_path / "raw")
    outputs = [np.load(tmp_path / "raw" / f"out{i}.npy") for i in range(len(outputs))]
    found = halftone.json("run", integers, "--image", photo)
    assert_near(rows_of(found), expected(*truth(outputs), 0, False))


@pytest.mark.parametrize("name", ["yolox raw", "yolov5 maps", "yolov8 maps", "nanodet joined", "ssd softmax", "fastestdet", "yolo-fastestv2 rows",
                                  "boxes xyxy pixels", "transformer sigmoid"])
def test_a_quantized_head_is_still_read(name, halftone, photos, tmp_path):
    head, make = NETS[name]
    made, truth = make()
    path, integers, photo = tmp_path / "net.onnx", tmp_path / "integers.onnx", photos / "0.png"
    onnx.save(made, path)
    recipe = write_recipe(tmp_path / "net.toml", sections(path, photos))
    least, most = (halftone.json("quantize", recipe, "-o", integers, "--head", form) for form in ("float", "quantize"))
    assert most["quantized_nodes"] > least["quantized_nodes"]
    assert not any("behind the last" in node["reason"] for node in most["float_nodes"])
    assert halftone.json("inspect", integers)["head"]["head"] == head
    np.save(tmp_path / "photo.npy", input_of(photo))
    halftone("run", integers, "--input", f"photo={tmp_path / 'photo.npy'}", "--output", tmp_path / "raw")
    outputs = [np.load(tmp_path / "raw" / f"out{i}.npy") for i in range(len(made.graph.output))]
    assert_near(rows_of(halftone.json("run", integers, "--image", photo)), expected(*truth(outputs), 0, False))


@pytest.mark.parametrize("name", ["yolox raw", "yolov5 maps", "yolov8 maps", "nanodet", "ssd logits", "yolo-fastestv2 raw", "boxes cxcywh fractions"])
def test_validate_finds_the_head_too(name, halftone, photos, tmp_path):
    """The objects are what the float model finds, so its figures are perfect but for boxes that are nearly the same; another head would find
    none of them."""
    head, make = NETS[name]
    made, truth = make()
    path = tmp_path / "net.onnx"
    onnx.save(made, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images, objects = [], []
    for number, photo in enumerate(sorted(photos.iterdir())):
        images.append({"id": number, "file_name": photo.name, "width": SIZE[1], "height": SIZE[0]})
        rows = expected(*truth(session.run(None, {"photo": input_of(photo)})), THRESHOLD, False)
        for x0, y0, x1, y1, score, label in rows[np.argsort(-rows[:, 4])][:50]:
            objects.append({"id": len(objects) + 1, "image_id": number, "category_id": int(label) + 1, "bbox": [x0, y0, x1 - x0, y1 - y0],
                            "area": (x1 - x0) * (y1 - y0), "iscrowd": 0})
    labels = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    (tmp_path / "truth.json").write_text(json.dumps({"images": images, "annotations": objects, "categories": labels}))
    parts = sections(path, photos) | {"validation": {"images": str(photos), "annotations": str(tmp_path / "truth.json")}}
    recipe = write_recipe(tmp_path / "net.toml", parts, {"task.max_detections": 50})
    named = write_recipe(tmp_path / "named.toml", parts, {"task.max_detections": 50, "task.head": head})
    figures = halftone.json("validate", recipe)["float"]
    assert figures["AP"] > 0.7
    assert figures == halftone.json("validate", named)["float"]
    halftone("quantize", recipe, "-o", tmp_path / "integers.onnx")
    both = halftone.json("validate", recipe, "--model", tmp_path / "integers.onnx")
    assert both["float"] == figures and 0.3 < both["quantized"]["AP"] <= 1


@pytest.mark.parametrize("name", SUPPRESSED)
def test_model_that_ends_in_suppression(name, halftone, photos, tmp_path):
    """The outputs make way for the boxes and scores that NonMaxSuppression reads, in float and after quantization."""
    order = "cxcywh" if "centres" in name else "xyxy"
    onnx.save(scored_boxes(order, "pixels", False, SUPPRESSED[name])[0], tmp_path / "net.onnx")
    plain, truth = scored_boxes(order, "pixels", False)
    assert halftone.json("inspect", tmp_path / "net.onnx")["head"]["head"] == "boxes"
    halftone("init", tmp_path / "net.onnx", "-o", tmp_path / "init.toml")
    assert "nms_threshold = 0.45" in (tmp_path / "init.toml").read_text()

    recipe, photo = write_recipe(tmp_path / "net.toml", sections(tmp_path / "net.onnx", photos)), photos / "0.png"
    outputs = onnxruntime.InferenceSession(plain.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"photo": input_of(photo)})
    found = rows_of(halftone.json("run", tmp_path / "net.onnx", "--recipe", recipe, "--image", photo))
    assert_near(found, expected(*truth(outputs), 0, False))

    made = halftone.json("quantize", recipe, "-o", tmp_path / "integers.onnx")
    assert any("NonMaxSuppression is left out" in note for note in made["notes"])
    assert "NonMaxSuppression" not in {node.op_type for node in onnx.load(tmp_path / "integers.onnx").graph.node}
    assert len(rows_of(halftone.json("run", tmp_path / "integers.onnx", "--image", photo))) > len(found) / 2
