# SPDX-License-Identifier: Apache-2.0
"""Writes what enters each SiLU of a detector on some photos: collect.py MODEL PHOTO_FOLDER OUT.npz [COUNT]"""
import pathlib
import sys

import cv2
import numpy as np
import onnx
import onnxruntime


def letterbox(path, size):
    image = cv2.imread(str(path))
    ratio = min(size / image.shape[0], size / image.shape[1])
    canvas = np.full((size, size, 3), 114, np.uint8)
    small = cv2.resize(image, (int(image.shape[1] * ratio), int(image.shape[0] * ratio)))
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas.transpose(2, 0, 1)[None].astype(np.float32)


def silu_inputs(graph):
    sigmoids = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Sigmoid"}
    for node in graph.node:
        if node.op_type != "Mul":
            continue
        for x, gate in (node.input, reversed(node.input)):
            if sigmoids.get(x) == gate:
                yield x


def main():
    model_path, photos, out = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 8
    model = onnx.load(model_path)
    names = list(silu_inputs(model.graph))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feed = session.get_inputs()[0]
    values = {name: [] for name in names}
    for path in sorted(pathlib.Path(photos).glob("*.jpg"))[:count]:
        results = session.run(names, {feed.name: letterbox(path, feed.shape[2])})
        for name, result in zip(names, results):
            values[name].append(result[0].reshape(result.shape[1], -1))
    np.savez(out, **{name: np.concatenate(parts, axis=1) for name, parts in values.items()})


if __name__ == "__main__":
    main()
