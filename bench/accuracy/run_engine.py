# SPDX-License-Identifier: Apache-2.0
"""run_engine.py ENGINE MODEL INPUTS.npy NUMBERS NAMES FOLDER: what an engine computes of samples, as `halftone validate --outputs` reads it.

ENGINE is onnxruntime or openvino. NUMBERS and NAMES are JSON lists: under which number each sample is filed, and what the outputs are called."""
import json
import sys
from pathlib import Path

import numpy as np


def onnxruntime_session(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Without it, products of 8-bit numbers saturate on processors that lack dot product instructions.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


def openvino_session(model):
    import openvino

    # Real numbers in single precision: OpenVINO would else round them to bfloat16 where the processor multiplies that fast.
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: [np.array(value) for value in compiled(x).values()]


ENGINES = {"onnxruntime": onnxruntime_session, "openvino": openvino_session}


def main():
    engine, model, inputs, numbers, names, folder = sys.argv[1:]
    compute = ENGINES[engine](model)
    for number, sample in zip(json.loads(numbers), np.load(inputs, mmap_mode="r")):
        outputs = compute(np.ascontiguousarray(sample[None]))
        np.savez(Path(folder) / f"{number}.npz", **dict(zip(json.loads(names), outputs)))


main()
