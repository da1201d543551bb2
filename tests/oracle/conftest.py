# SPDX-License-Identifier: Apache-2.0
import json
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from places import BUILD, STREET, built  # noqa: E402


class Program:
    """The command line program; every call has bounded time and memory."""

    MEMORY = 4 << 30

    def __init__(self, path, seconds=300):
        self.path, self.seconds = path, seconds

    def __call__(self, *arguments, expect=0, memory=MEMORY, **options):
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))  # noqa: E731
        done = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, timeout=self.seconds, preexec_fn=limit,
                              errors="replace", **options)
        codes = expect if isinstance(expect, tuple) else (expect,)
        assert done.returncode in codes, f"{' '.join(map(str, arguments))}\ngave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments, **options):
        """What --json prints, which must be one document and nothing else."""
        return json.loads(self(*arguments, "--json", **options).stdout)

    def start(self, *arguments):
        return subprocess.Popen([self.path, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def toml(sections):
    """TOML text of sections of plain keys; JSON writes such values alike."""
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def write_recipe(path, sections, changes=()):
    """Writes sections, changed at {"section.key": value}; None takes the key out."""
    sections = {name: dict(keys) for name, keys in sections.items()}
    for where, value in dict(changes).items():
        section, key = where.split(".")
        sections.setdefault(section, {})[key] = value
        if value is None:
            del sections[section][key]
    path.write_text(toml(sections))
    return path


def recipe_of_noise(halftone, model, path):
    """Writes a recipe of a network with one input, calibrated on noise: for tests of arithmetic, not of accuracy."""
    shape = halftone.json("inspect", model)["inputs"][0]["shape"]
    arrays = path.with_suffix(".npy")
    np.save(arrays, np.random.default_rng(3).normal(size=(8, *shape[1:])).astype(np.float32))
    return write_recipe(path, {"model": {"path": str(model)}, "task": {"type": "none"}, "calibration": {"images": [str(arrays)]}})


def street_sections():
    """The sample's recipe with paths that are good everywhere."""
    sections = tomllib.loads((STREET / "street.toml").read_text())
    for section, key in [("model", "path"), ("calibration", "images"), ("validation", "images"), ("validation", "annotations")]:
        sections[section][key] = str(STREET / sections[section][key])
    return sections


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture(scope="session")
def halftone():
    program = built("halftone")
    assert os.access(program, os.X_OK), f"{program} is not there; build it, or name another build in HALFTONE_BUILD"
    return Program(program)


@pytest.fixture
def street_recipe(tmp_path):
    """Makes a recipe of the sample with changes, of few photos unless they say otherwise."""

    def make(changes=(), name="street.toml"):
        return write_recipe(tmp_path / name, street_sections(), {"calibration.count": 8, **dict(changes)})

    return make
