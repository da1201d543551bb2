# SPDX-License-Identifier: Apache-2.0
"""Types of options that the benches share."""
import argparse
from pathlib import Path


def names(known):
    """Some of these names, with commas between them."""
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no '{name}', only {', '.join(known)}")
        return chosen

    return parse


def page(begin):
    """A file with the markers, which had better be found before hours of measuring."""
    def parse(text):
        if begin not in Path(text).read_text():
            raise argparse.ArgumentTypeError(f"{text} has no line {begin.strip()}")
        return Path(text)

    return parse
