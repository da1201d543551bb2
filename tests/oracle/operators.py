# SPDX-License-Identifier: Apache-2.0
"""The operators that Halftone imports and what ONNX's node tests say of them. As a program it writes docs/OPERATORS.md and the figures in
README.md."""
import collections
import re
import subprocess
import tempfile
from pathlib import Path

import onnx

import node_tests
from places import ROOT, built

PAGE, README = ROOT / "docs" / "OPERATORS.md", ROOT / "README.md"
COMMAND = ".venv/bin/python tests/oracle/operators.py"
BEGIN, END = "<!-- tests/oracle/operators.py writes this -->", "<!-- end of the figures -->"
INTRODUCTION = """# Operators

The operators of ONNX that Halftone imports, from the importer's own table, and how ONNX's node tests (those of the package onnx {version}) fare
on the float executor: each test's model is imported, run, and compared with the values that come with the test.

- **opsets**: the versions of the operator set for which it is known.
- **computes in**: *int8* where a quantized model keeps it in integers, *float* where it runs in float between conversions, *import* where its
  result is known when the model is read. Two where it depends on attributes and types; none where no test has the operator alone.
- **passed, refused**: node tests in which the operator occurs. A test counts as passed with all of its inputs given at run time or, where that is
  refused, with all but the first as constants, as exported networks have their weights, shapes and axes; for operators whose result must be
  known at import, all. Integers with scales (QuantizeLinear and its kin) have tests of their own.

Shapes are static. NonZero and NonMaxSuppression give as many elements as the values make it, and Compress as many as its condition, so these must
be known at import: computed from constants and shapes, they are folded away; computed from the network's input, they are refused. A suppression at
the end of a detector is left to the detector's head ([INTERFACE.md](INTERFACE.md)).

`{command}` writes this page again.
"""


def listed():
    """{operator: [(first opset, last opset)]}; the last one is None where it is the newest."""
    done = subprocess.run([built("graph_probe"), "--operators"], capture_output=True, text=True, check=True, timeout=60)
    rows = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        name, since, until = line.split()
        rows[name].append((int(since), None if until == "now" else int(until)))
    return rows


def operators_of(case):
    return {node.op_type for node in case.model.graph.node if node.domain in ("", "ai.onnx")}


def arithmetic(outcomes, folder):
    """{operator: words}: in which numbers models of this operator alone can compute."""
    paths, names = [], []
    for case, outcome in outcomes.values():
        if outcome.state != "passed" or len(case.model.graph.node) != 1:
            continue
        first = {"run time": len(case.inputs), "parameters": 1, "constants": 0}[outcome.how]
        paths.append(folder / f"{case.name}.onnx")
        onnx.save(node_tests.fixed(case, first), paths[-1])
        names.append(case.model.graph.node[0].op_type)
    lines = "".join(f"{path}\n" for path in paths)
    done = subprocess.run([built("graph_probe"), "--arithmetic"], input=lines, capture_output=True, text=True, check=True, timeout=300)
    found = collections.defaultdict(set)
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        found[name].add(line)
    # What int8 and float compute is not known at import, even where a test's inputs are.
    return {name: ", ".join(sorted(words - {"import"}, reverse=True)) or "import" for name, words in found.items()}


def totals(outcomes):
    known = [(case, outcome) for case, outcome in outcomes.values() if outcome.state != "unknown"]
    count = lambda rows, state: sum(outcome.state == state for _, outcome in rows)  # noqa: E731
    main = [row for row in known if node_tests.is_main(row[0])]
    return {"run": len(known), **{state: count(known, state) for state in ("passed", "refused", "wrong")},
            "main": len(main), "main_passed": count(main, "passed")}


def summary(rows, outcomes):
    t = totals(outcomes)
    return (f"{len(rows)} operators of ONNX. Of its {t['run']} node tests that touch no others, {t['passed']} pass, {t['refused']} are refused with "
            f"a reason and {t['wrong']} are wrong; on tensors of float32, int64, int32 and bool {t['main_passed']} of {t['main']} pass.")


def spans(opsets):
    return ", ".join(f"{since}+" if until is None else f"{since}-{until}" if until > since else f"{since}" for since, until in opsets)


def matrix(rows, outcomes, words):
    counts = collections.defaultdict(collections.Counter)
    for case, outcome in outcomes.values():
        for name in operators_of(case):
            counts[name][outcome.state] += 1
    lines = ["| operator | opsets | computes in | passed | refused |", "|---|---|---|---|---|"]
    for name in sorted(rows):
        lines.append(f"| {name} | {spans(rows[name])} | {words.get(name, '-')} | {counts[name]['passed'] or '-'} | {counts[name]['refused'] or '-'} |")
    return "\n".join(lines)


def refusals(outcomes):
    """The reasons, each once, with the tests."""
    tests = collections.defaultdict(list)
    for name, (_, outcome) in outcomes.items():
        if outcome.state == "refused":
            tests[re.sub(r"node \S+ \(\w+\): ", "", outcome.reason)].append(name.removeprefix("test_"))
    lines = ["| reason | tests |", "|---|---|"]
    return "\n".join(lines + [f"| {reason.replace('|', '/')} | {', '.join(sorted(names))} |" for reason, names in sorted(tests.items())])


def page(outcomes, folder):
    rows = listed()
    return "\n".join([INTRODUCTION.format(version=onnx.__version__, command=COMMAND), summary(rows, outcomes), "",
                      matrix(rows, outcomes, arithmetic(outcomes, folder)), "", "## What is refused", "", refusals(outcomes), ""])


def with_figures(text, figures):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + figures + "\n" + END + rest.split(END)[1]


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        outcomes = node_tests.outcomes(folder / "nodes")
        PAGE.write_text(page(outcomes, folder))
    README.write_text(with_figures(README.read_text(), summary(listed(), outcomes)))


if __name__ == "__main__":
    main()
