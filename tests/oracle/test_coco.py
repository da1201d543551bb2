# SPDX-License-Identifier: Apache-2.0
"""COCO's twelve figures against pycocotools, on the same annotations and detections."""
import contextlib
import copy
import io
import json
import subprocess

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from places import built, shared

PROBE = built("evaluate_probe")
NAMES = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"]


def oracle(dataset, results):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(dataset)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, map(float, evaluation.stats)))


def probe(folder, dataset, results, threads=2):
    instances, detections = folder / "instances.json", folder / "results.json"
    instances.write_text(json.dumps(dataset))
    detections.write_text(json.dumps(results))
    return subprocess.run([PROBE, "coco", instances, detections, str(threads)], capture_output=True, text=True)


def figures(folder, dataset, results, threads=2):
    done = probe(folder, dataset, results, threads)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_equal_figures(folder, dataset, results):
    ours, theirs = figures(folder, dataset, results), oracle(dataset, results)
    assert ours == figures(folder, dataset, results, threads=1)
    for name in NAMES:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-6), name
    return ours


def random_box(rng, width, height):
    size = np.exp(rng.uniform(np.log(4), np.log(300), 2))
    corner = rng.uniform(0, 1, 2) * (width, height)
    return [round(float(v), 2) for v in (*corner, *size)]


def random_case(seed, images=12, categories=5, most_truths=8, most_detections=30, ties=True):
    """Detections are jittered truths and noise; some images and categories stay empty, some truths are crowds."""
    rng = np.random.default_rng(seed)
    category_ids = rng.permutation(np.arange(1, 40))[:categories].tolist()
    image_ids = rng.permutation(np.arange(1, 1000))[:images].tolist()
    annotations, results = [], []
    for image in image_ids:
        truths = []
        for _ in range(rng.integers(0, most_truths + 1)):
            box = random_box(rng, 640, 480)
            area = box[2] * box[3] * (rng.uniform(0.3, 1) if rng.random() < 0.5 else 1)
            if rng.random() < 0.1:
                area = float(rng.choice([32**2, 96**2]))
            # The last category has no truths at all.
            truths.append({"id": len(annotations) + len(truths) + 1, "image_id": image, "category_id": int(rng.choice(category_ids[:-1])),
                           "bbox": box, "area": area, "iscrowd": int(rng.random() < 0.15)})
        annotations += truths
        if rng.random() < 0.15:
            continue
        for _ in range(rng.integers(0, most_detections + 1)):
            if truths and rng.random() < 0.6:
                near = truths[rng.integers(len(truths))]
                box = [round(float(v * rng.uniform(0.85, 1.15)), 3) for v in near["bbox"]]
                category = near["category_id"]
            else:
                box, category = random_box(rng, 640, 480), int(rng.choice(category_ids))
            score = float(rng.integers(1, 8)) / 8 if ties else float(rng.random())
            results.append({"image_id": image, "category_id": category, "bbox": box, "score": score})
    rng.shuffle(results)
    dataset = {"images": [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in image_ids],
               "annotations": annotations, "categories": [{"id": c, "name": f"class {c}"} for c in category_ids]}
    return dataset, results


@pytest.mark.parametrize("seed", range(25))
def test_random_data_with_ties(tmp_path, seed):
    assert_equal_figures(tmp_path, *random_case(seed))


@pytest.mark.parametrize("seed", range(25))
def test_random_data_without_ties(tmp_path, seed):
    assert_equal_figures(tmp_path, *random_case(1000 + seed, ties=False))


@pytest.mark.parametrize("seed", range(4))
def test_more_than_a_hundred_detections_in_an_image(tmp_path, seed):
    assert_equal_figures(tmp_path, *random_case(2000 + seed, images=3, categories=2, most_detections=700))


@pytest.mark.parametrize("seed", range(4))
def test_one_category(tmp_path, seed):
    dataset, results = random_case(3000 + seed, images=40, categories=2, most_truths=3)
    assert_equal_figures(tmp_path, dataset, results)


def test_annotation_without_a_crowd_flag_and_with_the_id_zero(tmp_path):
    dataset, results = random_case(7)
    for number, annotation in enumerate(dataset["annotations"]):
        annotation["id"] = number
        if not annotation["iscrowd"]:
            annotation["segmentation"] = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
    assert_equal_figures(tmp_path, dataset, results)


def test_perfect_detections_score_one(tmp_path):
    dataset, _ = random_case(8)
    results = [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": 0.5}
               for a in dataset["annotations"] if not a["iscrowd"]]
    assert assert_equal_figures(tmp_path, dataset, results)["AP"] == pytest.approx(1)


def test_without_annotations_every_figure_is_minus_one(tmp_path):
    dataset, results = random_case(9)
    dataset["annotations"] = []
    assert set(assert_equal_figures(tmp_path, dataset, results).values()) == {-1}


def test_without_detections_every_figure_with_objects_is_zero(tmp_path):
    dataset, results = random_case(10)
    # pycocotools cannot read an empty list; figures without objects are the ones that are -1 there too.
    absent = {name for name, value in oracle(dataset, results).items() if value == -1}
    assert figures(tmp_path, dataset, []) == {name: -1 if name in absent else 0 for name in NAMES}


@pytest.mark.parametrize("key, value, sentence", [("image_id", 5555, "image 5555"), ("category_id", 77, "category 77")])
def test_detections_on_what_the_annotations_do_not_have(tmp_path, key, value, sentence):
    dataset, results = random_case(11)
    results[3][key] = value
    done = probe(tmp_path, dataset, results)
    assert done.returncode == 3 and "detection 3" in done.stderr and sentence in done.stderr


@pytest.mark.parametrize("seed", range(3))
def test_real_annotations(tmp_path, seed):
    dataset = json.loads(shared("data", "coco", "val", "instances.json").read_text())
    rng = np.random.default_rng(seed)
    results = []
    for image in dataset["images"]:
        truths = [a for a in dataset["annotations"] if a["image_id"] == image["id"]]
        for _ in range(100):
            if truths and rng.random() < 0.3:
                near = truths[rng.integers(len(truths))]
                box, category = [round(float(v * rng.normal(1, 0.1)), 3) for v in near["bbox"]], near["category_id"]
            else:
                box = random_box(rng, image["width"], image["height"])
                category = int(rng.choice([c["id"] for c in dataset["categories"]]))
            results.append({"image_id": image["id"], "category_id": category, "bbox": box, "score": round(float(rng.random()), 3)})
    assert_equal_figures(tmp_path, dataset, results)
