# SPDX-License-Identifier: Apache-2.0
"""What the programs of all peers share. Each is

    peer_NAME.py prepare MODEL INPUTS PRECISION FOLDER   makes what the peer runs of MODEL, a copy in FOLDER, and says what memory that took;
                                                         PRECISION is float or int8, or what else the peer knows
    peer_NAME.py time FOLDER INPUTS THREADS              prints its latency, load time and memory as one line of JSON

INPUTS is an array file of samples in NCHW. A program imports this module before its engine, so that the memory of the interpreter is known."""
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

WARM_UPS, SECONDS, LEAST_RUNS, MOST_RUNS = 3, 2, 20, 100_000  # as `halftone bench`


def memory(key):
    """Bytes of a line of this process's status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


BEFORE = memory("VmRSS")


def convert(*command, folder):
    """Runs a converter in a folder; what it has to say is in the log."""
    if subprocess.run(command, cwd=folder).returncode:
        raise SystemExit(f"{Path(command[0]).name} fails")


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(load, folder, samples, threads):
    start = time.perf_counter()
    run = load(folder, samples[:1], threads)
    loaded = time.perf_counter() - start
    for _ in range(WARM_UPS):
        last = seconds(run)
    count = min(max(int(SECONDS / last), LEAST_RUNS), MOST_RUNS)
    runs = [seconds(run) for _ in range(count)]
    return {"median_ms": statistics.median(runs) * 1e3, "runs": count, "load_ms": loaded * 1e3, "peak_bytes": memory("VmHWM") - BEFORE}


def main(prepare, load):
    """prepare(model, samples, precision, folder); load(folder, sample, threads) gives a function that runs the net on that sample once."""
    command, *arguments = sys.argv[1:]
    if command == "prepare":
        model, inputs, precision, folder = arguments
        prepare(Path(model), np.load(inputs), precision, Path(folder))
        print(json.dumps({"peak_bytes": memory("VmHWM")}))
    else:
        folder, inputs, threads = arguments
        print(json.dumps(measure(load, Path(folder), np.load(inputs), int(threads))))
