# SPDX-License-Identifier: Apache-2.0
"""Models that other tools have quantized, taken apart into steps between integers: each step is a model of its own, so that ours can be
given exactly the integers that ONNX Runtime has there."""
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

INTEGERS = (np.int8, np.uint8)
# Kernels of ONNX Runtime that read integers and compute in float.
NEARLY = {"QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearSoftmax"}
LEVELS = onnxruntime.GraphOptimizationLevel


class Net:
    """A small graph in the making: constants and nodes, named after what they make."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op, inputs, output, **attributes):
        made = [output] if isinstance(output, str) else list(output)
        self.nodes.append(helper.make_node(op, inputs, made, name=f"{op}_{made[0]}", **attributes))
        return output

    def model(self, inputs, outputs, opset=13, ir=8):
        """inputs and outputs: {name: (type of numpy, shape)}"""
        def infos(ports):
            return [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape) for name, (dtype, shape) in ports.items()]

        graph = helper.make_graph(self.nodes, "net", infos(inputs), infos(outputs), self.constants)
        domains = {"": opset, **{node.domain: 1 for node in self.nodes if node.domain}}
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid(*pair) for pair in domains.items()], ir_version=ir)
        return made if len(domains) > 1 else onnx.shape_inference.infer_shapes(made)


def session(model, level=LEVELS.ORT_ENABLE_ALL, saved=None):
    """Of ONNX Runtime; its products do not saturate on processors without dot products of bytes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    options.add_session_config_entry("session.x64quantprecision", "1")
    if saved:
        options.optimized_model_filepath = str(saved)
    content = model if isinstance(model, str) else model.SerializeToString()
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        if level != LEVELS.ORT_ENABLE_ALL:
            raise
        return session(model, LEVELS.ORT_DISABLE_ALL, saved)  # its optimizer stumbles over constants that two nodes share


def all_values(model, feed):
    """What every node makes, without optimizations."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    names = [name for node in model.graph.node for name in node.output if name]
    del exposed.graph.output[:]
    exposed.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    return {**dict(zip(names, session(exposed, LEVELS.ORT_DISABLE_ALL).run(names, feed))), **feed}


class Steps:
    """The parts of a model between integers."""

    def __init__(self, model, feed):
        self.model, self.values = model, all_values(model, feed)
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self.initializers = {initializer.name: initializer for initializer in model.graph.initializer}
        self.known = set(self.initializers)
        for node in model.graph.node:
            if all(not name or name in self.known for name in node.input):
                self.known.update(node.output)

    def __iter__(self):
        """(name of what it makes, model, its inputs)"""
        ends = [name for node in self.model.graph.node for name in node.output if name in self.values and self.values[name].dtype in INTEGERS]
        for end in dict.fromkeys([*ends, *(output.name for output in self.model.graph.output)]):
            part, feed = self.part(end)
            if feed:
                yield end, part, feed

    def part(self, end):
        nodes, inputs, used, seen = [], [], [], set()

        def walk(name):
            if not name or name in seen:
                return
            seen.add(name)
            if name in self.initializers:
                used.append(self.initializers[name])
            elif name != end and name not in self.known and (name not in self.makers or self.values[name].dtype in INTEGERS):
                inputs.append(name)
            else:
                node = self.makers[name]
                for needed in node.input:
                    walk(needed)
                if node not in nodes:
                    nodes.append(node)

        walk(end)

        def info(name):
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(self.values[name].dtype), self.values[name].shape)

        graph = helper.make_graph(nodes, "step", [info(name) for name in inputs], [info(end)], used)
        part = helper.make_model(graph, opset_imports=self.model.opset_import, ir_version=self.model.ir_version)
        return part, {name: self.values[name] for name in inputs}


def run(halftone, model, feed, folder):
    """What our program makes of a model (a file or a model in memory), by output."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True, parents=True)
    path = model
    if not isinstance(model, (str, Path)):
        path = folder / "model.onnx"
        onnx.save(model, path)
    arguments = []
    for i, (name, value) in enumerate(feed.items()):
        np.save(folder / f"input{i}.npy", value)
        arguments += ["--input", f"{name}={folder / f'input{i}.npy'}"]
    results = folder / "results"
    for old in results.glob("*.npy") if results.exists() else ():
        old.unlink()
    halftone("run", path, *arguments, "--output", results)
    return {file.stem: np.load(file) for file in results.iterdir()}


def snr(wanted, got):
    """Signal-to-noise ratio in dB; equal tensors have 200."""
    wanted = wanted.astype(np.float64)
    noise = ((wanted - got)**2).sum()
    return 200.0 if noise == 0 else 10 * np.log10((wanted**2).sum() / noise)


def differences(halftone, model, feed, folder):
    """(name, operators of ONNX Runtime's own form of the step, largest difference, share of elements that differ) of each step."""
    for name, part, given in Steps(model, feed):
        saved = Path(folder) / "optimized.onnx"
        wanted = session(part, saved=saved).run(None, given)[0]
        forms = {node.op_type for node in onnx.load(saved).graph.node}
        got = next(iter(run(halftone, part, given, folder).values()))
        assert got.shape == wanted.shape and got.dtype == wanted.dtype, name
        difference = np.abs(got.astype(np.float64) - wanted)
        yield name, forms, difference.max(initial=0), (difference > 0).mean()


def check_steps(halftone, model, feed, folder):
    """Identical where ONNX Runtime computes the step in integers, one apart elsewhere; how many steps there are of both kinds."""
    counts = {"steps": 0, "integer": 0}
    for name, forms, most, share in differences(halftone, model, feed, folder):
        in_integers = "DequantizeLinear" not in forms and any(form.startswith("Q") for form in forms) and not forms & NEARLY
        counts["steps"] += 1
        counts["integer"] += in_integers
        assert most <= (0 if in_integers else 1), (name, forms, most, share)
    return counts
