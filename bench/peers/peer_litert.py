# SPDX-License-Identifier: Apache-2.0
"""LiteRT with its XNNPACK: the model as onnx2tf converts it, or quantizes it with real inputs and outputs."""
import shutil
import sys
from pathlib import Path

import numpy as np

import peer
from ai_edge_litert.interpreter import Interpreter

# What the converter else downloads to try its result with, if it is in its folder.
TRIAL = "calibration_image_sample_data_20x128x128x3_float32.npy"


def prepare(model, samples, precision, folder):
    import onnx

    converter, out = Path(sys.executable).with_name("onnx2tf"), folder / "converted"
    np.save(folder / TRIAL, np.random.default_rng(0).random((20, 128, 128, 3), np.float32))
    options = []
    if precision == "int8":
        np.save(folder / "samples.npy", samples.transpose(0, 2, 3, 1))
        name = onnx.load(model).graph.input[0].name
        options = ["-oiqt", "-cind", name, folder / "samples.npy", "[[[[0,0,0]]]]", "[[[[1,1,1]]]]"]
    peer.convert(converter, "-i", model, "-o", out, "-n", *options, folder=folder)
    ending = "_integer_quant.tflite" if precision == "int8" else "_float32.tflite"
    (written,) = (path for path in out.glob("*" + ending) if "full" not in path.name)
    shutil.move(written, folder / "model.tflite")
    shutil.rmtree(out)


def load(folder, sample, threads):
    interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], np.ascontiguousarray(sample.transpose(0, 2, 3, 1)))
    return interpreter.invoke


peer.main(prepare, load)
