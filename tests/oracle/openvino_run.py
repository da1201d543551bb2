# SPDX-License-Identifier: Apache-2.0
"""Runs an ONNX file in OpenVINO's CPU plugin: openvino_run.py MODEL INPUTS.npy OUTPUTS.npz LAYERS.json. Inputs have a first axis of samples;
outputs are stacked the same way, by name. Layers are those that OpenVINO executes, each with its precision and the nodes of the file in it."""
import json
import sys

import numpy as np
import openvino


def text(info, key):
    return str(info[key].astype(str)) if key in info else ""


def main(model, inputs, outputs, layers):
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    made = [compiled([sample]) for sample in np.load(inputs)]
    np.savez(outputs, **{port.any_name: np.stack([result[port] for result in made]) for port in compiled.outputs})
    told = []
    for operator in compiled.get_runtime_model().get_ordered_ops():
        info = operator.get_rt_info()
        told.append({"type": text(info, "layerType"), "precision": text(info, "runtimePrecision"), "kernel": text(info, "primitiveType"),
                     "nodes": text(info, "originalLayersNames").split(",")})
    with open(layers, "w") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
