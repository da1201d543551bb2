# SPDX-License-Identifier: Apache-2.0
"""Figures as Markdown, and their place in a page."""
END = "<!-- end of the figures -->\n"


def begins(program):
    """The line behind which a program's figures stand."""
    return f"<!-- {program} --markdown writes this -->\n"


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def grid(rows):
    """A table whose columns stand below each other as text, too."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


def write(path, begin, text):
    """Puts the figures between the markers of a page."""
    before, rest = path.read_text().split(begin)
    path.write_text(before + begin + text + END + rest.split(END)[1])
