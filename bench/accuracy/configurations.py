# SPDX-License-Identifier: Apache-2.0
"""Ways to quantize: ours, each method added to those before it, and the peers'."""
from dataclasses import dataclass

MINMAX, TENSOR, HEAD = ("--ranges", "minmax"), ("--granularity", "tensor"), ("--head", "quantize")
BY_STATISTICS = ("--fast", "--correct-bias", "false")  # nothing but ranges and scales
AS_THEY_ARE = ("--correct-bias", "false")  # biases
FOUR, GROUPS = ("--weights", "4"), ("--group", "32")


@dataclass(frozen=True)
class Configuration:
    name: str
    title: str
    flags: tuple = ()
    engine: str = "halftone"  # which runs the file: halftone, onnxruntime, openvino
    command: str = "quantize"
    spares: bool = True  # whether layers may stay in float for the sake of accuracy


@dataclass(frozen=True)
class Peer:
    """Quantized by a program of bench/peers and run in its engine."""
    name: str
    title: str
    engine: str
    precision: str
    file: str

    @property
    def program(self):
        return f"peer_{self.engine}.py"


OURS = [
    Configuration("plain", "minmax, a scale a tensor, head in integers, rounded to the nearest", (*BY_STATISTICS, *MINMAX, *TENSOR, *HEAD)),
    Configuration("head", "+ head in float", (*BY_STATISTICS, *MINMAX, *TENSOR)),
    Configuration("ranges", "+ ranges mse", (*BY_STATISTICS, *TENSOR)),
    Configuration("channels", "+ a scale a channel", BY_STATISTICS),
    Configuration("gptq", "+ rounding gptq", ("--rounding", "gptq", *AS_THEY_ARE), spares=False),
    Configuration("descent", "+ rounding descent", ("--rounding", "descent", *AS_THEY_ARE), spares=False),
    Configuration("squares", "+ rounding least-squares", ("--rounding", "least-squares", *AS_THEY_ARE), spares=False),
    Configuration("biases", "+ biases", spares=False),
    Configuration("native", "+ share of float: the defaults"),
    Configuration("cortex-m", "target cortex-m", ("--target", "cortex-m")),
    Configuration("onnxruntime", "target onnxruntime, in ONNX Runtime", ("--target", "onnxruntime"), "onnxruntime"),
    Configuration("openvino", "target openvino, in OpenVINO", ("--target", "openvino"), "openvino"),
    Configuration("a16", "activations of 16 bits", ("--activations", "16")),
    Configuration("w4-nearest", "weights of 4 bits, a scale a channel, rounded to the nearest", (*FOUR, *BY_STATISTICS)),
    Configuration("w4-groups", "+ groups of 32", (*FOUR, *GROUPS, *BY_STATISTICS)),
    Configuration("w4-gptq", "+ rounding gptq", (*FOUR, *GROUPS, "--rounding", "gptq", *AS_THEY_ARE), spares=False),
    Configuration("w4-descent", "+ rounding descent", (*FOUR, *GROUPS, "--rounding", "descent", *AS_THEY_ARE), spares=False),
    Configuration("w4-squares", "+ rounding least-squares", (*FOUR, *GROUPS, *AS_THEY_ARE), spares=False),
    Configuration("w4-biases", "+ biases", (*FOUR, *GROUPS), spares=False),
    Configuration("w4-32", "+ share of float: the defaults with weights of 4 bits in groups of 32", (*FOUR, *GROUPS)),
    Configuration("w4", "weights of 4 bits, a scale a channel", FOUR),
    Configuration("mixed", "search --max-bits 5", ("--max-bits", "5"), command="search"),
]
PEERS = [
    Peer("float-ort", "float model, in ONNX Runtime", "onnxruntime", "float", "model.onnx"),
    Peer("peer-ort", "ONNX Runtime: quantize_static", "onnxruntime", "int8", "model.onnx"),
    Peer("peer-nncf", "OpenVINO: NNCF, preset mixed", "openvino", "mixed", "model.xml"),
]
ALL = OURS + PEERS
