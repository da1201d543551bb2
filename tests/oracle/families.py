# SPDX-License-Identifier: Apache-2.0
"""The small networks of tests/fixtures/exporters, one a family and exporter: what the program makes of each, measured. As a program it
writes the tables in docs/FAMILIES.md and README.md."""
import re
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from conftest import Program, write_recipe
from places import ROOT, built

sys.path.insert(0, str(ROOT / "tests" / "fixtures" / "exporters"))
from catalog import EXPORTERS, LARGEST, NETS, as_input, photo  # noqa: E402

TABLE, README = ROOT / "docs" / "FAMILIES.md", ROOT / "README.md"
CALIBRATION, JUDGED = 16, 3  # pictures; seeds from 1000 and from 2000
NAMES_OF = {80: "coco80", 90: "coco90", 91: "coco91"}
THRESHOLD = 0.2


def decibels(truth, values):
    """Signal over noise; of the values about their mean, which carries no signal."""
    truth, values = np.float64(truth).ravel(), np.float64(values).ravel()
    signal, noise = ((truth - truth.mean()) ** 2).sum(), ((truth - values) ** 2).sum()
    return 10 * np.log10(signal / noise) if noise > 0 else np.inf


def difference(truth, values):
    """The largest difference beside the range of the values."""
    truth, values = np.float64(truth).ravel(), np.float64(values).ravel()
    return np.abs(truth - values).max() / max(np.ptp(truth), 1e-6)


@dataclass
class Case:
    """A network as a file, with pictures, recipe, integer model and outputs; each is made when it is asked for."""
    net: object
    exporter: str
    program: object
    folder: Path
    changes: dict = field(default_factory=dict)

    @property
    def model(self):
        return self.net.path(self.exporter)

    def pictures(self, first, count):
        return [photo(first + i, self.net.size) for i in range(count)]

    @cached_property
    def judged(self):
        paths = [self.folder / f"judged{i}.png" for i in range(JUDGED)]
        for path, picture in zip(paths, self.pictures(2000, JUDGED)):
            Image.fromarray(picture).save(path)
        return paths

    @cached_property
    def inputs(self):
        return [as_input([picture]) for picture in self.pictures(2000, JUDGED)]

    @property
    def task(self):
        if not self.net.head:
            return {"type": "none"}
        classes = NAMES_OF.get(self.net.classes, [f"class {i}" for i in range(self.net.classes)])
        return {"type": "detection", "classes": classes, "score_threshold": THRESHOLD, "nms_threshold": 1.0, "max_detections": 10 ** 6, **self.net.task}

    @cached_property
    def sections(self):
        photos = self.folder / "calibration"
        photos.mkdir()
        for i, picture in enumerate(self.pictures(1000, CALIBRATION)):
            Image.fromarray(picture).save(photos / f"{i}.png")
        model = {"path": str(self.model)} | ({"input_shape": [1, 3, *self.net.size]} if self.net.dynamic else {})
        return {"model": model, "preprocess": {"size": list(self.net.size), "resize": "none", "color": "rgb", "std": [255, 255, 255]},
                "task": self.task, "calibration": {"images": str(photos), "count": CALIBRATION}}

    @cached_property
    def recipe(self):
        return write_recipe(self.folder / "net.toml", self.sections)

    @cached_property
    def made(self):
        """What `quantize` says."""
        return self.program.json("quantize", self.recipe, "-o", self.integers)

    @property
    def integers(self):
        return self.folder / "integers.onnx"

    @cached_property
    def truth(self):
        """ONNX Runtime's outputs of the float model, one list a picture."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        return [session.run(None, {"photo": x}) for x in self.inputs]

    def outputs(self, model, index, *options):
        """The program's outputs of a model for a picture."""
        out, given = self.folder / f"{Path(model).stem}{index}", self.folder / f"input{index}.npy"
        np.save(given, self.inputs[index])
        self.program("run", model, "--input", f"photo={given}", "--output", out, *options)
        return [np.load(out / f"out{i}.npy") for i in range(self.net.outputs)]

    @cached_property
    def floats(self):
        return self.outputs(self.model, 0)

    @cached_property
    def quantized(self):
        assert self.made["quantized_nodes"] > 0
        return [self.outputs(self.integers, i) for i in range(JUDGED)]

    @property
    def float_difference(self):
        return max(difference(t, v) for t, v in zip(self.truth[0], self.paired(self.truth[0], self.floats), strict=True))

    def paired(self, truth, values):
        """The values; where a network selects its best boxes, each row is the one that is nearest to the truth's row, because a score that
        comes out a little higher changes their order, and because the program leaves selection by overlap to the head."""
        if not self.net.selects:
            return values
        rows, others = (np.hstack([o.reshape(len(o), -1) for o in map(np.squeeze, outputs)]) for outputs in (truth, values))
        nearest = ((rows[:, None] - others[None]) ** 2).sum(2).argmin(1)
        return [np.squeeze(o)[nearest] for o in values]

    def groups(self, outputs):
        """The values of one kind, over all pictures."""
        if not self.net.groups:
            return {f"out{i}": np.concatenate([picture[i].ravel() for picture in outputs]) for i in range(self.net.outputs)}
        found = {}
        for name, (indices, first, count) in self.net.groups.items():
            parts = [picture[i] for picture in outputs for i in indices]
            if count is not None:
                parts = [part.take(range(first, first + count), self.net.axis) for part in parts]
            found[name] = np.concatenate([part.ravel() for part in parts])
        return found

    @cached_property
    def snr(self):
        """Decibels of integers against floats, by kind of value."""
        pairs = [self.paired(truth, values) for truth, values in zip(self.truth, self.quantized)]
        truth, values = self.groups(self.truth), self.groups(pairs)
        return {name: decibels(truth[name], values[name]) for name in truth}


def measured(case):
    return {"family": case.net.family, "exporter": case.exporter, "head": case.net.head, "float": case.float_difference, "snr": min(case.snr.values())}


def full_table(figures):
    """A row a network, both exporters beside each other."""
    lines = ["| family | head | float, dynamo | float, script | int8, dynamo | int8, script |", "|---|---|---|---|---|---|"]
    for net in NETS:
        of = {f["exporter"]: f for f in figures if f["family"] == net.family}
        cells = [f"{of[e]['float']:.0e}" for e in EXPORTERS] + [f"{of[e]['snr']:.1f} dB" for e in EXPORTERS]
        lines.append(f"| {net.family} | {f'`{net.head}`' if net.head else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def read_table(text):
    """The figures of a full table."""
    heads = {net.family: net.head for net in NETS}
    found = []
    for line in re.findall(r"^\| (.*) \|$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.split("|")]
        if cells[0] in heads:
            for i, exporter in enumerate(EXPORTERS):
                found.append({"family": cells[0], "exporter": exporter, "head": heads[cells[0]], "float": float(cells[2 + i]), "snr": float(cells[4 + i].split()[0])})
    return found


def short_table(figures):
    """A row a head: its families, and the worst of their figures."""
    lines = ["| head | families | float difference at most | int8 at least |", "|---|---|---|---|"]
    for head in dict.fromkeys(net.head for net in NETS):
        of = [f for f in figures if f["head"] == head]
        families = list(dict.fromkeys(f["family"].split(",")[0] for f in of))
        lines.append(f"| {f'`{head}`' if head else 'classifiers'} | {', '.join(families)} | {max(f['float'] for f in of):.0e} | {min(f['snr'] for f in of):.1f} dB |")
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- tests/oracle/families.py writes this table -->\n", "<!-- end of the table -->\n"


def table_in(text):
    return text.split(BEGIN)[1].split(END)[0]


def with_table(text, table):
    before, rest = text.split(BEGIN)
    return before + BEGIN + table + END + rest.split(END)[1]


def main():
    figures = []
    for net in NETS:
        for exporter in EXPORTERS:
            with tempfile.TemporaryDirectory() as folder:
                figures.append(measured(Case(net, exporter, Program(built("halftone")), Path(folder))))
    TABLE.write_text(with_table(TABLE.read_text(), full_table(figures)))
    README.write_text(with_table(README.read_text(), short_table(read_table(TABLE.read_text()))))


if __name__ == "__main__":
    main()
