# SPDX-License-Identifier: Apache-2.0
"""Imports ONNX files, runs the operators' reference and compares with ONNX Runtime; writes the graph back as ONNX, has onnx's own
checker look at it and compares again."""
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from places import built, shared

PROBE = built("graph_probe")
EXECUTOR = built("executor_probe")
IR_VERSIONS = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 11}
TYPES = {"f32": np.float32, "i64": np.int64, "i32": np.int32, "bool": np.bool_, "i8": np.int8, "u8": np.uint8, "i16": np.int16,
         "u16": np.uint16}


def random(*shape, seed=0, low=-3.0, high=3.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def model(op, inputs, constants=None, opset=13, outputs=1, after=None, **attributes):
    """One node: `inputs` are arrays that come at run time, `constants` initializers behind them (None: not there)."""
    constants = constants or []
    names = [f"x{i}" for i in range(len(inputs))] + [f"c{i}" if c is not None else "" for i, c in enumerate(constants)]
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, made, name="node", **attributes)
    graph = helper.make_graph(
        [node], "single", [helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for i, x in enumerate(inputs)],
        [helper.make_empty_tensor_value_info(y) for y in made],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None])
    return finish(graph, opset), list(inputs)


def finish(graph, opset):
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSIONS[opset])
    inferred = onnx.shape_inference.infer_shapes(made)
    for output, known in zip(made.graph.output, inferred.graph.output):
        output.CopyFrom(known)
        if not output.type.tensor_type.elem_type:
            output.type.tensor_type.elem_type = TensorProto.FLOAT
    return made


def ints(*values):
    return np.array(values, np.int64)


X4 = random(2, 6, 9, 11)
X3 = random(2, 3, 5)
SMALL = random(1, 4, 5, 7)
POSITIVE = random(3, 4, seed=1, low=0.1, high=4)
CASES = {}


def case(name, *args, **kwargs):
    CASES[name] = lambda: model(*args, **kwargs)


for op, opset, attributes in [
        ("Relu", 7, {}), ("LeakyRelu", 7, {}), ("LeakyRelu", 16, {"alpha": 0.3}), ("Sigmoid", 9, {}), ("HardSigmoid", 7, {}),
        ("HardSigmoid", 13, {"alpha": 0.15, "beta": 0.4}), ("HardSwish", 14, {}), ("Tanh", 7, {}), ("Gelu", 20, {}),
        ("Gelu", 20, {"approximate": "tanh"}), ("Erf", 9, {}), ("Elu", 7, {"alpha": 0.7}), ("Selu", 7, {}),
        ("Selu", 7, {"alpha": 1.5, "gamma": 1.2}), ("Celu", 12, {"alpha": 0.8}), ("Softplus", 7, {}), ("Softsign", 7, {}), ("Mish", 18, {}),
        ("Exp", 7, {}), ("Neg", 7, {}), ("Abs", 7, {}), ("Floor", 7, {}), ("Ceil", 7, {}), ("Round", 11, {}), ("Sin", 7, {}),
        ("Cos", 7, {}), ("Sign", 9, {}), ("Clip", 7, {"min": -1.0, "max": 2.0}), ("Clip", 7, {"max": 1.0})]:
    case(f"{op}-{opset}-{'-'.join(f'{k}{v}' for k, v in attributes.items())}", op, [X3], opset=opset, **attributes)
for op in ["Log", "Sqrt", "Reciprocal"]:
    case(op, op, [POSITIVE])
case("Clip-11-both", "Clip", [X3], [np.float32(-1), np.float32(1)], opset=11)
case("Clip-13-high", "Clip", [X3], [None, np.float32(1)])
case("Clip-13-low", "Clip", [X3], [np.float32(0.5)])
case("Clip-13-dynamic", "Clip", [X3, np.array(-0.5, np.float32), np.array(0.5, np.float32)])
case("Clip-13-int", "Clip", [np.arange(-5, 5, dtype=np.int32)], [np.int32(-2), np.int32(3)])
for op in ["Add", "Sub", "Mul", "Div", "Min", "Max", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"]:
    case(op, op, [X3, random(3, 1, seed=2)])
    case(f"{op}-int", op, [np.arange(1, 13, dtype=np.int64).reshape(3, 4), ints(3, -2, 5, 7)])
for op in ["And", "Or", "Xor"]:
    case(op, op, [X3 > 0, X3 < 1])
case("Not", "Not", [X3 > 0])
case("Pow", "Pow", [POSITIVE, random(4, seed=3)])
case("Pow-square", "Pow", [X3], [np.float32(2)])
case("Mod", "Mod", [np.arange(-6, 6, dtype=np.int64), np.full(12, 4, np.int64)])
case("Mod-fmod", "Mod", [X3, random(5, seed=4, low=0.5)], fmod=1)
case("PRelu-7", "PRelu", [SMALL], [random(4, 1, 1, seed=3)], opset=7)
for op in ["Sum", "Mean", "Max", "Min"]:
    case(f"{op}-3", op, [X3, random(2, 3, 5, seed=1), random(1, 3, 1, seed=2)])
    case(f"{op}-1", op, [X3])
case("Where", "Where", [X3 > 0, X3, random(5, seed=5)])
for to in ["FLOAT", "INT32", "INT64", "UINT8", "BOOL"]:
    case(f"Cast-{to}", "Cast", [np.abs(X3)], to=getattr(TensorProto, to))
case("Cast-from-int", "Cast", [np.arange(6, dtype=np.int64)], to=TensorProto.FLOAT)

W = random(8, 6, 3, 3, seed=1)
B = random(8, seed=2)
case("Conv", "Conv", [X4], [W, B], opset=7)
case("Conv-all", "Conv", [X4], [W], opset=11, dilations=[2, 1], strides=[1, 2], pads=[1, 0, 2, 1], kernel_shape=[3, 3])
for pad in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
    case(f"Conv-{pad}", "Conv", [X4], [W, B], auto_pad=pad, strides=[2, 3])
    case(f"MaxPool-{pad}", "MaxPool", [X4], auto_pad=pad, strides=[2, 2], kernel_shape=[3, 2])
    case(f"AveragePool-{pad}", "AveragePool", [X4], auto_pad=pad, strides=[2, 2], kernel_shape=[3, 2])
case("Conv-depthwise", "Conv", [X4], [random(6, 1, 3, 3), random(6, seed=4)], group=6, pads=[1, 1, 1, 1])
case("Conv-groups", "Conv", [X4], [random(4, 3, 1, 1)], group=2)
case("Conv-1d", "Conv", [X3], [random(4, 3, 2)])
case("Conv-3d", "Conv", [random(1, 2, 4, 5, 6)], [random(3, 2, 2, 2, 2)], opset=22)
case("Conv-dynamic-weights", "Conv", [X4, W])
for opset in [7, 8, 10, 12, 22]:
    case(f"MaxPool-{opset}", "MaxPool", [X4], opset=opset, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case(f"AveragePool-{opset}", "AveragePool", [X4], opset=opset, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
case("MaxPool-dilations", "MaxPool", [X4], kernel_shape=[2, 3], dilations=[3, 2])
case("MaxPool-ceil", "MaxPool", [X4], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
case("AveragePool-ceil", "AveragePool", [X4], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, opset=19)
case("AveragePool-include", "AveragePool", [X4], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
case("AveragePool-dilations", "AveragePool", [X4], kernel_shape=[2, 2], dilations=[2, 3], opset=19)
case("GlobalAveragePool", "GlobalAveragePool", [X4], opset=7)
case("GlobalMaxPool", "GlobalMaxPool", [X4], opset=22)
for opset in [7, 9, 14, 15]:
    case(f"BatchNormalization-{opset}", "BatchNormalization", [X4], [random(6, seed=i, low=0.2) for i in range(4)], opset=opset, epsilon=1e-3)
case("Gemm", "Gemm", [random(3, 4)], [random(4, 5), random(5)], opset=7)
case("Gemm-all", "Gemm", [random(4, 3)], [random(5, 4), random(3, 1)], alpha=0.5, beta=2.0, transA=1, transB=1)
case("Gemm-no-c", "Gemm", [random(3, 4)], [random(4, 5)], opset=11)
case("MatMul", "MatMul", [random(2, 3, 4), random(4, 5)])
case("MatMul-batched", "MatMul", [random(2, 1, 3, 4), random(3, 4, 2)])

case("Reshape", "Reshape", [X4], [ints(0, 2, -1, 11)], opset=7)
case("Reshape-14", "Reshape", [X3], [ints(-1)], opset=14, allowzero=1)
for axis in [0, 1, 2, 4]:
    case(f"Flatten-{axis}", "Flatten", [X4], opset=9, axis=axis)
case("Flatten-negative", "Flatten", [X4], axis=-1)
ONES = random(1, 3, 1, 5)
case("Squeeze-11", "Squeeze", [ONES], opset=11, axes=[0, -2])
case("Squeeze-13", "Squeeze", [ONES], [ints(2)])
case("Squeeze-all", "Squeeze", [ONES])
case("Unsqueeze-7", "Unsqueeze", [X3], opset=7, axes=[0, 4])
case("Unsqueeze-13", "Unsqueeze", [X3], [ints(-1, 1)])
case("Transpose", "Transpose", [X4], perm=[0, 2, 3, 1])
case("Transpose-default", "Transpose", [X3], opset=21)
case("Concat", "Concat", [X3, random(2, 1, 5)], axis=1)
case("Concat-negative", "Concat", [X3, random(2, 3, 2)], opset=11, axis=-1)
case("Slice-7", "Slice", [X4], opset=7, starts=[1, -4], ends=[5, 1000], axes=[1, 3])
case("Slice-10", "Slice", [X4], [ints(1, 8), ints(100, -100), ints(-2, 3), ints(2, -3)], opset=10)
case("Slice-13", "Slice", [X3], [ints(0, 1), ints(2, 2)])
case("Slice-backwards", "Slice", [X3], [ints(-1), ints(-2**63), ints(2), ints(-1)])
case("Slice-empty-steps", "Slice", [X3], [ints(1), ints(2**63 - 1), ints(1)])
case("Split-7", "Split", [X4], opset=7, outputs=2, axis=1, split=[2, 4])
case("Split-11", "Split", [X4], opset=11, outputs=3, axis=-3)
case("Split-13", "Split", [X4], [ints(1, 10)], outputs=2, axis=3)
case("Split-18", "Split", [X4], opset=18, outputs=3, axis=3, num_outputs=3)
case("Gather", "Gather", [X4], [np.array([[0, -1], [3, 2]], np.int64)], axis=1)
case("Gather-scalar", "Gather", [X4], [np.array(2, np.int32)], axis=2)
case("Gather-dynamic", "Gather", [X3, ints(1, 0)], opset=7)
case("Expand", "Expand", [random(3, 1)], [ints(2, 1, 4)], opset=8)
case("Tile", "Tile", [X3], [ints(2, 1, 3)])
for opset in [7, 11, 13, 18, 21]:
    for mode in ["constant", "reflect", "edge"] + (["wrap"] if opset >= 19 else []):
        pads = [0, 0, 1, 2, 0, 0, 2, 1]
        if opset < 11:
            case(f"Pad-{opset}-{mode}", "Pad", [SMALL], opset=opset, mode=mode, pads=pads, value=0.5)
        else:
            case(f"Pad-{opset}-{mode}", "Pad", [SMALL], [ints(*pads)] + ([np.float32(0.5)] if mode == "constant" else []), opset=opset, mode=mode)
case("Pad-crop", "Pad", [SMALL], [ints(0, -1, 1, -2, 0, 1, -1, 0)])
case("Pad-axes", "Pad", [SMALL], [ints(1, 2, 3, 4), None, ints(-1, 1)], opset=18)
case("DepthToSpace", "DepthToSpace", [random(1, 8, 2, 3)], blocksize=2)
case("DepthToSpace-CRD", "DepthToSpace", [random(1, 8, 2, 3)], blocksize=2, mode="CRD")
case("SpaceToDepth", "SpaceToDepth", [random(1, 2, 4, 6)], blocksize=2)
case("Identity", "Identity", [X3])
case("Dropout-7", "Dropout", [X3], opset=7)
case("Dropout-13", "Dropout", [X3], [np.float32(0.3)])

for op in ["Softmax", "LogSoftmax"]:
    case(f"{op}-7", op, [X3], opset=7)
    case(f"{op}-11-last", op, [X3], opset=11, axis=-1)
    case(f"{op}-12-first", op, [X3], opset=12, axis=0)
    case(f"{op}-13", op, [X3], axis=1)
    case(f"{op}-13-default", op, [X3])
for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]:
    case(f"{op}-11", op, [X3], opset=11, axes=[-1, 0], keepdims=0)
    case(f"{op}-all", op, [X3], opset=11)
    case(f"{op}-18", op, [X3], [ints(1)], opset=18)
case("ReduceLogSum", "ReduceLogSum", [POSITIVE], opset=11, axes=[1])
case("ReduceSum-13", "ReduceSum", [X3], [ints(2, 1)])
case("ReduceSum-noop", "ReduceSum", [X3], noop_with_empty_axes=1)
case("ReduceMean-noop-all", "ReduceMean", [X3], opset=18)

case("Upsample-7", "Upsample", [SMALL], opset=7, scales=[1.0, 1.0, 2.0, 3.0])
case("Upsample-9", "Upsample", [SMALL], [np.array([1, 1, 2, 2], np.float32)], opset=9, mode="linear")
case("Resize-10", "Resize", [SMALL], [np.array([1, 1, 2, 2], np.float32)], opset=10)
case("Resize-10-down", "Resize", [SMALL], [np.array([1, 1, 0.5, 0.6], np.float32)], opset=10)
EMPTY = np.array([], np.float32)
SCALES = np.array([1, 1, 1.7, 2.3], np.float32)
for transform in ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]:
    for mode in ["nearest", "linear", "cubic"]:
        for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] if mode == "nearest" else ["round_prefer_floor"]:
            case(f"Resize-11-{transform}-{mode}-{nearest}", "Resize", [SMALL], [EMPTY, SCALES], opset=11, mode=mode,
                 coordinate_transformation_mode=transform, nearest_mode=nearest)
    case(f"Resize-13-{transform}-sizes", "Resize", [SMALL], [None, None, ints(1, 4, 3, 13)], mode="linear", coordinate_transformation_mode=transform)
case("Resize-18-axes", "Resize", [SMALL], [None, np.array([2, 1.5], np.float32)], opset=18, axes=[3, 2], mode="linear")
case("Resize-18-antialias", "Resize", [random(1, 2, 12, 16)], [None, None, ints(1, 2, 5, 7)], opset=18, mode="linear", antialias=1)
case("Resize-19-symmetric", "Resize", [SMALL], [None, np.array([1, 1, 1.3, 0.7], np.float32)], opset=19, mode="linear",
     coordinate_transformation_mode="half_pixel_symmetric")
case("Resize-18-not-larger", "Resize", [SMALL], [None, None, ints(10, 21)], opset=18, axes=[2, 3], mode="linear", keep_aspect_ratio_policy="not_larger")

for op in ["Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
    case(f"{op}-i32", op, [np.arange(6, dtype=np.int32).reshape(2, 3), np.array([[1], [4]], np.int32)])
case("Equal-bool", "Equal", [X3 > 0, X3 < 1])
for dtype in [np.int32, np.int64]:
    name = np.dtype(dtype).name
    numbers, others = np.array([[-7, 7, 5], [0, -1, 9]], dtype), np.array([2, -3, 4], dtype)
    for op in ["Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Pow"]:
        case(f"{op}-{name}", op, [numbers, np.abs(others) if op == "Pow" else others])
    for op in ["Neg", "Abs", "Sign"]:
        case(f"{op}-{name}", op, [numbers])
    case(f"Clip-{name}-dynamic", "Clip", [numbers, np.array(-2, dtype), np.array(6, dtype)])
    for op in ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"]:
        if op != "ReduceProd" or dtype == np.int32:
            case(f"{op}-{name}", op, [numbers], **({} if op == "ReduceSum" else {"axes": [1]}), keepdims=0)
    for op in ["ArgMax", "ArgMin"]:
        if dtype == np.int32:
            case(f"{op}-{name}", op, [numbers], axis=1)
    case(f"Where-{name}", "Where", [numbers > 0, numbers, others])
    case(f"TopK-{name}", "TopK", [numbers], [ints(2)], opset=11, outputs=2, axis=1)
    case(f"CumSum-{name}", "CumSum", [numbers], [np.array(1, np.int32)], opset=14, reverse=1)
    case(f"Cast-{name}", "Cast", [numbers], to=TensorProto.UINT8)
    case(f"Cast-{name}-float", "Cast", [numbers * 1000003], to=TensorProto.FLOAT)
case("Relu-int", "Relu", [np.array([-3, 0, 4], np.int32)], opset=14)
case("Cast-bool", "Cast", [X3 > 0], to=TensorProto.FLOAT)
case("Mod-negative", "Mod", [np.array([-7, 7, -7, 7], np.int32), np.array([3, -3, -3, 3], np.int32)])
case("Pow-int-exponent", "Pow", [X3], [np.array(3, np.int64)], opset=12)
case("IsNaN", "IsNaN", [np.array([1, np.nan, np.inf, -0.0], np.float32)])
for negative, positive in [(1, 1), (1, 0), (0, 1)]:
    case(f"IsInf-{negative}{positive}", "IsInf", [np.array([1, np.nan, np.inf, -np.inf], np.float32)], detect_negative=negative, detect_positive=positive)
case("ThresholdedRelu", "ThresholdedRelu", [X3], alpha=0.6)
case("Shrink", "Shrink", [X3], lambd=1.2, bias=0.3)
for opset in [7, 12, 13]:
    case(f"Hardmax-{opset}", "Hardmax", [X3], opset=opset, axis=1)
case("Sin-large", "Sin", [np.array([1e3, -4e5, 3e7, -2e9, 1e20, 0.0], np.float32)])

case("ConvTranspose-7", "ConvTranspose", [SMALL], [random(4, 3, 3, 3), random(3, seed=4)], opset=7, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
case("ConvTranspose-2x2", "ConvTranspose", [SMALL], [random(4, 5, 2, 2), random(5, seed=4)], strides=[2, 2])
case("ConvTranspose-plain", "ConvTranspose", [SMALL], [random(4, 3, 3, 2)])
case("ConvTranspose-uneven", "ConvTranspose", [SMALL], [random(4, 3, 3, 5)], strides=[3, 2], pads=[0, 2, 1, 1], opset=11)
case("ConvTranspose-groups", "ConvTranspose", [SMALL], [random(4, 3, 4, 4), random(6, seed=2)], group=2, strides=[2, 2], pads=[1, 1, 1, 1])
case("ConvTranspose-dilations", "ConvTranspose", [SMALL], [random(4, 2, 3, 3)], dilations=[2, 3], strides=[2, 1], opset=22)
case("ConvTranspose-output", "ConvTranspose", [SMALL], [random(4, 2, 3, 3)], output_shape=[12, 20], strides=[2, 3])
case("ConvTranspose-1d", "ConvTranspose", [X3], [random(3, 2, 4)], strides=[2], pads=[1, 2])
for pad in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
    case(f"ConvTranspose-{pad}", "ConvTranspose", [SMALL], [random(4, 2, 3, 2)], auto_pad=pad, strides=[2, 2])
case("Gemm-dynamic", "Gemm", [random(3, 4), random(4, 5), random(3, 1)], alpha=0.5, beta=1.5)
case("Gemm-dynamic-transposed", "Gemm", [random(4, 3), random(5, 4)], opset=11, transA=1, transB=1)
case("MatMul-vector", "MatMul", [random(2, 3, 4), random(4)])
case("MatMul-vectors", "MatMul", [random(4), random(4)])
case("MatMul-row", "MatMul", [random(3), random(2, 3, 4)])
for opset in [7, 18]:
    case(f"LpPool-{opset}", "LpPool", [SMALL], opset=opset, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=2)
case("LpPool-ceil", "LpPool", [SMALL], opset=18, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, p=1)
case("GlobalLpPool", "GlobalLpPool", [SMALL], p=2)
case("LRN", "LRN", [X4], size=5, alpha=0.02, beta=0.6, bias=1.5)
case("LRN-odd", "LRN", [X4], size=3)
case("InstanceNormalization", "InstanceNormalization", [SMALL], [random(4, seed=1), random(4, seed=2)], opset=7, epsilon=1e-3)
for opset, size in [(18, 2), (21, 4)]:
    case(f"GroupNormalization-{opset}", "GroupNormalization", [SMALL], [random(size, seed=1), random(size, seed=2)], opset=opset, num_groups=2)
case("LayerNormalization", "LayerNormalization", [X3], [random(5, seed=1), random(5, seed=2)], opset=17, epsilon=1e-4)
case("LayerNormalization-axis", "LayerNormalization", [SMALL], [random(5, 7, seed=1)], opset=17, axis=2)
case("LpNormalization-1", "LpNormalization", [X3], axis=1, p=1)
case("LpNormalization-2", "LpNormalization", [X3])
case("MeanVarianceNormalization", "MeanVarianceNormalization", [SMALL], axes=[0, 1, 3])

for opset in [7, 12, 13]:
    case(f"ArgMax-{opset}", "ArgMax", [np.round(X3)], opset=opset, axis=-1, keepdims=0)
    case(f"ArgMin-{opset}", "ArgMin", [np.round(X3)], opset=opset, axis=1)
case("ArgMax-last", "ArgMax", [np.round(X3)], axis=2, select_last_index=1)
case("TopK-7", "TopK", [X3], opset=7, outputs=2, axis=1, k=2)
case("TopK-10", "TopK", [X3], [ints(3)], opset=10, outputs=2)
for largest in [0, 1]:
    case(f"TopK-11-{largest}", "TopK", [np.round(X4)], [ints(4)], opset=11, outputs=2, axis=2, largest=largest)
for exclusive in [0, 1]:
    for reverse in [0, 1]:
        case(f"CumSum-{exclusive}{reverse}", "CumSum", [X3], [np.array(-2, np.int64)], exclusive=exclusive, reverse=reverse)
PICKS = np.array([[[0, -1, 2, 1, 0]], [[1, 1, -3, 0, 2]]], np.int64)
case("GatherElements", "GatherElements", [X3, PICKS], axis=1)
case("GatherElements-constant", "GatherElements", [X3], [PICKS.astype(np.int32)], axis=-2)
case("GatherND", "GatherND", [X4, np.array([[[0, 1], [1, -2]]], np.int64)])
case("GatherND-batch", "GatherND", [X3, np.array([[[1], [0]], [[2], [-1]]], np.int64)], opset=13, batch_dims=1)
case("Gather-dynamic-matrix", "Gather", [X4, np.array([[0, -1], [3, 2]], np.int64)], axis=1)
case("Gather-dynamic-i32", "Gather", [X3, np.array(1, np.int32)], axis=-1)
case("ScatterElements", "ScatterElements", [X3, PICKS, random(2, 1, 5, seed=8)], axis=1)
for reduction in ["add", "mul", "max", "min"]:
    case(f"ScatterElements-{reduction}", "ScatterElements", [X3, PICKS, random(2, 1, 5, seed=8)], opset=18, axis=1, reduction=reduction)
    case(f"ScatterND-{reduction}", "ScatterND", [X3, np.array([[1, 2], [0, 0], [1, 2]], np.int64), random(3, 5, seed=8)], opset=18, reduction=reduction)
case("ScatterND", "ScatterND", [X3, np.array([[1, 2], [0, 0]], np.int64), random(2, 5, seed=8)])
case("Scatter-9", "Scatter", [X3, PICKS, random(2, 1, 5, seed=8)], opset=9, axis=1)
for axis in [-1, 0, 1]:
    case(f"OneHot-{axis}", "OneHot", [np.array([[0, 2, -1], [5, 1, 3]], np.int64)], [ints(4), np.array([-1, 2], np.float32)], axis=axis)
for upper in [0, 1]:
    for k in [-2, 0, 1]:
        case(f"Trilu-{upper}{k}", "Trilu", [X3], [np.array(k, np.int64)], opset=14, upper=upper)
case("Compress", "Compress", [X3], [np.array([1, 0, 1], np.bool_)], axis=1)
case("Compress-flat", "Compress", [X3], [np.array([0, 1, 1, 0, 1], np.bool_)], opset=11)
for equation, shapes in [("ij,jk->ik", [(3, 4), (4, 5)]), ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]), ("bhqd,bhkd->bhqk", [(1, 2, 3, 4), (1, 2, 5, 4)]),
                         ("nctkv,kvw->nctw", [(1, 2, 3, 4, 5), (4, 5, 6)]), ("bchw,bkc->bkhw", [(2, 3, 4, 5), (2, 6, 3)]), ("ij->ji", [(3, 4)]),
                         ("ij->i", [(3, 4)]), ("i,j->ij", [(3,), (4,)]), ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]), ("...i,ji->...j", [(2, 3, 4), (5, 4)]), ("ij,ij->", [(3, 4), (3, 4)]),
                         ("ij,jk,kl", [(2, 3), (3, 4), (4, 5)])]:
    case(f"Einsum-{equation}", "Einsum", [random(*shape, seed=i) for i, shape in enumerate(shapes)], opset=12, equation=equation)
GRID = random(2, 4, 3, 2, low=-1.4, high=1.4)
for opset, modes in [(16, ["bilinear", "nearest", "bicubic"]), (20, ["linear", "nearest", "cubic"])]:
    for mode in modes:
        for padding in ["zeros", "border", "reflection"]:
            for align in [0, 1]:
                case(f"GridSample-{opset}-{mode}-{padding}-{align}", "GridSample", [random(2, 3, 5, 6), GRID], opset=opset, mode=mode, padding_mode=padding,
                     align_corners=align)
REGIONS = np.array([[1, 2, 7, 6], [-3, -2, 4, 30], [8, 8, 8, 8], [2.5, 3, 20.25, 9.5]], np.float32)
for opset, forms in [(10, [{}]), (16, [{}, {"coordinate_transformation_mode": "output_half_pixel"}])]:
    for form in forms:
        for mode in ["avg", "max"]:
            for samples in [0, 2]:
                case(f"RoiAlign-{opset}-{mode}-{samples}-{len(form)}", "RoiAlign", [random(2, 3, 9, 11), REGIONS, ints(0, 1, 1, 0)], opset=opset, mode=mode,
                     output_height=3, output_width=2, sampling_ratio=samples, spatial_scale=0.5, **form)
case("Pad-reflect-int", "Pad", [np.arange(12, dtype=np.int64).reshape(3, 4)], [ints(1, 2, 0, 1)], mode="reflect")
case("Pad-constant-int", "Pad", [np.arange(12, dtype=np.int64).reshape(3, 4)], [ints(1, 2, 0, 1), np.array(7, np.int64)])
case("Resize-11-int", "Resize", [np.arange(30, dtype=np.int32).reshape(1, 1, 5, 6)], [EMPTY, SCALES], opset=11)
case("Resize-13-channels", "Resize", [SMALL], [None, np.array([1, 2, 1.5, 1], np.float32)], coordinate_transformation_mode="asymmetric", nearest_mode="floor")
for op in ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"]:
    case(f"{op}-noop", op, [POSITIVE], opset=18, noop_with_empty_axes=1)


def quantized(name):
    """Graphs with QuantizeLinear and DequantizeLinear."""
    node, initial = helper.make_node, numpy_helper.from_array
    value = helper.make_tensor_value_info
    scale, zero = initial(np.float32(0.05), "s"), initial(np.uint8(117), "z")
    x = value("x", TensorProto.FLOAT, [1, 4, 6, 6])
    y = helper.make_empty_tensor_value_info("y")
    dq = lambda q, out, s="s", z="z", **a: node("DequantizeLinear", [q, s, z] if z else [q, s], [out], **a)
    q = lambda v, out, s="s", z="z", **a: node("QuantizeLinear", [v, s, z], [out], **a)
    weights = np.random.default_rng(5).integers(-128, 128, (3, 4, 3, 3)).astype(np.int8)
    per_axis = [initial(weights, "w"), initial(np.array([0.01, 0.02, 0.004], np.float32), "ws"), initial(np.zeros(3, np.int8), "wz"),
                initial(np.array([1000, -2000, 30], np.int32), "b"), initial(np.array([5e-4, 1e-3, 2e-4], np.float32), "bs")]
    if name == "pair":
        return [q("x", "q"), dq("q", "y")], [x], [y], [scale, zero], 10
    if name == "integer-output":
        return [node("Relu", ["x"], ["r"]), q("r", "y")], [x], [y], [scale, zero], 13
    if name == "integer-input":
        xi = value("x", TensorProto.UINT8, [1, 4, 6, 6])
        return [dq("x", "d"), node("Relu", ["d"], ["y"])], [xi], [y], [scale, zero], 13
    if name in ("convolution", "convolution-shared"):
        nodes = [q("x", "q"), dq("q", "xd"), dq("w", "wd", "ws", "wz", axis=0), dq("b", "bd", "bs", None, axis=0),
                 node("Conv", ["xd", "wd", "bd"], ["c"]), q("c", "cq"), dq("cq", "cd"), node("Relu", ["cd"], ["y"])]
        outputs = [y]
        if name == "convolution-shared":
            nodes.append(node("Tanh", ["c"], ["t"]))
            outputs.append(helper.make_empty_tensor_value_info("t"))
        return nodes, [x], outputs, per_axis + [scale, zero], 13
    if name == "absorbed":
        factor = initial(np.array([1, 0.3, 2.7, 1.1], np.float32).reshape(1, 4, 1, 1), "f")
        nodes = [dq("w", "wd", "ws", "wz", axis=0), node("Mul", ["wd", "f"], ["wm"]), node("Conv", ["x", "wm"], ["y"])]
        return nodes, [x], [y], per_axis + [factor], 13
    if name == "channels":
        s, z = initial(np.array([0.02, 0.05, 0.03, 0.01], np.float32), "cs"), initial(np.array([-3, 0, 5, 90], np.int8), "cz")
        return [node("Relu", ["x"], ["r"]), q("r", "q", "cs", "cz", axis=1), dq("q", "d", "cs", "cz", axis=1), node("Neg", ["d"], ["y"])], [x], [y], [s, z], 13
    if name == "moves":
        shape = initial(ints(1, 2, -1), "shape")
        nodes = [q("x", "q"), node("Transpose", ["q"], ["t"], perm=[0, 2, 3, 1]), node("Reshape", ["t", "shape"], ["u"]), dq("u", "d"), node("Neg", ["d"], ["y"])]
        return nodes, [x], [y], [scale, zero, shape], 13
    if name == "requantize":
        s2, z2 = initial(np.float32(0.08), "s2"), initial(np.int8(-7), "z2")
        nodes = [node("Relu", ["x"], ["r"]), q("r", "q"), dq("q", "d"), q("d", "q2", "s2", "z2"), dq("q2", "d2", "s2", "z2"), node("Add", ["d", "d2"], ["y"])]
        return nodes, [x], [y], [scale, zero, s2, z2], 13
    if name == "float-weights":
        fw = initial(random(3, 4, 3, 3, seed=9), "fw")
        nodes = [q("fw", "wq", "ws", "wz", axis=0), dq("wq", "wd", "ws", "wz", axis=0), node("Conv", ["x", "wd"], ["y"])]
        return nodes, [x], [y], per_axis[1:3] + [fw], 13
    if name == "transposed-weights":
        w2 = initial(weights.reshape(3, 36), "w2")
        x2 = value("x", TensorProto.FLOAT, [2, 36])
        nodes = [dq("w2", "wd", "ws", "wz", axis=0), node("Transpose", ["wd"], ["wt"], perm=[1, 0]), node("MatMul", ["x", "wt"], ["y"])]
        return nodes, [x2], [y], per_axis[1:3] + [w2], 13
    if name == "int16":
        s16, z16 = initial(np.float32(1e-4), "s16"), initial(np.int16(0), "z16")
        return [node("Relu", ["x"], ["r"]), q("r", "q", "s16", "z16"), dq("q", "d", "s16", "z16"), node("Neg", ["d"], ["y"])], [x], [y], [s16, z16], 21
    if name in ("int4", "int4-blocks"):
        blocked = name == "int4-blocks"
        w4 = helper.make_tensor("w4", TensorProto.INT4, [6, 36], np.random.default_rng(3).integers(-8, 8, 216))
        s4 = initial(random(6, 9, low=0.01, high=0.2) if blocked else random(6, low=0.01, high=0.2), "s4")
        x2 = value("x", TensorProto.FLOAT, [2, 36])
        how = {"axis": 1, "block_size": 4} if blocked else {"axis": 0}
        nodes = [dq("w4", "wd", "s4", None, **how), node("Gemm", ["x", "wd"], ["y"], transB=1)]
        return nodes, [x2], [y], [w4, s4], 21
    raise KeyError(name)


QUANTIZED = ["pair", "integer-output", "integer-input", "convolution", "convolution-shared", "absorbed", "channels", "moves", "requantize",
             "float-weights", "transposed-weights", "int16", "int4", "int4-blocks"]


def quantized_case(name):
    nodes, inputs, outputs, constants, opset = quantized(name)
    made = finish(helper.make_graph(nodes, "quantized", inputs, outputs, constants), opset)
    arrays = []
    for x in made.graph.input:
        shape = [d.dim_value for d in x.type.tensor_type.shape.dim]
        is_float = x.type.tensor_type.elem_type == TensorProto.FLOAT
        arrays.append(random(*shape, seed=7) if is_float else np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8))
    return made, arrays


BOXES, SCORES = random(2, 30, 4, seed=1, low=0, high=10), random(2, 3, 30, seed=2, low=0, high=1).round(1)
for opset, limits, attributes in [(10, [ints(5), np.float32(0.3)], {}), (11, [ints(100), np.float32(0.1), np.float32(0.5)], {"center_point_box": 1}),
                                  (13, [ints(4)], {}), (13, [], {}), (13, [ints(9), np.float32(1), np.float32(2)], {})]:
    case(f"NonMaxSuppression-{opset}-{len(limits)}-{len(attributes)}", "NonMaxSuppression", [], [BOXES, SCORES, *limits], opset=opset, **attributes)


for quantized_name in QUANTIZED:
    CASES[f"quantized-{quantized_name}"] = lambda name=quantized_name: quantized_case(name)


def oracle(path, arrays):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {x.name: array for x, array in zip(session.get_inputs(), arrays)})


def probe(path, arrays, folder):
    files = []
    for i, array in enumerate(arrays):
        files.append(folder / f"input_{i}.raw")
        array.tofile(files[-1])
    done = subprocess.run([PROBE, path, folder, *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return read_outputs(done.stdout.splitlines(), folder)


def read_outputs(lines, folder):
    """What a probe wrote, whose lines say the types and shapes."""
    results = []
    for i, line in enumerate(lines):
        dtype, shape = line.split()
        shape = () if shape == "scalar" else tuple(int(size) for size in shape.split("x"))
        results.append(np.fromfile(folder / f"output_{i}.raw", TYPES[dtype]).reshape(shape))
    return results


def assert_close(actual, expected, tolerance=2e-6):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if expected.dtype.kind == "f":
        size = np.abs(expected).max() if expected.size else 0
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * max(size, 1e-6))
    else:
        np.testing.assert_array_equal(actual, expected)


def check(made, arrays, folder, tolerance=2e-6, has_passes_to_recognise=False):
    path = folder / "model.onnx"
    onnx.save(made, path)
    expected = oracle(path, arrays)
    for actual, wanted in zip(probe(path, arrays, folder), expected, strict=True):
        assert_close(actual, wanted, tolerance)

    written, again = folder / "written.onnx", folder / "again.onnx"
    subprocess.run([PROBE, "--export", written, path], check=True, capture_output=True, timeout=60)
    subprocess.run([PROBE, "--export", again, written], check=True, capture_output=True, timeout=60)
    if not has_passes_to_recognise:
        assert written.read_bytes() == again.read_bytes()
    exported = onnx.load(written)
    onnx.checker.check_model(exported, full_check=True)
    assert [x.name for x in exported.graph.output] == [x.name for x in made.graph.output]
    for actual, wanted in zip(oracle(written, arrays), expected, strict=True):
        assert_close(actual, wanted, max(tolerance, 2e-6))


# What the reference computes but no step does, and the words with which it is refused.
NOT_AT_RUN_TIME = {"Conv-3d": "spatial axes", "Conv-dynamic-weights": "weights are computed at run time"}


def execute(path, folder):
    done = subprocess.run([EXECUTOR], input=f"{path}\t{folder}\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("name", CASES)
def test_operator(name, tmp_path):
    made, arrays = CASES[name]()
    check(made, arrays, tmp_path)
    if name.startswith("quantized"):
        return
    answer = execute(tmp_path / "model.onnx", tmp_path)
    if name in NOT_AT_RUN_TIME:
        assert NOT_AT_RUN_TIME[name] in answer
        return
    assert answer.startswith("ok"), answer
    for actual, wanted in zip(read_outputs(answer.split("\t")[1:], tmp_path), oracle(tmp_path / "model.onnx", arrays), strict=True):
        assert_close(actual, wanted, tolerance=2e-5)


@pytest.mark.parametrize("name", ["tiny/model_kws", "tiny/model_ic", "tiny/vww_96_float"])
def test_small_model(name, tmp_path):
    path = shared("data", "models", f"{name}.onnx")
    made = onnx.load(path)
    shape = [dim.dim_value or 1 for dim in made.graph.input[0].type.tensor_type.shape.dim]
    check(made, [random(*shape, low=-1, high=1)], tmp_path, tolerance=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_weights_of_other_precision(dtype, tmp_path):
    weights = random(4, 3)
    code = {"float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE, "bfloat16": TensorProto.BFLOAT16}[dtype]
    tensor = helper.make_tensor("w", code, [4, 3], weights.astype(np.float16) if dtype == "float16" else weights.flatten())
    nodes = [helper.make_node("Cast", ["w"], ["wf"], to=TensorProto.FLOAT), helper.make_node("MatMul", ["x", "wf"], ["y"])]
    graph = helper.make_graph(nodes, "cast", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
                              [helper.make_empty_tensor_value_info("y")], [tensor])
    check(finish(graph, 13), [random(2, 4)], tmp_path)


def test_external_data(tmp_path):
    made, arrays = model("MatMul", [random(2, 300)], [random(300, 5)])
    onnx.save(made, tmp_path / "whole.onnx")
    onnx.save(made, tmp_path / "split.onnx", save_as_external_data=True, location="weights.bin", size_threshold=100)
    assert (tmp_path / "weights.bin").exists()
    assert_close(probe(tmp_path / "split.onnx", arrays, tmp_path)[0], oracle(tmp_path / "whole.onnx", arrays)[0])


def test_whole_shape_computations_fold(tmp_path):
    """Shape, Gather, Unsqueeze, Concat, Reshape as PyTorch writes view(x.size(0), -1) of an open batch."""
    node = helper.make_node
    nodes = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"], axis=0), node("Unsqueeze", ["n", "axes"], ["nu"]),
             node("Concat", ["nu", "rest"], ["shape"], axis=0), node("Reshape", ["x", "shape"], ["y"])]
    constants = [numpy_helper.from_array(np.array(0, np.int64), "zero"), numpy_helper.from_array(ints(0), "axes"), numpy_helper.from_array(ints(-1), "rest")]
    graph = helper.make_graph(nodes, "view", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    check(made, [random(1, 3, 4)], tmp_path)
    assert len(onnx.load(tmp_path / "written.onnx").graph.node) == 1


def branches(then_nodes, else_nodes, output="b"):
    graph = lambda name, nodes, **more: helper.make_graph(nodes, name, [], [helper.make_empty_tensor_value_info(output)], **more)  # noqa: E731
    return {"then_branch": graph("then", then_nodes, initializer=[numpy_helper.from_array(ints(-1), "flat")]), "else_branch": graph("else", else_nodes)}


@pytest.mark.parametrize("size", [1, 3])
def test_branches_that_shapes_decide(size, tmp_path):
    """If as PyTorch writes it around a squeeze: the condition is computed from the input's shape, the branches read values around them."""
    node = helper.make_node
    flatten = [node("Reshape", ["r", "flat"], ["b"])]
    other = [node("Neg", ["r"], ["m"]), node("Identity", ["m"], ["b"])]
    nodes = [node("Relu", ["x"], ["r"]), node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"], axis=0), node("Equal", ["n", "one"], ["c"]),
             node("If", ["c"], ["y"], **branches(flatten, other)), node("Tanh", ["y"], ["z"])]
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in [("zero", 0), ("one", 1)]]
    graph = helper.make_graph(nodes, "branches", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [size, 4])],
                              [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)], constants)
    check(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), [random(size, 4)], tmp_path)
    kept = [node.op_type for node in onnx.load(tmp_path / "written.onnx").graph.node]
    assert ("Neg" in kept) == (size == 3) and "If" not in kept


def test_branches_that_values_decide_are_refused(tmp_path):
    node = helper.make_node
    nodes = [node("ReduceMax", ["x"], ["m"], keepdims=0), node("Greater", ["m", "zero"], ["c"]),
             node("If", ["c"], ["y"], name="decision", **branches([node("Relu", ["x"], ["b"])], [node("Neg", ["x"], ["b"])]))]
    graph = helper.make_graph(nodes, "branches", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])], [numpy_helper.from_array(np.float32(0), "zero")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), tmp_path / "model.onnx")
    done = subprocess.run([PROBE, tmp_path / "model.onnx", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "node 'decision' (If)" in done.stderr and "decides at run time, by 'c'" in done.stderr


SELECTIONS = {  # chooses by `by`, a value of shape [2, 3], from data of six numbers
    "NonZero": lambda by: [helper.make_node("NonZero", [by], ["i"], name="choice"), helper.make_node("Transpose", ["i"], ["t"]),
                           helper.make_node("Reshape", ["data", "two"], ["rows"]), helper.make_node("GatherND", ["rows", "t"], ["y"])],
    "Compress": lambda by: [helper.make_node("Cast", [by], ["c"], to=TensorProto.BOOL), helper.make_node("Reshape", ["c", "flat"], ["f"]),
                            helper.make_node("Compress", ["data", "f"], ["y"], name="choice", axis=0)],
}


def selection(op, by_constant, folder):
    nodes = [helper.make_node("Relu", ["x"], ["data"]), helper.make_node("Reshape", ["data", "two"], ["shaped"]), helper.make_node("Sub", ["k", "k1"], ["known"]),
             *SELECTIONS[op]("known" if by_constant else "shaped")]
    constants = {"two": ints(2, 3), "flat": ints(-1), "k": np.float32([[1, 0, 2], [0, 0, 3]]), "k1": np.float32([[0, 0, 2], [0, 1, 3]])}
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [6])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.save(model, folder / "model.onnx")
    return model


@pytest.mark.parametrize("op", SELECTIONS)
def test_selections_by_constants_fold(op, tmp_path):
    check(selection(op, True, tmp_path), [random(6)], tmp_path)
    assert op not in {node.op_type for node in onnx.load(tmp_path / "written.onnx").graph.node}


@pytest.mark.parametrize("op", SELECTIONS)
def test_selections_by_values_are_refused(op, tmp_path):
    selection(op, False, tmp_path)
    done = subprocess.run([PROBE, tmp_path / "model.onnx", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert f"node 'choice' ({op})" in done.stderr and "every shape must be known; cut the model before it" in done.stderr


@pytest.mark.parametrize("op, weights", [("Conv", [4, 3, 2, 2, 2]), ("ConvTranspose", [3, 4, 2, 2, 2]), ("MaxPool", None), ("AveragePool", None)])
def test_windows_over_volumes_are_refused(op, weights, halftone, tmp_path):
    constants = [numpy_helper.from_array(random(*weights), "w")] if weights else []
    node = helper.make_node(op, ["x", *(["w"] if weights else [])], ["y"], name="volume", kernel_shape=[2, 2, 2])
    graph = helper.make_graph([node], "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", random(1, 3, 4, 4, 4))
    done = halftone("run", tmp_path / "model.onnx", "--input", tmp_path / "x.npy", "--output", tmp_path / "outputs", expect=4)
    for part in ("volume", op.replace("Max", "").replace("Average", ""), "3 spatial axes", "cut the model before it"):
        assert part in done.stderr


def test_functions_of_the_file(tmp_path):
    """Functions that call each other, with attributes handed down, an input that is not given and one that is handed on."""
    node = helper.make_node
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    leaky = node("LeakyRelu", ["v"], ["w"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    inner = helper.make_function("own", "Inner", ["v", "low"], ["u", "v"], [leaky, node("Clip", ["w", "low"], ["u"])], opsets[:1], ["slope"])
    call = node("Inner", ["x"], ["a", "same"], domain="own")
    call.attribute.append(onnx.AttributeProto(name="slope", type=onnx.AttributeProto.FLOAT, ref_attr_name="s"))
    outer = helper.make_function("own", "Outer", ["x"], ["y"], [call, node("Add", ["a", "same"], ["y"])], opsets, ["s"])
    nodes = [node("Outer", ["x"], ["h"], domain="own", s=0.25), node("Outer", ["h"], ["y"], domain="own", s=0.5)]
    graph = helper.make_graph(nodes, "functions", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 4])])
    made = helper.make_model(graph, opset_imports=opsets, functions=[inner, outer], ir_version=8)
    x = random(3, 4)
    once = lambda v, slope: np.where(v < 0, v * np.float32(slope), v) + v  # noqa: E731
    onnx.save(made, tmp_path / "model.onnx")
    assert_close(probe(tmp_path / "model.onnx", [x], tmp_path)[0], once(once(x, 0.25), 0.5))


def test_functions_without_end_are_refused(tmp_path):
    node = helper.make_node
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    own = helper.make_function("own", "Endless", ["x"], ["y"], [node("Endless", ["x"], ["h"], domain="own"), node("Endless", ["h"], ["y"], domain="own")], opsets)
    graph = helper.make_graph([node("Endless", ["x"], ["y"], domain="own")], "endless", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 4])])
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=[own], ir_version=8), tmp_path / "model.onnx")
    done = subprocess.run([PROBE, tmp_path / "model.onnx", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "functions call each other without end" in done.stderr


@pytest.mark.parametrize("per_channel", [False, True])
def test_model_that_onnxruntime_quantized(per_channel, tmp_path):
    from onnxruntime import quantization

    source = shared("data", "models", "tiny", "model_kws.onnx")

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.rounds = iter(range(4))

        def get_next(self):
            seed = next(self.rounds, None)
            return None if seed is None else {"x:0": random(1, 49, 10, 1, seed=seed, low=-1, high=1)}

    path = tmp_path / "quantized.onnx"
    onnx.save(onnx.version_converter.convert_version(onnx.load(source), 13), tmp_path / "source.onnx")
    quantization.quantize_static(tmp_path / "source.onnx", path, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=per_channel)
    made = onnx.load(path)
    assert any(node.op_type == "DequantizeLinear" for node in made.graph.node)
    # Sums in another order move single values over the edge between two integers.
    check(made, [random(1, 49, 10, 1, seed=9, low=-1, high=1)], tmp_path, tolerance=0.02)
    exported = onnx.load(tmp_path / "written.onnx")
    assert sum(node.op_type == "Conv" for node in exported.graph.node) == 9
