# SPDX-License-Identifier: Apache-2.0
"""The document of figures as Markdown."""
from tables import begins, grid, number

BEGIN = begins("bench/accuracy/run")


def interval(mean, ends, digits=2):
    return "-" if ends is None else f"{mean:.{digits}f} [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


def decibels(outputs):
    """Of the worst output to the best; an output without noise is the best of all."""
    values = [output["snr_db"] for output in outputs]
    heard = [value for value in values if value is not None]
    if not heard:
        return "-"
    least, most = min(heard), max(heard)
    return f"{least:.1f}" if round(least, 1) == round(most, 1) else f"{least:.1f} to {most:.1f}"


def kilobytes(bytes_):
    return number(bytes_ / 1e3, 0)


def detector_row(row):
    found = row["validation"]
    return [row["title"], number(100 * found["quantized"]["AP"]), number(found["drop"]), interval(found["drop_mean"], found["drop_interval"])]


def classifier_row(row):
    found = row["validation"]
    ends = [100 * end for end in found["agreement_interval"]]
    return [row["title"], number(100 * found["quantized"]["top1"], 1), number(found["drop"], 1), interval(100 * found["agreement"], ends, 1)]


def costs(row):
    peak = row["peak_bytes"]
    return [decibels(row["held_out"]), "-" if row["float_nodes"] is None else str(row["float_nodes"]), number(row["seconds"], 1),
            number(peak and peak / 1e6, 0), kilobytes(row["bytes"])]


def section(model, rows):
    if not rows:
        return ""
    found = rows[0]["validation"]
    metric, heading = ("AP", ["AP", "drop", "mean [95 %]"]) if model["detects"] else ("top1", ["top-1", "drop", "same class [95 %]"])
    float_metric = interval(100 * found["float"][metric], [100 * end for end in found["float_interval"]])
    text = f"### {model['name']}\n\nFloat model: {heading[0]} {float_metric} on {found['images']} samples, {kilobytes(model['bytes'])} kB; "
    text += f"calibration {number(next((row['calibration_seconds'] for row in rows if row['calibration_seconds']), None), 1)} s.\n\n"
    make = detector_row if model["detects"] else classifier_row
    return text + grid([["configuration", *heading, "outputs, dB", "float nodes", "s", "peak, MB", "kB"], *([*make(row), *costs(row)] for row in rows)])


def missing(document):
    lines = [f"- {model['name']}: missing ({model['missing']})" for model in document["models"] if model["missing"]]
    lines += [f"- {failure['model']}, {failure['title']}: missing ({failure['reason']})" for failure in document["failures"]]
    return "\n".join(lines) + "\n" if lines else ""


def markdown(document):
    about = [f"{document['date']}, {document['cpu']}, {document['cpus']} processors", f"{document['resamples']} resamples",
             *([f"the first {document['limit']} samples alone"] if document["limit"] else []), *(line.replace("==", " ") for line in document["versions"])]
    parts = ["; ".join(about) + ".\n"]
    parts += [section(model, [row for row in document["rows"] if row["model"] == model["name"]]) for model in document["models"] if not model["missing"]]
    return "\n".join(filter(None, [*parts, missing(document)]))
