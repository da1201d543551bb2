# SPDX-License-Identifier: Apache-2.0
"""Where the comparison with peers lies, and what it makes."""
from pathlib import Path

HERE = Path(__file__).resolve().parent
MADE = HERE.parents[1] / "build" / "peers"
