# SPDX-License-Identifier: Apache-2.0
"""OpenVINO: the model in its own format, or as NNCF quantizes it after training, with its default preset (int8) or the one that gives activations
zero points (mixed). The precision of what stays real is OpenVINO's default,
bfloat16 where the processor multiplies it fast."""
import peer
import openvino


def prepare(model, samples, precision, folder):
    network = openvino.Core().read_model(model)
    if precision != "float":
        import nncf

        preset = nncf.QuantizationPreset.MIXED if precision == "mixed" else nncf.QuantizationPreset.PERFORMANCE
        network = nncf.quantize(network, nncf.Dataset([sample[None] for sample in samples]), subset_size=len(samples), preset=preset)
    openvino.save_model(network, folder / "model.xml")


def load(folder, sample, threads):
    options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}
    request = openvino.Core().compile_model(folder / "model.xml", "CPU", options).create_infer_request()
    request.set_input_tensor(openvino.Tensor(sample, shared_memory=True))
    return request.infer


peer.main(prepare, load)
