# SPDX-License-Identifier: Apache-2.0
"""Where everything lies."""
import os
from pathlib import Path

COMMON = Path(__file__).resolve().parent
ROOT = COMMON.parents[1]
SHARED = ROOT.parent / "shared"
STREET = ROOT / "examples" / "street"
BUILD = Path(os.environ.get("HALFTONE_BUILD", ROOT / "build" / "release")).resolve()
ENVIRONMENTS = ROOT / "build" / "environments"
PEERS = ROOT / "bench" / "peers"
ACCURACY = Path(os.environ.get("HALFTONE_ACCURACY", ROOT / "build" / "accuracy")).resolve()  # what bench/accuracy makes
