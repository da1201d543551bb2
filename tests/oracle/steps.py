# SPDX-License-Identifier: Apache-2.0
"""Cuts a Q/DQ file into its steps, so that each can be fed the oracle's own integers.

A step is what lies between quantized values: from the QuantizeLinear outputs that it reads, through one or a few operators, to one
QuantizeLinear output.
"""
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

INTEGERS = {TensorProto.INT8: np.int8, TensorProto.UINT8: np.uint8, TensorProto.INT16: np.int16, TensorProto.UINT16: np.uint16}
# What ONNX Runtime computes on integers; what it has no such operator for it computes in float between the conversions.
INTEGER_OPERATORS = {"QLinearConv", "QGemm", "QLinearMatMul", "MatMulInteger", "QLinearAdd", "QLinearMul", "QLinearAveragePool", "QLinearGlobalAveragePool",
                     "QLinearConcat", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "MaxPool", "Transpose", "Reshape", "Slice", "Split", "Gather",
                     "Squeeze", "Unsqueeze", "Flatten", "Resize", "Concat", "Pad", "DepthToSpace", "SpaceToDepth", "ConvInteger"}


@dataclass
class Step:
    name: str  # of the quantized value that it makes
    model: onnx.ModelProto
    operators: list  # between the conversions
    inputs: dict  # name: (integer type, shape)


def _shapes(model):
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
    known = {}
    for value in [*inferred.value_info, *inferred.input, *inferred.output]:
        known[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return known


def cut(model):
    """The steps of a Q/DQ model. Each takes floats that stand for integers exactly and gives such floats."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    producer = {name: node for node in graph.node for name in node.output}
    shapes = _shapes(model)
    quantized = {node.output[0]: node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] not in constants}

    made_of_constants = {"", *constants}
    for node in graph.node:  # in an order in which they can run
        if all(name in made_of_constants for name in node.input):
            made_of_constants.update(node.output)
    of_constants = made_of_constants.__contains__

    for target, last in quantized.items():
        if last.input[0] not in producer:
            continue
        nodes, sources, todo = [], [], [last]
        while todo:
            node = todo.pop()
            if node in nodes:
                continue
            nodes.append(node)
            for name in node.input:
                if name in quantized and name != target:
                    sources.append(name) if name not in sources else None
                elif name in producer:
                    todo.append(producer[name])
        reads_floats = any(name and name not in constants and name not in quantized and name not in producer for node in nodes for name in node.input)
        if reads_floats or not sources:
            continue
        yield _step(model, target, [node for node in graph.node if node in nodes], sources, constants, quantized, shapes, of_constants)


def _step(model, target, nodes, sources, constants, quantized, shapes, of_constants):
    def conversion(op, name, result):
        node = onnx.NodeProto()
        node.CopyFrom(quantized[name])
        node.op_type, node.name = op, f"{op}_{result}"
        node.input[0] = name if op == "DequantizeLinear" else f"{name}_real"
        node.output[0] = result
        return node

    zero_point = lambda name: numpy_helper.to_array(constants[quantized[name].input[2]])  # noqa: E731
    ends = [conversion("QuantizeLinear", name, name) for name in sources], [conversion("DequantizeLinear", target, f"{target}_real")]
    body = [*ends[0], *nodes, *ends[1]]
    used = {name for node in body for name in node.input}
    graph = helper.make_graph(
        body, "step", [helper.make_tensor_value_info(f"{name}_real", TensorProto.FLOAT, shapes[name]) for name in sources],
        [helper.make_tensor_value_info(f"{target}_real", TensorProto.FLOAT, shapes[target])], [tensor for name, tensor in constants.items() if name in used])
    made = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    operators = [node.op_type for node in nodes if not of_constants(node.output[0]) and node.op_type not in ("QuantizeLinear", "DequantizeLinear")]
    return Step(target, made, operators, {name: (zero_point(name).dtype, shapes[name]) for name in sources})


def parameters(model, name, rank):
    """Scale and zero point of a quantized value of a step, shaped to broadcast."""
    node = next(node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.output[0] == name)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    shape = [1] * rank
    if constants[node.input[1]].size > 1:
        shape[axis] = -1
        return constants[node.input[1]].reshape(shape), constants[node.input[2]].reshape(shape)
    return constants[node.input[1]].reshape(()), constants[node.input[2]].reshape(())


def random_inputs(step, seed):
    """{name: floats} that stand for integers over their whole range."""
    random = np.random.default_rng(seed)
    inputs = {}
    for name, (dtype, shape) in step.inputs.items():
        scale, zero_point = parameters(step.model, name, len(shape))
        limits = np.iinfo(dtype)
        integers = random.integers(limits.min, limits.max, shape, endpoint=True)
        inputs[f"{name}_real"] = ((integers - zero_point.astype(np.int64)).astype(np.float32) * scale).astype(np.float32)
    return inputs


def integers_of(step, real):
    scale, zero_point = parameters(step.model, step.name, real.ndim)
    return np.rint(real.astype(np.float64) / scale).astype(np.int64) + zero_point.astype(np.int64)


def run_in_onnxruntime(step, inputs, folder, optimized=True):
    """(the integers, whether it computed on integers, which it does only in an optimized graph)."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # exact products on every processor
    options.log_severity_level = 3
    # It makes MatMulNBits of products with dequantized weights, which rounds 16-bit activations to 8 bits.
    has_wide_inputs = any(np.dtype(dtype).itemsize == 2 for dtype, _ in step.inputs.values())
    if has_wide_inputs or not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    session = onnxruntime.InferenceSession(step.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result = integers_of(step, session.run(None, inputs)[0])
    ran = [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]
    return result, all(op in INTEGER_OPERATORS or op in ("QuantizeLinear", "DequantizeLinear") for op in ran) and any(op in INTEGER_OPERATORS for op in ran)


def run_in_halftone(halftone, step, inputs, folder):
    onnx.save(step.model, folder / "step.onnx")
    arguments = []
    for i, (name, array) in enumerate(inputs.items()):
        np.save(folder / f"{i}.npy", array)
        arguments += ["--input", f"{name}={folder / f'{i}.npy'}"]
    made = Path(tempfile.mkdtemp(dir=folder))
    halftone("run", folder / "step.onnx", *arguments, "--output", made, "--quiet")
    (result,) = made.iterdir()
    return integers_of(step, np.load(result))
