# SPDX-License-Identifier: Apache-2.0
"""Measures one model in one configuration, once a build folder: a row is kept under a hash of all that it depends on."""
import dataclasses
import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import environments
from configurations import Peer
from environments import Missing, python, versions
from machine import contents, say
from paths import ACCURACY, BUILD, PEERS

HERE = Path(__file__).resolve().parent
HALFTONE = BUILD / "bin" / "halftone"
TIMEOUT = 3600
CALIBRATED = 100  # photos that peers see, at most


def halftone(*arguments):
    """What --json prints."""
    done = subprocess.run([HALFTONE, *map(str, arguments), "--json", "--quiet"], capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Missing(f"halftone {arguments[0]}: {lines[-1] if lines else f'exit status {done.returncode}'}")
    return json.loads(done.stdout)


def peak_of(log):
    """The most memory that a peer's program had, which it says at last."""
    for line in reversed(log.read_text().splitlines()):
        if line.startswith('{"peak_bytes"'):
            return json.loads(line)["peak_bytes"]
    return None


def digest(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


class Rows:
    """Of one model, on the first `limit` photos, with intervals from so many resamples."""

    def __init__(self, model, limit, resamples):
        self.model, self.limited = model, ["--limit", limit] if limit else []
        self.judged = [*self.limited, "--bootstrap", resamples]
        self.limit = limit
        model.prepare()
        self.data = digest(contents(HALFTONE), contents(model.path), model.recipe.read_text(), *model.data(), self.judged)

    def get(self, configuration):
        place = ACCURACY / "rows" / f"{self.key(configuration)}.json"
        if place.exists():
            return {"title": configuration.title, **json.loads(place.read_text())}
        say(f"{self.model.name}: {configuration.title}")
        row = self.measure(configuration)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(row, indent=1) + "\n")
        return {"title": configuration.title, **row}

    def key(self, configuration):
        parts = [self.data, dataclasses.replace(configuration, title="")]
        if configuration.engine != "halftone":
            parts += [contents(HERE / "run_engine.py", HERE / "make_inputs.py"), versions(configuration.engine), versions("photos")]
        if isinstance(configuration, Peer):
            parts.append(contents(PEERS / configuration.program))
        return digest(*parts)

    def measure(self, configuration):
        folder = self.model.folder / configuration.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make = self.quantized_by_peer if isinstance(configuration, Peer) else self.quantized
        file, made = make(configuration, folder)
        row = {"model": self.model.name, "configuration": configuration.name, **made}
        row["validation"] = self.judge(configuration, file, folder, self.judged)
        row["held_out"] = self.judge_held_out(configuration, file, folder)["outputs"] if self.model.detects else row["validation"]["outputs"]
        return row

    def statistics(self):
        """Of calibration, once for all configurations, and how long that took."""
        place = self.model.folder / f"{digest(contents(HALFTONE), contents(self.model.path), self.model.recipe.read_text())}.stats"
        took = place.with_suffix(".seconds")
        if not took.exists():
            say(f"{self.model.name}: calibration")
            start = time.perf_counter()
            halftone("calibrate", self.model.recipe, "-o", place)
            took.write_text(str(time.perf_counter() - start))
        return place, float(took.read_text())

    def quantized(self, configuration, folder):
        file = folder / "model.onnx"
        statistics, calibration = self.statistics()
        given = ["--cache", folder / "measurements"] if configuration.command == "search" else ["--stats", statistics]
        recipe = self.model.recipe if configuration.spares else self.model.integer_recipe
        done = halftone(configuration.command, recipe, "-o", file, *given, *configuration.flags)
        return file, {"seconds": done["seconds"], "calibration_seconds": calibration, "peak_bytes": done["peak_rss_bytes"], "bytes": file.stat().st_size,
                      "float_nodes": len(done["float_nodes"]) if "float_nodes" in done else None}

    def quantized_by_peer(self, peer, folder):
        calibration = self.model.sections["calibration"]
        samples = range(calibration["count"]) if isinstance(calibration["images"], list) else self.calibration_photos(calibration)
        inputs = self.inputs("calibration", list(samples)[:CALIBRATED])
        # A copy, because converters may write over what they read.
        source = shutil.copyfile(self.model.path, folder / "source.onnx")
        interpreter, start = python(peer.engine), time.perf_counter()
        environments.run([interpreter, PEERS / peer.program, "prepare", source, inputs, peer.precision, folder], folder / "log.txt",
                         "cannot be quantized", TIMEOUT)
        seconds, file = time.perf_counter() - start, folder / peer.file
        parts = [file, *([file.with_suffix(".bin")] if file.suffix == ".xml" else [])]
        return file, {"seconds": seconds, "calibration_seconds": None, "peak_bytes": peak_of(folder / "log.txt"), "bytes": sum(part.stat().st_size for part in parts),
                      "float_nodes": None}

    @staticmethod
    def calibration_photos(calibration):
        images = Path(calibration["images"])
        listed = sorted(images.glob("*.jpg")) if images.is_dir() else images.read_text().splitlines()
        return map(str, listed[:calibration["count"]])

    def judge(self, configuration, file, folder, options):
        if configuration.engine == "halftone":
            return halftone("validate", self.model.recipe, "--model", file, *options)
        samples = self.model.samples()[:self.limit]
        return self.judge_outputs(configuration, file, folder, "validation", samples, options)

    def judge_held_out(self, configuration, file, folder):
        options = ["--images", self.model.sections["calibration"]["images"], "--annotations", self.model.held_out]
        if configuration.engine == "halftone":
            return halftone("validate", self.model.recipe, "--model", file, *options)
        return self.judge_outputs(configuration, file, folder, "held_out", self.model.held_out_samples(), options)

    def judge_outputs(self, configuration, file, folder, name, samples, options):
        """Of what the configuration's engine computes."""
        outputs = folder / f"outputs_{name}"
        outputs.mkdir()
        numbers, inputs = [number for number, _ in samples], self.inputs(name, [sample for _, sample in samples])
        names = [output["name"] for output in halftone("inspect", self.model.path)["outputs"]]
        environments.run([python(configuration.engine), HERE / "run_engine.py", configuration.engine, file, inputs, json.dumps(numbers), json.dumps(names), outputs],
                         folder / f"{name}.log", f"{configuration.engine} cannot run it", TIMEOUT)
        try:
            return halftone("validate", self.model.recipe, "--outputs", outputs, *options)
        finally:
            shutil.rmtree(outputs)

    def inputs(self, name, samples):
        """An array of what engines are given of samples, made when it is first asked for."""
        place, listed = self.model.folder / f"{name}.npy", self.model.folder / f"{name}.json"
        text = json.dumps(samples) + contents(self.model.recipe, HERE / "make_inputs.py")
        stamp = place.with_suffix(".made")
        if not (place.exists() and stamp.exists() and stamp.read_text() == text):
            listed.write_text(json.dumps(samples))
            environments.run([python("photos"), HERE / "make_inputs.py", self.model.recipe, listed, place], place.with_suffix(".log"), "no inputs", TIMEOUT)
            stamp.write_text(text)
        return place
