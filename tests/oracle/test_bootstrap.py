# SPDX-License-Identifier: Apache-2.0
"""Intervals of `validate --bootstrap`: against pycocotools on data sets in which images stand several times, and numpy's percentiles."""
import copy
import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.numpy_helper import from_array

from conftest import street_sections, write_recipe
from places import STREET, built
from test_coco import oracle, random_case

PROBE = built("evaluate_probe")
FLOAT = onnx.TensorProto.FLOAT


def mix(x):
    """SplitMix64 of Steele, Lea and Flood (2014), one step from x."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def resample(seed, index, samples):
    """How often each sample is drawn, as docs and header say."""
    with np.errstate(over="ignore"):
        draws = mix(mix(np.uint64(seed)) + (np.uint64(index) << np.uint64(32)) + np.arange(samples, dtype=np.uint64)) % np.uint64(samples)
    return np.bincount(draws.astype(np.int64), minlength=samples)


def taken(dataset, results, copies):
    """The data set in which the images, by id, stand so often, a copy's id behind the one before."""
    images, annotations, detections = [], [], []
    for image, count in zip(sorted(dataset["images"], key=lambda image: image["id"]), copies):
        for _ in range(count):
            images.append({**image, "id": len(images) + 1})
            own = [a for a in dataset["annotations"] if a["image_id"] == image["id"]]
            annotations += [{**a, "id": len(annotations) + i + 1, "image_id": len(images)} for i, a in enumerate(own)]
            detections += [{**d, "image_id": len(images)} for d in results if d["image_id"] == image["id"]]
    return {**dataset, "images": images, "annotations": annotations}, detections


def ap(dataset, results, copies):
    dataset, results = taken(dataset, results, copies)
    return oracle(dataset, results)["AP"] if results else (0.0 if any(not a["iscrowd"] for a in dataset["annotations"]) else -1.0)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_images_several_times(tmp_path, seed, ties):
    dataset, results = random_case(4000 + seed, ties=ties)
    rng = np.random.default_rng(seed)
    lists = [[1] * 12, [0] * 12, *(rng.integers(0, 4, 12).tolist() for _ in range(4)), *(resample(seed, i, 12).tolist() for i in range(4))]
    for name, content in [("instances", dataset), ("results", results), ("copies", lists)]:
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    files = [tmp_path / f"{name}.json" for name in ("instances", "results", "copies")]
    ours = json.loads(subprocess.run([PROBE, "copies", *files], capture_output=True, text=True, check=True).stdout)
    assert ours[1] == -1 and ours[0] > 0
    assert ours == pytest.approx([ap(dataset, results, copies) for copies in lists], abs=1e-12)


@pytest.mark.parametrize("seed, index, samples", [(0, 0, 1), (0, 0, 220), (0, 7, 220), (2**63 + 5, 999, 1000)])
def test_draws(seed, index, samples):
    done = subprocess.run([PROBE, "resample", str(seed), str(index), str(samples)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == resample(seed, index, samples).tolist()
    assert sum(json.loads(done.stdout)) == samples


def test_draws_are_even():
    """Of a sample's copies over many resamples: Poisson, nearly, with mean and variance one."""
    copies = np.array([resample(3, index, 200) for index in range(1000)])
    assert copies.mean(0) == pytest.approx(1, abs=0.2) and copies.var() == pytest.approx(1 - 1 / 200, abs=0.02)


def percentiles(values):
    return np.percentile(values, [2.5, 97.5]).tolist()


def test_detector(halftone, street_recipe, tmp_path):
    recipe, model, count = street_recipe({"quantize.seed": 5}), tmp_path / "int8.onnx", 12
    halftone("quantize", recipe, "-o", model, "--ranges", "minmax", "--rounding", "nearest", "--granularity", "tensor", "--head", "quantize")
    limited = ["--limit", 30, "--bootstrap", count]
    result = halftone.json("validate", recipe, "--model", model, *limited)
    truth = json.loads((STREET / "val.json").read_text())
    truth["images"] = sorted(truth["images"], key=lambda image: image["id"])[:30]
    kept = {image["id"] for image in truth["images"]}
    truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] in kept]
    figures = []
    for flags in ([], ["--model", model]):
        halftone("validate", recipe, *flags, "--limit", 30, "--detections", tmp_path / "found.json")
        found = json.loads((tmp_path / "found.json").read_text())
        figures.append(np.array([ap(copy.deepcopy(truth), found, resample(5, index, 30)) for index in range(count)]))
    drops = 100 * (figures[0] - figures[1])
    assert np.ptp(drops) > 0.5, "resamples must differ"
    assert result["bootstrap"] == count
    assert result["float_interval"] == pytest.approx(percentiles(figures[0]), abs=1e-9)
    assert result["quantized_interval"] == pytest.approx(percentiles(figures[1]), abs=1e-9)
    assert result["drop_interval"] == pytest.approx(percentiles(drops), abs=1e-7)
    assert result["drop_mean"] == pytest.approx(drops.mean(), abs=1e-7)
    without_time = {key: value for key, value in result.items() if key != "seconds"}
    again = halftone.json("validate", recipe, "--model", model, *limited, "--threads", 1)
    assert {key: value for key, value in again.items() if key != "seconds"} == without_time
    other = halftone.json("validate", recipe, "--model", model, *limited, "--seed", 6)
    assert other["drop_interval"] != result["drop_interval"] and other["drop"] == result["drop"]
    text = halftone("validate", recipe, "--model", model, *limited).stdout
    low, high = result["drop_interval"]
    assert f"drop {result['drop']:.2f} [{low:.2f}, {high:.2f}] points" in text


def test_one_model_has_no_drop(halftone, street_recipe):
    result = halftone.json("validate", street_recipe(), "--limit", 10, "--bootstrap", 20)
    assert result["quantized_interval"] is None and result["drop_interval"] is None and result["drop_mean"] is None
    assert result["float_interval"][0] < result["float_interval"][1]
    assert "bootstrap" not in halftone.json("validate", street_recipe(), "--limit", 2)


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_counts_that_are_none(halftone, street_recipe, count):
    halftone("validate", street_recipe(), "--limit", 2, "--bootstrap", count, expect=2)


def test_classifier(halftone, tmp_path):
    samples, count, rng = 24, 50, np.random.default_rng(1)
    # With one scale for all, the other classes' weights drown in the first one's.
    weights = from_array((rng.standard_normal((12, 4)) * [100, 1, 1, 1]).astype(np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "classifier", [helper.make_tensor_value_info("x", FLOAT, [1, 12])],
                              [helper.make_tensor_value_info("y", FLOAT, [1, 4])], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "float.onnx")
    inputs, model, labels = tmp_path / "x.npy", tmp_path / "int8.onnx", tmp_path / "labels.csv"
    np.save(inputs, rng.standard_normal((samples, 12)).astype(np.float32))
    recipe = write_recipe(tmp_path / "net.toml", {
        "model": {"path": str(tmp_path / "float.onnx")}, "task": {"type": "classification"}, "calibration": {"images": [str(inputs)]},
        "validation": {"images": [str(inputs)], "annotations": str(labels)},
        "quantize": {"ranges": "minmax", "granularity": "tensor", "rounding": "nearest", "head": "quantize"}})
    lines = [f"{index},{rng.integers(4)}\n" for index in range(samples)]
    halftone("quantize", recipe, "-o", model)

    def validate(chosen, *flags):
        labels.write_text("index,label\n" + "".join(chosen))
        return halftone.json("validate", recipe, "--model", model, *flags)

    alone = [validate([line]) for line in lines]  # which says of one sample whether it is right
    per_sample = np.array([[one["float"]["top1"], one["quantized"]["top1"], one["agreement"]] for one in alone])
    resamples = np.array([resample(0, index, samples) @ per_sample / samples for index in range(count)])
    result = validate(lines, "--bootstrap", count)
    drops = 100 * (resamples[:, 0] - resamples[:, 1])
    assert np.ptp(resamples, axis=0).min() > 0 and np.ptp(drops) > 0
    for name, values in zip(["float", "quantized", "agreement"], resamples.T):
        assert result[f"{name}_interval"] == pytest.approx(percentiles(values), abs=1e-9)
    assert result["drop_interval"] == pytest.approx(percentiles(drops), abs=1e-7) and result["drop_mean"] == pytest.approx(drops.mean(), abs=1e-7)


def test_outputs_have_no_metric(halftone, tmp_path):
    sections, model = {**street_sections(), "task": {"type": "none"}}, tmp_path / "int8.onnx"
    recipe = write_recipe(tmp_path / "outputs.toml", sections, {"calibration.count": 4, "validation.annotations": None})
    halftone("quantize", recipe, "-o", model, "--ranges", "minmax", "--rounding", "nearest")
    assert "metric" in halftone("validate", recipe, "--model", model, "--bootstrap", 3, expect=2).stderr
