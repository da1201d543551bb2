# SPDX-License-Identifier: Apache-2.0
"""A model of Q/DQ in double precision, of which a rounding to integers hardly ever notices that it is not exact: what the file says, where
floats leave it to the order of additions on which side of a tie a sum falls."""
import numpy as np
import onnx
from onnx import numpy_helper


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def affine(x, scale, zero_point, axis):
    shape = [1] * np.ndim(x)
    if np.ndim(scale) and np.size(scale) > 1:
        shape[axis] = -1
    else:
        shape = []
    return np.reshape(scale, shape).astype(np.float64), np.reshape(zero_point, shape).astype(np.float64)


def quantize(x, scale, zero_point=np.uint8(0), axis=1):
    limits = np.iinfo(np.asarray(zero_point).dtype)
    s, z = affine(x, scale, zero_point, axis)
    return np.clip(np.rint(x / s) + z, limits.min, limits.max).astype(np.asarray(zero_point).dtype)


def dequantize(q, scale, zero_point=0, axis=1):
    s, z = affine(q, scale, zero_point, axis)
    return (q.astype(np.float64) - z) * s


def windows(x, kernel, strides, pads, fill):
    x = np.pad(x, [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return view[:, :, ::strides[0], ::strides[1]]  # n c h w kh kw


def conv(x, w, b=None, group=1, strides=(1, 1), pads=(0, 0, 0, 0), **_):
    view = windows(x, w.shape[2:], strides, pads, 0)
    n, c, h, wide = view.shape[:4]
    if group == c and w.shape[1] == 1 and group > 1:
        out = np.einsum("nchwij,cij->nchw", view, w[:, 0], optimize=True)
    else:
        parts = []
        each, outs = c // group, w.shape[0] // group
        for g in range(group):
            columns = view[:, g * each:(g + 1) * each].transpose(0, 2, 3, 1, 4, 5).reshape(n * h * wide, -1)
            parts.append((columns @ w[g * outs:(g + 1) * outs].reshape(outs, -1).T).reshape(n, h, wide, outs).transpose(0, 3, 1, 2))
        out = np.concatenate(parts, 1)
    return out if b is None else out + b.reshape(1, -1, 1, 1)


def resize(x, roi=None, scales=None, sizes=None, **_):
    """Nearest, by whole factors."""
    factors = [int(v) for v in scales] if scales is not None and np.size(scales) else [s // n for s, n in zip(sizes, x.shape)]
    for axis, factor in enumerate(factors):
        x = np.repeat(x, factor, axis) if factor > 1 else x
    return x


def slices(x, starts, ends, axes=None, steps=None):
    where = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    for i, axis in enumerate(axes):
        where[axis] = slice(int(starts[i]), int(min(ends[i], 1 << 30)), int(steps[i]) if steps is not None else 1)
    return x[tuple(where)]


def reshape(x, shape, **_):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape)])


OPERATORS = {
    "Conv": conv, "QuantizeLinear": quantize, "DequantizeLinear": dequantize, "Resize": resize, "Slice": slices, "Reshape": reshape,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Mul": np.multiply, "Add": np.add, "Relu": lambda x: np.maximum(x, 0),
    "MaxPool": lambda x, kernel_shape, strides, pads=(0, 0, 0, 0), **_: windows(x, tuple(kernel_shape), strides, pads, -np.inf).max((4, 5)),
    "Concat": lambda *x, axis: np.concatenate(x, axis), "Transpose": lambda x, perm: x.transpose(perm), "Identity": lambda x: x,
}


class Session:
    """A file with one output, whose Q and DQ are ONNX's own."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        (self.output,) = [output.name for output in graph.output]
        self.known = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self.nodes = []
        for node in graph.node:
            if node.op_type == "Constant":
                self.known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif all(not name or name in self.known for name in node.input):
                self.known[node.output[0]] = self.compute(node, self.known)
            else:
                self.nodes.append(node)

    @staticmethod
    def compute(node, values):
        given = [values[name] if name else None for name in node.input]
        given = [x.astype(np.float64) if x is not None and x.dtype == np.float32 else x for x in given]
        return OPERATORS[node.op_type](*given, **attributes(node))

    def run(self, feed):
        values = {**self.known, **feed}
        for node in self.nodes:
            values[node.output[0]] = self.compute(node, values)
        return values[self.output]
