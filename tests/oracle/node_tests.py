# SPDX-License-Identifier: Apache-2.0
"""ONNX's own node tests on the float executor. A case passes with all of its inputs given at run time or, where that is
refused, with all but the first as initializers, as exported networks have their weights, shapes and axes."""
import collections
import functools
import subprocess
import warnings

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from places import built

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from onnx.backend.test.loader import load_model_tests

TYPES = {"f32": np.float32, "i64": np.int64, "i32": np.int32, "bool": np.bool_, "i8": np.int8, "u8": np.uint8, "i16": np.int16,
         "u16": np.uint16}
MAIN_TYPES = {TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
# Operators that say a constant, whose inputs are initializers in exported networks, and those whose output has a size only where the
# inputs are known.
CONSTANTS = {"ConstantOfShape", "Range", "EyeLike", "NonZero", "NonMaxSuppression", "If"}
UNKNOWN = ("has operators that are not supported", "uses no operators of ONNX itself")
# The integers that these make or read are real numbers to the float executor; test_onnx_import.py and, for the last two, this file's
# quantized() have the integers.
LEFT_OUT = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul"}
# Cases whose expected values are not what ONNX Runtime computes; it leaves them out too. They take the resized length to be a
# fraction where corners are aligned.
DISPUTED = {"test_resize_downsample_scales_linear_align_corners", "test_resize_downsample_scales_cubic_align_corners"}

Case = collections.namedtuple("Case", "name model inputs outputs rtol atol")
Outcome = collections.namedtuple("Outcome", "state how reason")


def as_array(value):
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def is_tensor(value):
    """Whether it has elements that raw files can hold."""
    return isinstance(value, np.ndarray) and (value.dtype.kind in "biuf" and value.dtype.isbuiltin == 1 or value.dtype.name == "bfloat16")


@functools.cache
def loaded():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_model_tests(kind="node")


def quantized():
    """(name, model, inputs, output) of the cases with integers that have scales; the integers that are no weights come at run time."""
    for test in loaded():
        if not {node.op_type for node in test.model.graph.node} <= {"QLinearConv", "QLinearMatMul"}:
            continue
        inputs, outputs = test.data_sets[0]
        ports = list(test.model.graph.input)
        given = {0, 3} if ports[0].name == "a" else {0}
        made = onnx.ModelProto()
        made.CopyFrom(test.model)
        for i in sorted(set(range(len(ports))) - given):
            made.graph.input.remove(ports[i])
            made.graph.initializer.append(numpy_helper.from_array(inputs[i], ports[i].name))
        yield test.name, made, {ports[i].name: inputs[i] for i in given}, outputs[0]


def cases():
    found = []
    for test in loaded():
        ports = list(test.model.graph.input) + list(test.model.graph.output)
        operators = {node.op_type for node in test.model.graph.node}
        if test.name in DISPUTED or operators & LEFT_OUT or not test.data_sets or not all(port.type.HasField("tensor_type") for port in ports):
            continue
        inputs, outputs = ([as_array(value) for value in values] for values in test.data_sets[0])
        if all(is_tensor(value) for value in [*inputs, *outputs]):
            found.append(Case(test.name, test.model, inputs, outputs, test.rtol, test.atol))
    return found


def is_main(case):
    return {port.type.tensor_type.elem_type for port in [*case.model.graph.input, *case.model.graph.output]} <= MAIN_TYPES


def fixed(case, first):
    """The model with the inputs from `first` on as initializers."""
    made = onnx.ModelProto()
    made.CopyFrom(case.model)
    for port, array in list(zip(case.model.graph.input, case.inputs))[first:]:
        made.graph.input.remove(port)
        made.graph.initializer.append(numpy_helper.from_array(array, port.name))
    return made


def single(array):
    """Floats of any width are f32 in Halftone."""
    return array.astype(np.float32) if array.dtype.kind == "f" or "float" in array.dtype.name else array


def equals(case, line, folder):
    made = line.split("\t")[1:]
    if len(made) != len(case.outputs):
        return f"{len(made)} outputs instead of {len(case.outputs)}"
    for i, (said, expected) in enumerate(zip(made, case.outputs)):
        dtype, shape = said.split()
        shape = () if shape == "scalar" else tuple(int(size) for size in shape.split("x"))
        wanted = single(expected)
        if shape != wanted.shape or TYPES[dtype] != wanted.dtype:
            return f"output {i} is {dtype} {shape} instead of {wanted.dtype} {wanted.shape}"
        actual = np.fromfile(folder / f"output_{i}.raw", TYPES[dtype]).reshape(shape)
        is_narrow = expected.dtype != wanted.dtype and expected.dtype != np.float64
        # Sums in another order differ by some of the last places of the largest element.
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0) if wanted.dtype.kind == "f" else 0
        rtol, atol = (2e-2, 2e-2) if is_narrow else (case.rtol, max(case.atol, 5e-5 * largest))
        if not np.allclose(actual, wanted, rtol=rtol, atol=atol, equal_nan=True):
            worst = np.abs(actual.astype(np.float64) - wanted.astype(np.float64)).max()
            return f"output {i} is wrong by up to {worst}"
    return ""


def run(attempts, folder):
    """Runs {case: model} in one process; the outcomes by case."""
    lines = []
    for index, (case, model, arrays) in enumerate(attempts):
        place = folder / str(index)
        place.mkdir(parents=True)
        onnx.save(model, place / "model.onnx")
        for i, array in enumerate(arrays):
            single(array).tofile(place / f"input_{i}.raw")
        lines.append(f"{place / 'model.onnx'}\t{place}\n")
    done = subprocess.run([built("executor_probe")], input="".join(lines), capture_output=True, text=True, timeout=300)
    answers = done.stdout.splitlines()
    crashed = f"the program ended with {done.returncode} in {attempts[len(answers)][0].name}" if len(answers) < len(attempts) else ""
    assert not crashed, f"{crashed}\n{done.stderr}"
    outcomes = {}
    for index, ((case, _, _), line) in enumerate(zip(attempts, answers)):
        if line.startswith("refused"):
            sentence = line.split("\t", 1)[1]
            outcomes[case.name] = Outcome("unknown" if any(words in sentence for words in UNKNOWN) else "refused", "", sentence.split(": ", 1)[-1])
        else:
            problem = equals(case, line, folder / str(index))
            outcomes[case.name] = Outcome("wrong" if problem else "passed", "", problem)
    return outcomes


def outcomes(folder):
    """{name: (case, outcome)} of all cases."""
    everything = cases()
    results = {name: outcome._replace(how="run time") for name, outcome in
               run([(case, case.model, case.inputs) for case in everything], folder / "inputs").items()}
    for how, first in [("parameters", 1), ("constants", 0)]:
        again = [case for case in everything if results[case.name].state == "refused" and len(case.inputs) > first and
                 (first > 0 or {node.op_type for node in case.model.graph.node} <= CONSTANTS)]
        for name, outcome in run([(case, fixed(case, first), case.inputs[:first]) for case in again], folder / how).items():
            if outcome.state != "refused":
                results[name] = outcome._replace(how=how)
            elif how == "parameters":
                results[name] = outcome
    return {case.name: (case, results[case.name]) for case in everything}


def report(rows):
    counts = collections.Counter((outcome.state, outcome.how if outcome.state == "passed" else "") for _, outcome in rows)
    return ", ".join(f"{state}{f' ({how})' if how else ''}: {count}" for (state, how), count in sorted(counts.items()))
