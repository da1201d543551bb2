# SPDX-License-Identifier: Apache-2.0
"""Tools that other tests want in an environment of their own."""
import subprocess
import venv
from pathlib import Path

import pytest

from places import BUILD

HERE = Path(__file__).parent


def runner(name, program):
    """Runs PROGRAM of this folder where the tools of NAME.txt are installed; skips the test where they cannot be."""
    place, listed = BUILD / name, HERE / f"{name}.txt"
    python, installed = place / "bin" / "python", place / "installed.txt"
    if not installed.exists() or installed.read_text() != listed.read_text():
        venv.create(place, clear=True, with_pip=True)
        pip = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", listed], capture_output=True, text=True, timeout=1800)
        if pip.returncode:
            pytest.skip(f"{listed.name} cannot be installed: {pip.stderr[-1000:]}")
        installed.write_text(listed.read_text())

    def run(*arguments):
        done = subprocess.run([python, HERE / program, *map(str, arguments)], capture_output=True, text=True, timeout=1800, cwd=place)
        assert done.returncode == 0, done.stderr[-3000:]

    return run
