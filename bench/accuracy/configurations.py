# SPDX-License-Identifier: Apache-2.0
"""Ways to quantize: ours, each method added to those before it, and the peers'."""
from dataclasses import dataclass

PLAIN = ("--ranges", "minmax", "--granularity", "tensor", "--head", "quantize", "--rounding", "nearest")


@dataclass(frozen=True)
class Configuration:
    name: str
    title: str
    flags: tuple = ()
    engine: str = "halftone"  # which runs the file: halftone, onnxruntime, openvino
    command: str = "quantize"


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
    Configuration("plain", "minmax, a scale a tensor, all in integers", PLAIN),
    Configuration("head", "+ head in float", PLAIN[:4] + PLAIN[6:]),
    Configuration("channels", "+ a scale a channel", PLAIN[:2] + PLAIN[6:]),
    Configuration("ranges", "+ ranges mse", ("--fast",)),
    Configuration("share", "+ share of float", ("--rounding", "nearest")),
    Configuration("gptq", "+ rounding gptq", ("--rounding", "gptq")),
    Configuration("descent", "+ rounding descent", ("--rounding", "descent")),
    Configuration("native", "the defaults"),
    Configuration("cortex-m", "target cortex-m", ("--target", "cortex-m")),
    Configuration("onnxruntime", "target onnxruntime, in ONNX Runtime", ("--target", "onnxruntime"), "onnxruntime"),
    Configuration("openvino", "target openvino, in OpenVINO", ("--target", "openvino"), "openvino"),
    Configuration("a16", "activations of 16 bits", ("--activations", "16")),
    Configuration("w4", "weights of 4 bits", ("--weights", "4")),
    Configuration("w4-32", "weights of 4 bits, groups of 32", ("--weights", "4", "--group", "32")),
    Configuration("mixed", "search --max-bits 5", ("--max-bits", "5"), command="search"),
]
PEERS = [
    Peer("float-ort", "float model, in ONNX Runtime", "onnxruntime", "float", "model.onnx"),
    Peer("peer-ort", "ONNX Runtime: quantize_static", "onnxruntime", "int8", "model.onnx"),
    Peer("peer-nncf", "OpenVINO: NNCF, preset mixed", "openvino", "mixed", "model.xml"),
]
ALL = OURS + PEERS
