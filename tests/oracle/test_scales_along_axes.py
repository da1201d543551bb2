# SPDX-License-Identifier: Apache-2.0
"""Activations whose scales vary along any axis, before and after an operator, against ONNX Runtime without optimizations: computed within one
step of the output's integers, or refused."""
import subprocess

import numpy as np
import onnx
import pytest

from foreign import LEVELS, Net, run, session
from places import built

CANNOT = 4  # exit code: not supported
SHAPES = [(6,), (4, 6), (2, 4, 6), (2, 4, 6, 5)]
STEP = 0.06  # the greatest scale


def constant_of(*values):
    return np.array(values, np.int64)


def cases(shape):
    """(operator, further constant inputs, attributes, shape of the output)"""
    rank, last = len(shape), shape[-1]
    yield from ((op, [], attributes, shape) for op, attributes in [("Relu", {}), ("Sigmoid", {}), ("LeakyRelu", {"alpha": .1}), ("Neg", {}), ("Identity", {}), ("Softmax", {"axis": -1})])
    yield "Clip", [np.float32(-1), np.float32(1)], {}, shape
    if rank == 1:
        return
    other = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    yield "Concat", [other], {"axis": 0}, (2 * shape[0], *shape[1:])
    yield "Concat", [other], {"axis": rank - 1}, (*shape[:-1], 2 * last)
    yield "Transpose", [], {"perm": list(reversed(range(rank)))}, shape[::-1]
    yield "Slice", [constant_of(1), constant_of(3), constant_of(rank - 1)], {}, (*shape[:-1], 2)
    yield "Slice", [constant_of(1), constant_of(3), constant_of(1)], {}, (shape[0], 2, *shape[2:])
    yield "Gather", [constant_of(2, 0)], {"axis": 1}, (shape[0], 2, *shape[2:])
    yield "Pad", [constant_of(*[0] * (2 * rank - 1), 1)], {}, (*shape[:-1], last + 1)
    yield "ReduceMean", [], {"axes": [rank - 1]}, (*shape[:-1], 1)
    yield "MatMul", [np.random.default_rng(6).normal(size=(last, 7)).astype(np.float32) * .3], {}, (*shape[:-1], 7)
    yield "Add", [other], {}, shape
    if rank > 2:
        pooled = (*shape[:2], *(size - 1 for size in shape[2:]))
        yield "MaxPool", [], {"kernel_shape": [2] * (rank - 2)}, pooled
        yield "AveragePool", [], {"kernel_shape": [2] * (rank - 2)}, pooled
        yield "GlobalAveragePool", [], {}, (*shape[:2], *[1] * (rank - 2))


def scales(generator, shape, axis):
    return np.float32(.04) if axis is None else generator.uniform(.02, STEP, shape[axis]).astype(np.float32)


def quantized(net, source, scale, axis, made):
    parameters = [net.constant(f"{made}_scale", scale), net.constant(f"{made}_zero", np.zeros(scale.shape, np.int8))]
    attributes = {} if axis is None else {"axis": axis}
    net.add("QuantizeLinear", [source, *parameters], f"{made}_q", **attributes)
    return net.add("DequantizeLinear", [f"{made}_q", *parameters], made, **attributes)


def network(op, further, attributes, shape, out_shape, before, after):
    generator, net = np.random.default_rng(1), Net()
    inputs = [quantized(net, "x", scales(generator, shape, before), before, "xq")]
    for i, value in enumerate(further):
        inputs.append(net.constant(f"c{i}", value))
        if op == "Add":
            inputs[-1] = quantized(net, inputs[-1], np.float32(.04), None, "cq")
    quantized(net, net.add(op, inputs, "made", **attributes), scales(generator, out_shape, after), after, "y")
    return net.model({"x": (np.float32, shape)}, {"y": (np.float32, out_shape)})


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"rank{len(shape)}")
def test_every_axis(shape, tmp_path):
    axes = [None, *range(len(shape))]
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    computed = 0
    for op, further, attributes, out_shape in cases(shape):
        for before in axes:
            for after in axes:
                model = network(op, further, attributes, shape, out_shape, before, after)
                onnx.save(model, tmp_path / "net.onnx")
                expected = session(model, LEVELS.ORT_DISABLE_ALL).run(None, {"x": x})[0]
                ran = subprocess.run([built("halftone"), "run", tmp_path / "net.onnx", "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path], capture_output=True, text=True)
                what = f"{op} {attributes} of {shape}, scales along {before} and then {after}"
                if ran.returncode == CANNOT:
                    may_be_refused = op == "Transpose" or {before, after} - {None, 1, len(shape) - 1}
                    assert "scales" in ran.stderr and may_be_refused, f"{what}: {ran.stderr}"
                    continue
                assert ran.returncode == 0, f"{what}: {ran.stderr}"
                computed += 1
                assert np.abs(np.load(tmp_path / "y.npy") - expected).max() <= STEP * 1.01, what
    assert computed > 20 * len(shape)


@pytest.mark.parametrize("before", [None, 1])
def test_sums_of_channels_that_become_part_of_others(halftone, before, tmp_path):
    """Rows of channels whose numbers are split into other rows on their way into a concatenation."""
    generator, net = np.random.default_rng(3), Net()
    inputs = [quantized(net, name, scales(generator, (4, 64), before), before, f"{name}q") for name in "ab"]
    total = quantized(net, net.add("Add", inputs, "sum"), np.float32(.06), None, "sumq")
    net.add("Reshape", [total, net.constant("shape", constant_of(8, 32))], "rows")
    rows = quantized(net, "rows", np.float32(.06), None, "rowsq")
    other = quantized(net, "c", np.float32(.06), None, "cq")
    quantized(net, net.add("Concat", [rows, other], "both", axis=1), np.float32(.06), None, "y")
    shapes = {"a": (4, 64), "b": (4, 64), "c": (8, 16)}
    model = net.model({name: (np.float32, shape) for name, shape in shapes.items()}, {"y": (np.float32, (8, 48))})
    feed = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    expected = session(model, LEVELS.ORT_DISABLE_ALL).run(None, feed)[0]
    assert np.abs(run(halftone, model, feed, tmp_path)["y"] - expected).max() <= STEP * 1.01
