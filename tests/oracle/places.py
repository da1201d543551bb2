# SPDX-License-Identifier: Apache-2.0
"""Where the tests find what they need."""
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HALFTONE_BUILD", ROOT / "build" / "release")).resolve()
STREET = ROOT / "examples" / "street"
MICRO = ROOT / "examples" / "micro"
SHARED = ROOT.parent / "shared"

long_test = pytest.mark.skipif(not os.environ.get("HALFTONE_FULL"), reason="long; ./check --full runs it")


def built(name):
    """A program of the build, which HALFTONE_BUILD names."""
    return BUILD / "bin" / name


def shared(*parts):
    """A file or folder of the measuring data beside the repository; skips the test where it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path
