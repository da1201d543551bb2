# SPDX-License-Identifier: Apache-2.0
"""Every family of detectors and classifiers as both of PyTorch's exporters write it: the float network is ONNX Runtime's, the head is
found by structure, integers keep the signal without a layer named by hand, and detections are those of the definitions in
docs/INTERFACE.md on the outputs."""
import numpy as np
import pytest

import families
from families import EXPORTERS, LARGEST, NAMES_OF, NETS, TABLE, Case
from places import long_test
from test_head_structure import assert_near
from test_heads import (FASTEST_ANCHORS, V5_ANCHORS, anchor_cells, anchored, cells, distribution_mean, expected, from_centres, sigmoid, softmax, ssd_mobilenet_priors,
                        ssd_truth, suppressed)

CASES = [(net.name, exporter) for net in NETS for exporter in EXPORTERS]
# Integers from one exporter's file a network, in turn; the other's are made in a long test.
QUANTIZED = [pytest.param(net.name, exporter, marks=() if i % 2 == j else long_test) for i, net in enumerate(NETS) for j, exporter in enumerate(EXPORTERS)]
DETECTORS = [param for param in QUANTIZED if next(net for net in NETS if net.name == param.values[0]).head]
BY_NAME = {net.name: net for net in NETS}
FLOAT_DIFFERENCE = 1e-4
# Noise of a thirtieth of the signal's power: boxes still cover their objects and the order of scores holds. A head that collapses, say
# because one scale serves boxes in pixels and scores, has none of its scores left and comes out below 5 dB.
LEAST_SNR = 15


@pytest.fixture(scope="module")
def case(halftone, tmp_path_factory):
    """The case of a network and exporter; what it makes is kept while the module runs."""
    known = {}

    def get(name, exporter):
        if (name, exporter) not in known:
            known[name, exporter] = Case(BY_NAME[name], exporter, halftone, tmp_path_factory.mktemp(f"{name}_{exporter}"))
        return known[name, exporter]

    return get


def efficientdet_priors(size, strides):
    """Tan et al.: nine boxes a cell, three octaves by three shapes, four strides large."""
    shapes = [(1, 1), (1.4, 0.7), (0.7, 1.4)]
    return np.array([((x + 0.5) * s, (y + 0.5) * s, 4 * s * 2 ** (octave / 3) * w, 4 * s * 2 ** (octave / 3) * h)
                     for s in strides for y in range(-(-size[0] // s)) for x in range(-(-size[1] // s)) for octave in range(3) for w, h in shapes])


def truth_of(net, outputs):
    """Boxes as corners in pixels and a score a class, in double, by the definition of the network's head."""
    unit = np.array([net.size[1], net.size[0]] * 2, np.float64)
    first = np.float64(outputs[0][0])
    inside = lambda boxes: boxes.clip(0, unit)  # noqa: E731
    x, y, s = cells(net.size, net.strides)

    if net.head == "yolox":
        if net.form == "pixels":
            boxes = from_centres(*first[:, :4].T)
        else:
            boxes = from_centres((first[:, 0] + x) * s, (first[:, 1] + y) * s, np.exp(first[:, 2]) * s, np.exp(first[:, 3]) * s)
        return boxes, first[:, 4:5] * first[:, 5:]
    if net.head == "yolov5":
        if net.form == "pixels":
            return inside(from_centres(*first[:, :4].T)), first[:, 4:5] * first[:, 5:]
        t = first
        if net.form == "maps":
            t = sigmoid(np.vstack([o.reshape(3, 5 + net.classes, -1).transpose(0, 2, 1).reshape(-1, 5 + net.classes) for o in outputs]))
        return inside(anchored(t, *anchor_cells(net.size, net.strides, V5_ANCHORS))), t[:, 4:5] * t[:, 5:]
    if net.head == "yolov8":
        if net.form == "pixels":
            return inside(from_centres(*first[:4])), first[4:].T
        q = np.vstack([o[0].reshape(o.shape[1], -1).T for o in outputs])
        side = distribution_mean(q[:, :64].reshape(-1, 4, 16))
        boxes = np.column_stack([x + 0.5 - side[:, 0], y + 0.5 - side[:, 1], x + 0.5 + side[:, 2], y + 0.5 + side[:, 3]]) * s[:, None]
        return inside(boxes), sigmoid(q[:, 64:])
    if net.head == "nanodet":
        if net.form == "rows":
            scores, sides = first[:, :net.classes], first[:, net.classes:]
        else:
            half = len(outputs) // 2
            scores, sides = (np.float64(np.vstack([o[0] for o in part])) for part in (outputs[:half], outputs[half:]))
        side = distribution_mean(sides.reshape(len(x), 4, -1)) * s[:, None]
        offset = net.task.get("center_offset")
        cx, cy = (v * s + 0.5 * (s - 1) if offset is None else (v + offset) * s for v in (x, y))
        return inside(np.column_stack([cx - side[:, 0], cy - side[:, 1], cx + side[:, 2], cy + side[:, 3]])), scores
    if net.head == "ssd":
        t = np.float64(outputs[1][0])
        if net.form == "logit":
            boxes = ssd_truth(t[:, [1, 0, 3, 2]], efficientdet_priors(net.size, net.strides), (1, 1, 1, 1))
            return boxes, first
        return ssd_truth(t, ssd_mobilenet_priors(net.size)), (softmax(first) if net.form == "softmax" else first)[:, 1:]
    if net.head == "fastestdet":
        h, w = first.shape[1:]
        gy, gx = np.mgrid[:h, :w]
        boxes = from_centres(*(v.ravel() for v in ((gx + np.tanh(first[1])) / w * unit[0], (gy + np.tanh(first[2])) / h * unit[1],
                                                   sigmoid(first[3]) * unit[0], sigmoid(first[4]) * unit[1])))
        return boxes, first[0].reshape(-1, 1) ** 0.6 * first[5:].reshape(net.classes, -1).T ** 0.4
    if net.head == "yolo-fastestv2":
        t = np.float64(np.vstack([o.reshape(-1, 15 + net.classes) for o in outputs]))
        boxes, scores = [], []
        for a in range(3):
            w, h = np.array([FASTEST_ANCHORS[0 if stride == 16 else 1][a] for stride in s]).T
            boxes.append(anchored(t[:, 4 * a:4 * a + 4], x, y, s, w, h))
            scores.append(t[:, 12 + a:13 + a] * t[:, 15:])
        return np.vstack(boxes), np.vstack(scores)
    if net.form == "pixels":
        return first, np.float64(outputs[1][0])
    if net.form == "suppressed":
        boxes, labels, scores = outputs
        columns = np.zeros((len(boxes), net.classes))
        columns[np.arange(len(boxes)), labels] = scores
        return np.float64(boxes), columns
    # A transformer's queries: with a last column for no object, or a sigmoid a class.
    scores = softmax(first)[:, :-1] if first.shape[1] > net.classes else sigmoid(first)
    return from_centres(*(np.float64(outputs[1][0]) * unit).T), scores


def rows_of(found, net):
    known = NAMES_OF.get(net.classes)
    index = {value: i for i, value in enumerate(numbers_of(known))} if known else {i + 1: i for i in range(net.classes)}
    return np.array([[*f["bbox"][:2], f["bbox"][0] + f["bbox"][2], f["bbox"][1] + f["bbox"][3], f["score"], index[f["category_id"]]] for f in found]).reshape(-1, 6)


UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # of COCO's numbers 1 to 90


def numbers_of(classes):
    """The COCO number of each of a list's entries; the lists of 90 and 91 have gaps."""
    return {"coco80": [i for i in range(1, 91) if i not in UNUSED], "coco90": range(1, 91), "coco91": range(91)}[classes]


def expected_rows(net, outputs):
    rows = expected(*truth_of(net, outputs), 0, False)
    known = NAMES_OF.get(net.classes)
    if known in ("coco90", "coco91"):
        numbers = numbers_of(known)
        rows = rows[[numbers[int(label)] not in UNUSED | {0} for label in rows[:, 5]]]
    return suppressed(rows, net.task["nms_threshold"], len(rows)) if "nms_threshold" in net.task else rows


@pytest.mark.parametrize("name, exporter", CASES)
def test_floats_are_those_of_onnx_runtime(name, exporter, case):
    assert case(name, exporter).float_difference <= FLOAT_DIFFERENCE


@pytest.mark.parametrize("name, exporter", QUANTIZED)
def test_integers_keep_the_signal(name, exporter, case):
    """Without a layer named by hand: the recipe has no [quantize]."""
    found = case(name, exporter)
    assert "quantize" not in found.sections
    assert min(found.snr.values()) >= LEAST_SNR, found.snr


@pytest.mark.parametrize("name, exporter", DETECTORS)
def test_head_is_found_and_named(name, exporter, case, halftone):
    found = case(name, exporter)
    shape = ["--input-shape", ",".join(map(str, [1, 3, *found.net.size]))] if "size" in found.net.dynamic else []
    assert halftone.json("inspect", found.model, *shape)["head"]["head"] == found.net.head
    assert any(f'"{found.net.head}"' in note for note in found.made["notes"])
    assert halftone.json("inspect", found.integers)["head"]["head"] == found.net.head


@pytest.mark.parametrize("name, exporter", DETECTORS)
def test_detections_are_those_of_the_definition(name, exporter, case, halftone):
    found = case(name, exporter)
    threshold = found.task["score_threshold"]
    shown = halftone.json("run", found.model, "--recipe", found.recipe, "--image", found.judged[0])
    assert_near(rows_of(shown, found.net), expected_rows(found.net, found.truth[0]), threshold)
    shown = halftone.json("run", found.integers, "--image", found.judged[0])
    assert_near(rows_of(shown, found.net), expected_rows(found.net, found.quantized[0]), threshold)


def test_files_are_small():
    for net in NETS:
        for exporter in EXPORTERS:
            assert net.path(exporter).stat().st_size <= LARGEST


# ---- the tables ----


def test_table_has_every_network():
    told = families.read_table(families.table_in(TABLE.read_text()))
    assert [(f["family"], f["exporter"]) for f in told] == [(net.family, exporter) for net in NETS for exporter in EXPORTERS]


@pytest.mark.parametrize("name, exporter", QUANTIZED)
def test_table_is_up_to_date(name, exporter, case):
    """Ranges come from float convolutions, whose last bits depend on the instruction set; what they decide differs by less than this."""
    now = families.measured(case(name, exporter))
    then = next(f for f in families.read_table(families.table_in(TABLE.read_text())) if (f["family"], f["exporter"]) == (now["family"], exporter))
    assert abs(then["snr"] - now["snr"]) < 1.5, f"{now['snr']:.1f} dB; run tests/oracle/families.py"
    assert now["float"] < 20 * then["float"] + 1e-7, f"{now['float']:.1e}; run tests/oracle/families.py"


def test_short_table_follows_from_the_long_one():
    figures = families.read_table(families.table_in(TABLE.read_text()))
    assert families.table_in(families.README.read_text()) == families.short_table(figures)
