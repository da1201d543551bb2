# SPDX-License-Identifier: Apache-2.0
"""ncnn: the model as its converter pnnx writes it. Neither package on PyPI has the programs that quantize."""
import sysconfig
from pathlib import Path

import peer
import ncnn

CONVERTER = Path(sysconfig.get_path("purelib"), "pnnx", "pnnx")


def prepare(model, samples, precision, folder):
    shape = ",".join(map(str, (1, *samples.shape[1:])))
    options = [f"ncnn{kind}=model.{kind}" for kind in ("param", "bin")]
    peer.convert(CONVERTER, model, f"inputshape=[{shape}]", *options, folder=folder)
    if not (folder / "model.bin").exists():
        raise SystemExit("pnnx wrote no model")


def load(folder, sample, threads):
    net = ncnn.Net()
    net.opt.num_threads = threads
    if net.load_param(str(folder / "model.param")) or net.load_model(str(folder / "model.bin")):
        raise SystemExit("ncnn cannot read what pnnx wrote")
    (name,), outputs, matrix = net.input_names(), net.output_names(), ncnn.Mat(sample[0])

    def run():
        extractor = net.create_extractor()
        extractor.input(name, matrix)
        for output in outputs:
            status, _ = extractor.extract(output)
            if status:
                raise SystemExit(f"ncnn cannot compute {output}")

    return run


peer.main(prepare, load)
