# SPDX-License-Identifier: Apache-2.0
"""Bundles of detectors: boxes in a camera's frame, held against `halftone run` on the same pixels in a PNG file."""
import re
import subprocess

import cv2
import numpy as np
import onnx
import onnx.parser
import pytest

from places import MICRO, STREET

FORMATS = {"rgb888": 0, "rgb565": 1, "gray8": 2}
DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include "street.h"

static street_detect_memory memory;
static ht_box boxes[STREET_MAX_BOXES];

int main(int count, char **arguments) {
  ht_frame frame = {NULL, 0, 0, 0, 0, {0, 0, 0, 0}};
  FILE *file = fopen(arguments[1], "rb");
  int32_t found, i;
  uint8_t *pixels;
  frame.width = atoi(arguments[2]);
  frame.height = atoi(arguments[3]);
  frame.stride = atoi(arguments[4]);
  frame.format = atoi(arguments[5]);
  frame.crop.x = atoi(arguments[6]);
  frame.crop.y = atoi(arguments[7]);
  frame.crop.width = atoi(arguments[8]);
  frame.crop.height = atoi(arguments[9]);
  pixels = (uint8_t *)malloc((size_t)(frame.stride * frame.height));
  if (count != 10 || !file || fread(pixels, (size_t)(frame.stride * frame.height), 1, file) != 1) return 2;
  frame.pixels = pixels;
  if (street_detect(&frame, &memory, boxes, &found) != STREET_OK) return 3;
  for (i = 0; i < found; ++i)
    printf("%.9g %.9g %.9g %.9g %.9g %s\\n", boxes[i].x0, boxes[i].y0, boxes[i].x1, boxes[i].y1, boxes[i].score,
           street_class_names[boxes[i].class_index]);
  return 0;
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("detect")


@pytest.fixture(scope="module", params=[("street", "float"), ("street", "quantize"), ("micro", "quantize", "--bands")], ids=" ".join)
def street(request, halftone, folder):
    """A detector of street scenes quantized, with its bundle. By bands, NAME_detect() never has all of the input in memory; that is the
    smaller one, as the other's decode, which is in its graph, needs as much memory as its first layers."""
    detector, head, *options = request.param
    recipe = {"street": STREET / "street.toml", "micro": MICRO / "micro.toml"}[detector]
    model, place = folder / f"{detector}_{head}.onnx", folder / "_".join(request.param)
    halftone("quantize", recipe, "-o", model, "--target", "cortex-m", "--head", head)
    photos = sorted((STREET / "val").glob("*.jpg"))[:4]
    halftone("compile", model, "-o", place, "--name", "street", "--vectors", "1", "--image", *photos, *options)
    assert ("bring_rows(" in (place / "street.c").read_text()) == ("--bands" in options)
    return model, place


def in_format(rgb, kind):
    """Bytes of a frame, a row each, and the pixels that they stand for."""
    if kind == "gray8":
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return gray, np.repeat(gray[:, :, None], 3, 2)
    if kind == "rgb888":
        return rgb.reshape(len(rgb), -1), rgb
    red, green, blue = (rgb[:, :, c].astype(np.uint16) for c in range(3))
    packed = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    red, green, blue = packed >> 11, packed >> 5 & 63, packed & 31
    spread = np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], -1).astype(np.uint8)
    return packed.astype("<u2").view(np.uint8).reshape(len(rgb), -1), spread


@pytest.mark.parametrize("kind", FORMATS)
def test_boxes_are_those_of_run(halftone, street, folder, kind):
    model, place = street
    driver = folder / "driver.c"
    driver.write_text(DRIVER)
    program = folder / f"{place.name}_program"
    sources = [*place.glob("*.c"), *(place / "kernels").rglob("*.c")]
    subprocess.run(["gcc", "-std=c99", "-O2", "-ffp-contract=off", f"-I{place}", driver, *sources, "-o", program], check=True)
    boxes = 0
    for i, photo in enumerate(sorted((STREET / "val").glob("*.jpg"))[10:14]):
        rgb = cv2.resize(cv2.imread(str(photo))[:, :, ::-1], (300 - 20 * i, 210 + 15 * i))
        rows, pixels = in_format(rgb, kind)
        rows = np.pad(rows, ((0, 0), (0, i)))
        x, y, width, height = (0, 0, 0, 0) if i % 2 == 0 else (11, 7, 201, 143)
        (folder / "frame.bin").write_bytes(rows.tobytes())
        part = pixels[y : y + height, x : x + width] if width else pixels
        cv2.imwrite(str(folder / "photo.png"), part[:, :, ::-1])
        numbers = [rgb.shape[1], rgb.shape[0], rows.shape[1], FORMATS[kind], x, y, width, height]
        done = subprocess.run([program, folder / "frame.bin", *map(str, numbers)], capture_output=True, text=True, check=True)
        found = [line.split(maxsplit=5) for line in done.stdout.splitlines()]
        expected = halftone.json("run", model, "--image", folder / "photo.png")
        assert len(found) == len(expected)
        for (*values, name), truth in zip(found, expected):
            x0, y0, x1, y1, score = np.array(values, np.float32)
            assert name == truth["category"] and score == np.float32(truth["score"])
            np.testing.assert_allclose([x0 - x, y0 - y, x1 - x0, y1 - y0], truth["bbox"], atol=1e-3)
        boxes += len(found)
    assert boxes > 0


def test_the_bundles_test_compares_boxes(street):
    _, place = street
    done = subprocess.run(["make", "-C", place, "test", "CFLAGS=-O2 -Werror"], capture_output=True, text=True)
    assert done.returncode == 0 and "street: 16 frames" in done.stdout and "boxes identical to the host's" in done.stdout
    source = place / "street.c"
    text = source.read_text()
    at = text.index("pixel_values_0[] = {") + len("pixel_values_0[] = {")
    source.write_text(text[:at] + " 100," + text[at:].split(",", 1)[1])
    done = subprocess.run(["make", "-C", place, "test"], capture_output=True, text=True)
    source.write_text(text)
    assert done.returncode != 0 and "frame" in done.stdout


def test_the_example_runs(street):
    _, place = street
    done = subprocess.run(["make", "-C", place, "example"], capture_output=True, text=True)
    assert done.returncode == 0 and "boxes" in done.stdout


LISTED = """<ir_version: 8, opset_import: ["": 13]>
listed (float[1,3,16,16] images) => (float[1,4,4] boxes, float[1,4] scores, LABELS[1,4] labels)
<float pixel = {0.003921569}, float fine = {0.01}, float coarse = {0.05}, int8 zero = {0}, int8 black = {-128}, int64[3] rows = {1,6,4}, int64[2] list = {1,4},
 int64[1] n0 = {0}, int64[1] n4 = {4}, int64[1] n5 = {5}, int64[1] n6 = {6}, int64[1] last = {2}> {
  xq = QuantizeLinear(images, pixel, black)
  x = DequantizeLinear(xq, pixel, black)
  w = DequantizeLinear(weights, fine, zero)
  y = Conv<strides = [8, 8]>(x, w)
  yq = QuantizeLinear(y, coarse, zero)
  z = DequantizeLinear(yq, coarse, zero)
  r = Reshape(z, rows)
  t = Transpose<perm = [0, 2, 1]>(r)
  boxes = Slice(t, n0, n4, last)
  s = Slice(t, n4, n5, last)
  sigmoid = Sigmoid(s)
  scores = Reshape(sigmoid, list)
  c = Slice(t, n5, n6, last)
  positive = Relu(c)
  numbers = Reshape(positive, list)
  labels = Cast<to = TYPE>(numbers)
}"""
RECIPE = """[preprocess]
size = [16, 16]
resize = "stretch"
color = "rgb"
mean = [0.0, 0.0, 0.0]
std = [255.0, 255.0, 255.0]
interpolation = "bilinear"

[task]
type = "detection"
classes = ["@RUN@", "a@NAME@", "c"]
head = "boxes"
score_threshold = 0.3
nms_threshold = 0.7
max_detections = 10
"""


@pytest.fixture(scope="module", params=["uint8", "int8", "float"])
def listed(request, folder):
    """A model that gives boxes with scores and classes, whose numbers are integers without scales; names of classes look like marks in templates."""
    kind = {"uint8": onnx.TensorProto.UINT8, "int8": onnx.TensorProto.INT8, "float": onnx.TensorProto.FLOAT}[request.param]
    model = onnx.parser.parse_model(LISTED.replace("LABELS", request.param).replace("TYPE", str(kind)))
    weights = np.random.default_rng(0).integers(-15, 16, (6, 3, 8, 8)).astype(np.int8)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "weights"))
    onnx.helper.set_model_props(model, {"halftone.recipe": RECIPE, "halftone.requantization": "float-half-even"})
    onnx.checker.check_model(model)
    path = folder / f"listed_{request.param}.onnx"
    onnx.save(model, path)
    return path


def test_listed_boxes_with_any_names(halftone, listed, folder):
    place = folder / f"{listed.stem}_bundle"
    halftone("compile", listed, "-o", place, "--name", "listed")
    done = subprocess.run(["make", "-C", place, "test", "CFLAGS=-O1 -Werror"], capture_output=True, text=True)
    assert done.returncode == 0 and "boxes identical to the host's" in done.stdout, done.stdout + done.stderr


def test_ram_is_what_detect_needs(halftone, listed, folder):
    place = folder / f"{listed.stem}_ram"
    result = halftone.json("compile", listed, "-o", place, "--name", "listed", "--cpu", "cortex-m4", "--vectors", "1")
    needed = int(re.search(r"define LISTED_DETECT_BYTES (\d+)", (place / "listed.h").read_text())[1])
    assert result["ram_bytes"] == needed > result["arena_bytes"]
    rows = dict(re.findall(r"^\| (arena|beside it)\b[^|]*\| (\d+) \|$", (place / "REPORT.md").read_text(), re.M))
    assert sum(map(int, rows.values())) == needed and len(rows) == 2
    done = halftone("compile", listed, "-o", folder / "never", "--name", "listed", "--cpu", "cortex-m4", "--ram", needed - 1, expect=1)
    assert f"needs {needed} bytes" in done.stderr and "listed_detect()" in done.stderr
    halftone("compile", listed, "-o", place, "--name", "listed", "--cpu", "cortex-m4", "--ram", needed, "--vectors", "1")
