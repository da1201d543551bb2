# SPDX-License-Identifier: Apache-2.0
"""Bundles on emulated boards: identical to the session, and what REPORT.md says held against the compiler's own tools."""
import re
import shutil
import subprocess

import numpy as np
import onnx
import pytest

from conftest import recipe_of_noise
from places import STREET, long_test, shared

BOARDS = ["cortex-m3", "cortex-m4", "cortex-m7", "cortex-m55"]
TOOLS = {"host": ["cc"], "aarch64": ["aarch64-linux-gnu-gcc", "qemu-aarch64"], **{cpu: ["arm-none-eabi-gcc", "qemu-system-arm"] for cpu in BOARDS}}
TINY = {"kws": "model_kws.onnx", "ic": "model_ic.onnx", "vww": "vww_96_float.onnx"}
GROUPS = {"ic_groups": "model_ic.onnx"}  # 4-bit weights in groups of inputs


def needs(cpu):
    missing = [tool for tool in TOOLS[cpu] if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{cpu} is not tested, as {' and '.join(missing)} are not installed: scripts/install-dependencies.sh board")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("board")


@pytest.fixture(scope="module")
def quantized(halftone, folder):
    """The path of a network in integers for Cortex-M, made once."""

    def make(name):
        path = folder / f"{name}.onnx"
        if path.exists():
            return path
        recipe = STREET / "street.toml"
        if network := (TINY | GROUPS).get(name):
            recipe = recipe_of_noise(halftone, shared("data", "models", "tiny", network), folder / f"{name}.toml")
        halftone("quantize", recipe, "-o", path, "--target", "cortex-m", *(["--weights", "4", "--group", "32"] if name in GROUPS else []))
        return path

    return make


@pytest.fixture(scope="module")
def verified(halftone, folder, quantized):
    """The folder of a bundle that was verified, and what --json said, made once."""
    made = {}

    def make(name, cpu, vectors=10):
        needs(cpu)
        key = name, cpu, vectors
        if key not in made:
            place = folder / f"{name}-{cpu}-{vectors}"
            made[key] = place, halftone.json("compile", quantized(name), "-o", place, "--name", name, "--cpu", cpu, "--verify", "--vectors", vectors)
        return made[key]

    return make


# The sample detector takes an emulated board several seconds a picture.
@pytest.mark.parametrize("cpu", TOOLS)
@pytest.mark.parametrize("name", [*TINY, pytest.param("street", marks=long_test)])
def test_every_processor_computes_what_the_session_does(verified, name, cpu):
    check_run(verified(name, cpu), name, cpu, 10)


@pytest.mark.parametrize("cpu", ["host", "aarch64", "cortex-m4"])
def test_the_sample_detector_is_the_same_everywhere(verified, cpu):
    check_run(verified("street", cpu, 1), "street", cpu, 1)


@pytest.mark.parametrize("cpu", ["host", "cortex-m3", "cortex-m4"])
def test_weights_in_groups_take_less_flash(verified, cpu):
    whole, groups = verified("ic", cpu), verified("ic_groups", cpu)
    check_run(groups, "ic_groups", cpu, 10)
    assert groups[1]["weight_bytes"] < 0.75 * whole[1]["weight_bytes"]


def check_run(made, name, cpu, vectors):
    _, said = made
    verification = said["verification"]
    assert verification["identical"]
    lines = verification["output"].splitlines()
    assert f"{name}: {vectors} vectors, every output identical to the host's" in lines
    assert all(line.endswith("identical to the host's") for line in lines)  # boxes of frames too
    if cpu not in BOARDS:
        assert verification["instructions"] is None
        return
    counted = [layer["instructions"] for layer in said["layers"]]
    assert all(count > 0 for count in counted)
    assert 0 <= verification["instructions"] - sum(counted) < 100  # the function's own
    assert said["macs"] / 8 < verification["instructions"] < 40 * said["macs"]


def report_table(place, title):
    """A table of REPORT.md of two columns: the first one to the second."""
    section = (place / "REPORT.md").read_text().split(f"## {title}")[1].split("\n## ")[0]
    return {what: int(number) for what, number in re.findall(r"^\| (.+) \| (\d+) \|$", section, re.M)}


def size(*arguments):
    """The row that arm-none-eabi-size prints of a program: text, data, bss."""
    printed = subprocess.run(["arm-none-eabi-size", *arguments], check=True, capture_output=True, text=True).stdout
    return [int(number) for number in printed.splitlines()[1].split()[:3]]


def own_bytes(model):
    """Bytes of the weights of layers, one each, and of their biases, four each."""
    graph = onnx.load(model).graph
    sizes = {entry.name: int(np.prod(entry.dims)) for entry in graph.initializer}
    made_by = {node.output[0]: node for node in graph.node}

    def count(name):  # of what scales turn into this
        return sizes[name] if name in sizes else count(made_by[name].input[0])

    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    return sum(count(node.input[1]) for node in layers), 4 * sum(count(node.input[2]) for node in layers)


@pytest.mark.parametrize("cpu", BOARDS)
@pytest.mark.parametrize("name", ["kws", "vww"])
def test_the_report_is_what_the_tools_say(verified, quantized, folder, name, cpu):
    """The bundle is built by its own Makefile and linked alone; size, map and symbols give the report's numbers to the byte."""
    place, said = verified(name, cpu)
    copy = folder / f"{name}-{cpu}-copy"
    shutil.copytree(place, copy)
    subprocess.run(["make", "-s", "-C", copy], check=True, capture_output=True)
    # Program headers and sections as the linker's own script has them, so that nothing of Halftone's takes part.
    flags = re.search(r"^CPU_FLAGS = (.*)$", (copy / "Makefile").read_text(), re.M)[1].split()
    program = copy / "alone.elf"
    link = ["arm-none-eabi-gcc", *flags, "-nostartfiles", f"-Wl,-e,{name}_run,--gc-sections,-u,{name}_run,-Map={copy / 'alone.map'}", copy / "build" / f"lib{name}.a"]
    subprocess.run([*link, "-o", program], check=True, capture_output=True)
    text, data, bss = size(program)
    flash, ram = report_table(place, "Flash"), report_table(place, "RAM")
    assert data == flash["initial values of variables (data)"] == said["verification"]["data_bytes"]
    assert data + bss == ram["variables (data and bss)"]
    total = flash.pop("all (text and data)")
    assert total == sum(flash.values()) == said["flash_bytes"] == text + data
    own = np.cumsum([flash["weights"], flash["biases"], flash["channels' multipliers"]])
    said_beside = re.search(r"Beside the model's weights that is (\d+) bytes, .* biases (\d+) bytes, .* multipliers (\d+) bytes\.", (place / "REPORT.md").read_text())
    assert list(total - own) == [int(number) for number in said_beside.groups()]
    symbols = subprocess.run(["arm-none-eabi-nm", "-S", program], check=True, capture_output=True, text=True).stdout
    arrays = sum(int(size, 16) for size, kind in re.findall(rf"^\w+ (\w+) (\w) {name}_step\d+_\w+$", symbols, re.M) if kind in "rR")
    kinds = ["weights", "biases", "channels' multipliers", "channels' shifts, zero points and bounds, filling", "arrays and tables of steps without weights"]
    assert arrays == sum(flash[kind] for kind in kinds)
    weights, biases = own_bytes(quantized(name))
    assert flash["weights"] == weights == said["weight_bytes"] and flash["biases"] == said["bias_bytes"]
    if cpu in ("cortex-m4", "cortex-m7"):  # some 13 bits of a bias and four of a multiplier; a last layer of floats has 32
        assert biases / 3 <= flash["biases"] <= biases / 2 and biases / 10 <= flash["channels' multipliers"] <= 0.16 * biases
    else:
        assert flash["channels' multipliers"] == flash["biases"] == biases  # a number of 32 bits each, and the model repeats none
    parameters = sum(int(size, 16) for size, kind in re.findall(r"^\w+ (\w+) (\w) (?:(?:step|rows)\d+|usual_\w+|arrays)$", symbols, re.M) if kind in "rR")
    assert parameters == flash["parameters of the steps"]
    assert ram["arena"] == said["arena_bytes"] == int(re.search(rf"{name.upper()}_ARENA_BYTES (\d+)", (place / f"{name}.h").read_text())[1])


def test_the_report_is_repeatable(verified, halftone, quantized, folder):
    place, _ = verified("kws", "cortex-m4")
    halftone("compile", quantized("kws"), "-o", folder / "again", "--name", "kws", "--cpu", "cortex-m4", "--verify")
    assert (folder / "again" / "REPORT.md").read_bytes() == (place / "REPORT.md").read_bytes()


def test_without_tools_they_are_named_and_nothing_is_written(halftone, quantized, tmp_path):
    failed = halftone("compile", quantized("street"), "-o", tmp_path / "out", "--cpu", "cortex-m4", "--verify", expect=3, env={"PATH": "/nowhere"})
    assert "gcc-arm-none-eabi" in failed.stderr and "libnewlib-arm-none-eabi" in failed.stderr
    assert not list(tmp_path.iterdir())
