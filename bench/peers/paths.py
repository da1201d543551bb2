# SPDX-License-Identifier: Apache-2.0
"""Where everything lies."""
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared"
STREET = ROOT / "examples" / "street"
BUILD = Path(os.environ.get("HALFTONE_BUILD", ROOT / "build" / "release")).resolve()
MADE = ROOT / "build" / "peers"
