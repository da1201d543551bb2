# SPDX-License-Identifier: Apache-2.0
"""The engines that are timed: the peers', each in its environment, and ours."""
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from environments import Missing, python, run, versions
from folders import HERE, MADE
from machine import contents
from paths import BUILD

TIMEOUT = 1200


@dataclass(frozen=True)
class Engine:
    """Makes its form of a net in a folder, once, and times it in a process of its own."""
    title: str
    precision: str

    @property
    def name(self):
        return f"{self.title} {self.precision}"

    def folder(self, net):
        return MADE / "models" / net.name / self.name.replace(" ", "-").lower()

    def prepare(self, net):
        folder, log = self.folder(net), self.folder(net).with_suffix(".log")
        stamp, wanted = folder / "made_of.txt", self.made_of(net)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # A copy, because converters write over what they read: onnx2tf its simplified model.
        run(self.making(net, shutil.copyfile(net.model, folder / "source.onnx"), folder), log, "cannot be converted", TIMEOUT)
        stamp.write_text(wanted)

    def time(self, net, threads, launcher):
        """Milliseconds, load time and memory of one visit."""
        command = [*launcher, *self.timing(net, threads)]
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Missing(f"takes over {TIMEOUT} s") from None
        if done.returncode:
            raise Missing(f"cannot run: {(done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1][:200]}")
        return self.figures(json.loads(done.stdout))


def inputs(net):
    return MADE / "models" / net.name / "inputs.npy"


@dataclass(frozen=True)
class Peer(Engine):
    module: str  # of its program
    converter: str | None = None  # another environment that converts

    @property
    def versions(self):
        return versions(self.module) + (versions(self.converter) if self.converter else [])

    @property
    def program(self):
        return HERE / f"peer_{self.module}.py"

    def install(self):
        for environment in filter(None, (self.module, self.converter)):
            python(environment)

    def made_of(self, net):
        return contents(net.model, self.program, inputs(net)) + " ".join(self.versions)

    def making(self, net, source, folder):
        return [python(self.converter or self.module), self.program, "prepare", source, inputs(net), self.precision, folder]

    def timing(self, net, threads):
        return [python(self.module), self.program, "time", self.folder(net), inputs(net), threads]

    def figures(self, printed):
        return printed


@dataclass(frozen=True)
class Halftone(Engine):
    executable: Path = BUILD / "bin" / "halftone"

    @property
    def versions(self):
        return []

    def install(self):
        if not self.executable.exists():
            raise Missing(f"{self.executable} is not there; build it, or name another build in HALFTONE_BUILD")

    def made_of(self, net):
        return contents(net.model, self.executable) + net.recipe(net.model)

    def making(self, net, source, folder):
        recipe = folder / "recipe.toml"
        recipe.write_text(net.recipe(source))
        return [self.executable, "quantize", recipe, "-o", folder / "model.onnx"]

    def timing(self, net, threads):
        return [self.executable, "bench", self.folder(net) / "model.onnx", "--threads", threads, "--json"]

    def figures(self, printed):
        return {"peak_bytes": printed["peak_rss_bytes"], **{key: printed[key] for key in ("median_ms", "runs", "load_ms", "isa")}}


OURS = Halftone("Halftone", "int8")
PEERS = [
    Peer("ONNX Runtime", "float", "onnxruntime"), Peer("ONNX Runtime", "int8", "onnxruntime"),
    Peer("OpenVINO", "float", "openvino"), Peer("OpenVINO", "int8", "openvino"),
    Peer("LiteRT", "float", "litert", "onnx2tf"), Peer("LiteRT", "int8", "litert", "onnx2tf"),
    Peer("ncnn", "float", "ncnn"),
]
