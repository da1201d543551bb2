# SPDX-License-Identifier: Apache-2.0
"""Runs another program in Python whose ONNX Runtime sessions multiply exactly: exact_score.py PROGRAM ARGUMENTS...

On processors without dot product instructions (VNNI) ONNX Runtime's 8-bit products saturate in 16 bits unless the option is set
that it has for that, and its results are then not those of the file.
"""
import runpy
import sys

import onnxruntime

Plain = onnxruntime.SessionOptions


def exact_options():
    options = Plain()
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options


if __name__ == "__main__":
    onnxruntime.SessionOptions = exact_options
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
