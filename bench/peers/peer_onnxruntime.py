# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: the model as it is, or as its quantize_static leaves it."""
import shutil

import peer
import onnxruntime

LEAST_OPSET = 13  # the first with scales a channel


def quantized(source, samples, out):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model, preprocessed = onnx.load(source), out.with_name("preprocessed.onnx")
    name = model.graph.input[0].name
    if model.opset_import[0].version < LEAST_OPSET:
        model = onnx.version_converter.convert_version(model, LEAST_OPSET)
    onnx.save(model, preprocessed)
    quant_pre_process(str(preprocessed), str(preprocessed), skip_symbolic_shape=True)

    class Samples(CalibrationDataReader):
        def __init__(self):
            self.left = iter(samples)

        def get_next(self):
            sample = next(self.left, None)
            return None if sample is None else {name: sample[None]}

    quantize_static(str(preprocessed), str(out), Samples(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, per_channel=True)


def prepare(model, samples, precision, folder):
    if precision == "float":
        shutil.copyfile(model, folder / "model.onnx")
    else:
        quantized(model, samples, folder / "model.onnx")


def load(folder, sample, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: sample}
    return lambda: session.run(None, feed)


peer.main(prepare, load)
