# SPDX-License-Identifier: Apache-2.0
"""Runs ONNX's own node tests, and holds the pages that tell of them against the run."""
import numpy as np
import pytest

import foreign
import node_tests
import operators


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return node_tests.outcomes(tmp_path_factory.mktemp("nodes"))


def test_none_is_wrong(outcomes):
    wrong = [f"{name}: {outcome.reason}" for name, (_, outcome) in outcomes.items() if outcome.state == "wrong"]
    assert not wrong, "\n".join([f"{len(wrong)} cases are computed wrongly:", *wrong])


def test_nine_of_ten_pass(outcomes):
    known = [(case, outcome) for case, outcome in outcomes.values() if outcome.state != "unknown"]
    main = [(case, outcome) for case, outcome in known if node_tests.is_main(case)]
    refused = "\n".join(f"  {case.name}: {outcome.reason}" for case, outcome in main if outcome.state == "refused")
    print(f"\nall: {node_tests.report(outcomes.values())}\nwith the main types: {node_tests.report(main)}\nrefused of these:\n{refused}")
    passed = sum(outcome.state == "passed" for _, outcome in main)
    assert passed >= 0.9 * len(main), f"{passed} of {len(main)} pass; refused:\n{refused}"


def test_integers_of_quantized_operators(halftone, tmp_path):
    """They run in the session."""
    found = list(node_tests.quantized())
    assert len(found) >= 5
    for name, model, feed, wanted in found:
        got = next(iter(foreign.run(halftone, model, feed, tmp_path / name).values()))
        np.testing.assert_array_equal(got, wanted, err_msg=name)


def test_refusals_say_why_in_one_line(outcomes):
    for name, (_, outcome) in outcomes.items():
        if outcome.state == "refused":
            assert 20 < len(outcome.reason) < 400, f"{name}: {outcome.reason}"


def test_the_pages_are_up_to_date(outcomes, tmp_path):
    page, readme = operators.PAGE.read_text(), operators.README.read_text()
    assert page == operators.page(outcomes, tmp_path), f"out of date: run {operators.COMMAND}"
    assert readme == operators.with_figures(readme, operators.summary(operators.listed(), outcomes)), f"out of date: run {operators.COMMAND}"
