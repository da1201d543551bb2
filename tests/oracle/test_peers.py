# SPDX-License-Identifier: Apache-2.0
"""bench/peers: that it measures, and that AMX can be kept from a process."""
import dataclasses
import errno
import json
import os
import platform
import subprocess
import sys

import pytest

from places import BUILD, ROOT, long_test, shared

PEERS, COMMON = ROOT / "bench" / "peers", ROOT / "bench" / "common"
BEGIN, END = "<!-- bench/peers/run --markdown writes this -->\n", "<!-- end of the figures -->\n"

# Asks Linux for AMX's tiles and for what can be asked for at all, and prints both errors.
ASK = """
import ctypes
libc, features = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong()
def error(*arguments):
    return ctypes.get_errno() if libc.syscall(158, *arguments) else 0
print(error(0x1023, 18), error(0x1021, ctypes.byref(features)))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AMX is x86's")
def test_amx_is_refused(tmp_path):
    launcher = tmp_path / "refuse_amx"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", launcher, PEERS / "refuse_amx.c"], check=True)

    def errors(*before):
        return [int(word) for word in subprocess.run([*before, sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout.split()]

    (without, supported), (refused, still) = errors(), errors(launcher)
    assert without != errno.EPERM and refused == errno.EPERM
    assert supported == still
    assert subprocess.run([launcher], capture_output=True).returncode == 2


def test_converters_get_a_copy(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(COMMON))
    monkeypatch.syspath_prepend(str(PEERS))
    import engines
    import nets

    class Careless(engines.Engine):
        def made_of(self, net):
            return ""

        def making(self, net, source, folder):
            return ["sh", "-c", f"echo other > '{source}'"]

    monkeypatch.setattr(engines, "MADE", tmp_path / "made")
    net = dataclasses.replace(nets.NETS[0], model=tmp_path / "net.onnx")
    net.model.write_text("net")
    careless = Careless("Careless", "int8")
    careless.prepare(net)
    assert net.model.read_text() == "net" and (careless.folder(net) / "source.onnx").read_text() == "other\n"


@long_test
def test_peers_are_timed(tmp_path):
    shared("data", "models", "fastestdet.onnx")
    out = tmp_path / "figures.json"
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    done = subprocess.run([sys.executable, PEERS / "run", "--rounds", "1", "--nets", "FastestDet", "--peers", "onnxruntime", "--json", out, "--markdown", page],
                          capture_output=True, text=True, timeout=1800, env={**os.environ, "HALFTONE_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    names = {"ONNX Runtime float", "ONNX Runtime int8", "Halftone int8"}
    assert {engine["name"] for engine in document["engines"] if not engine["missing"]} == names and not document["failures"]
    assert [(net["name"], net["missing"]) for net in document["nets"]] == [("FastestDet", None)]
    visits = {(visit["engine"], visit["threads"], visit["amx"]) for visit in document["visits"]}
    assert visits == {(name, threads, amx) for name in names for threads in (1, 2) for amx in document["amx"]}
    assert all(visit["median_ms"] > 0.05 and visit["load_ms"] > visit["median_ms"] / 2 and visit["peak_bytes"] > 1e6 and visit["runs"] >= 20
               for visit in document["visits"])
    for entry in document["ratios"]:
        assert entry["ratio"] == pytest.approx(entry["ours_ms"] / entry["best_ms"]) and entry["goal"] == 0.6
    assert page.read_text() == f"before\n{BEGIN}{done.stdout}{END}after\n"
