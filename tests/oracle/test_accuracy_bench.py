# SPDX-License-Identifier: Apache-2.0
"""bench/accuracy: its rows, their cache and their table, and what it gives other engines."""
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from conftest import street_sections, write_recipe
from places import BUILD, ROOT, STREET, long_test

ACCURACY, COMMON = ROOT / "bench" / "accuracy", ROOT / "bench" / "common"
BEGIN, END = "<!-- bench/accuracy/run --markdown writes this -->\n", "<!-- end of the figures -->\n"


@pytest.fixture
def bench(tmp_path):
    """Runs the bench on few photos of the sample, in a build folder of its own; gives its document and what it said."""
    def run(*flags, build=BUILD, limit=10, environment=()):
        out, page = tmp_path / "figures.json", tmp_path / "page.md"
        page.write_text(f"before\n{BEGIN}old\n{END}after\n")
        command = [sys.executable, ACCURACY / "run", "--models", "Street", "--limit", limit, "--resamples", 20, "--json", out, "--markdown", page, *flags]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=1800,
                              env={**os.environ, "HALFTONE_BUILD": str(build), "HALFTONE_ACCURACY": str(tmp_path / "made"), **dict(environment)})
        assert done.returncode == 0, done.stderr
        assert page.read_text() == f"before\n{BEGIN}{done.stdout}{END}after\n"
        return json.loads(out.read_text()), done

    return run


def test_rows_and_their_cache(bench, halftone, tmp_path):
    document, done = bench("--configurations", "plain,native")
    assert not document["failures"] and document["resamples"] == 20 and document["limit"] == 10
    plain, native = document["rows"]
    assert (plain["configuration"], native["configuration"]) == ("plain", "native")
    # What the row says is what the program says of the recipe that the bench wrote.
    recipe, file = tmp_path / "made" / "models" / "Street" / "recipe.toml", tmp_path / "int8.onnx"
    made = halftone.json("quantize", recipe, "-o", file)
    expected = halftone.json("validate", recipe, "--model", file, "--limit", 10, "--bootstrap", 20)
    assert native["bytes"] == made["quantized_bytes"] and native["float_nodes"] == len(made["float_nodes"])
    assert {**native["validation"], "seconds": 0} == {**expected, "seconds": 0}
    errors = [min(output["snr_db"] for output in row["held_out"]) for row in (plain, native)]
    assert errors[0] + 5 < errors[1], "plain methods must be worse"
    assert plain["validation"]["outputs"] != plain["held_out"], "the outputs' error is that of other photos"
    assert native["seconds"] > 0 and native["calibration_seconds"] > 0 and native["peak_bytes"] > 1e6
    lines = [line for line in done.stdout.splitlines() if line.startswith("| + share of float: the defaults")]
    low, high = native["validation"]["drop_interval"]
    assert len(lines) == 1 and f"{native['validation']['drop_mean']:.2f} [{low:.2f}, {high:.2f}]" in lines[0]

    again, done_again = bench("--configurations", "plain,native")
    assert again["rows"] == document["rows"] and "Street" in done.stderr and "Street" not in done_again.stderr
    other, done_other = bench("--configurations", "native", limit=9)
    assert other["rows"][0]["validation"]["images"] == 9 and "Street" in done_other.stderr


def test_what_is_missing_is_listed(bench, tmp_path):
    program = tmp_path / "build" / "bin" / "halftone"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *--activations*) echo these bits are not for us >&2; exit 4;; esac\nexec '{BUILD}/bin/halftone' \"$@\"\n")
    program.chmod(0o755)
    document, done = bench("--configurations", "a16,native,peer-ort", "--skip-peers", build=tmp_path / "build")
    assert [row["configuration"] for row in document["rows"]] == ["native"] and len(document["failures"]) == 1
    assert "- Street, activations of 16 bits: missing (halftone quantize: these bits are not for us)" in done.stdout


def test_program_that_is_not_there(tmp_path):
    done = subprocess.run([sys.executable, ACCURACY / "run"], capture_output=True, text=True, env={**os.environ, "HALFTONE_BUILD": str(tmp_path)})
    assert done.returncode == 1 and "HALFTONE_BUILD" in done.stderr


def test_names():
    done = subprocess.run([sys.executable, ACCURACY / "run", "--models", "Street,street"], capture_output=True, text=True)
    assert done.returncode == 2 and "no 'street'" in done.stderr


def engine_sample(tmp_path, changes):
    """A recipe of the sample, three of its photos, and the inputs that other engines get of them."""
    recipe = write_recipe(tmp_path / "recipe.toml", street_sections(), changes)
    photos = sorted((STREET / "val").glob("*.jpg"))[:3]
    (tmp_path / "samples.json").write_text(json.dumps(list(map(str, photos))))
    subprocess.run([sys.executable, ACCURACY / "make_inputs.py", recipe, tmp_path / "samples.json", tmp_path / "inputs.npy"], check=True)
    return recipe, photos, tmp_path / "inputs.npy"


@pytest.mark.parametrize("changes", [
    {}, {"preprocess.place": "top-left", "preprocess.color": "bgr"},
    {"preprocess.resize": "stretch", "preprocess.interpolation": "cubic", "preprocess.mean": [123.675, 116.28, 103.53], "preprocess.std": [58.395, 57.12, 57.375]},
])
def test_inputs_are_those_of_halftone(halftone, tmp_path, changes):
    """Of cubic interpolation the last bit of a byte is a matter of OpenCV's build and the processor (test_image.py)."""
    recipe, photos, inputs = engine_sample(tmp_path, changes)
    step = 1.001 / 57.12 if changes.get("preprocess.interpolation") == "cubic" else 0
    for photo, given in zip(photos, np.load(inputs)):
        halftone("run", STREET / "detector.onnx", "--recipe", recipe, "--image", photo, "--dump-values", tmp_path / "values")
        listed = json.loads((tmp_path / "values" / "values.json").read_text())
        first = next(value for value in listed["values"] if value["name"] == listed["inputs"][0])
        error = np.abs(given[None] - np.load(tmp_path / "values" / first["file"]))
        assert error.max() <= step + 1e-5 and np.mean(error > 1e-5) < 1e-3


def test_engine_computes_what_halftone_computes(halftone, tmp_path):
    recipe, photos, inputs = engine_sample(tmp_path, {})
    names = [output["name"] for output in halftone.json("inspect", STREET / "detector.onnx")["outputs"]]
    numbers = {entry["file_name"]: entry["id"] for entry in json.loads((STREET / "val.json").read_text())["images"]}
    (tmp_path / "given").mkdir()
    subprocess.run([sys.executable, ACCURACY / "run_engine.py", "onnxruntime", STREET / "detector.onnx", inputs, json.dumps([numbers[photo.name] for photo in photos]),
                    json.dumps(names), tmp_path / "given"], check=True)
    result = halftone.json("validate", recipe, "--outputs", tmp_path / "given", "--limit", 3)
    assert all(output["snr_db"] > 80 for output in result["outputs"]) and result["drop"] == pytest.approx(0, abs=0.1)


def test_sizes_of_photos(monkeypatch):
    monkeypatch.syspath_prepend(str(COMMON))
    monkeypatch.syspath_prepend(str(ACCURACY))
    import models

    for photo in sorted((STREET / "val").glob("*.jpg"))[:5]:
        height, width, _ = cv2.imread(str(photo)).shape
        assert models.jpeg_size(photo) == {"width": width, "height": height}


@long_test
def test_peers_are_measured(bench):
    document, _ = bench("--configurations", "onnxruntime,float-ort,peer-ort,peer-nncf", limit=40)
    assert not document["failures"]
    rows = {row["configuration"]: row["validation"] for row in document["rows"]}
    assert abs(rows["float-ort"]["drop"]) < 0.1, "the way of an engine's outputs must cost nothing"
    assert all(row["quantized"]["AP"] > 0.02 for row in rows.values()) and rows["onnxruntime"]["drop"] < 4
