# SPDX-License-Identifier: Apache-2.0
"""The document of measure.py as Markdown."""
from measure import median
from tables import begins, grid, number

BEGIN = begins("bench/peers/run")
MEMORY_NET = "YOLOX-nano"


def how(amx, threads):
    return f"{threads} thread{'s' if threads > 1 else ''}" + {"allowed": ", AMX allowed", "refused": ", AMX refused", "absent": ""}[amx]


def latencies(document, amx, threads):
    ratios = [entry for entry in document["ratios"] if entry["amx"] == amx and entry["threads"] == threads]
    engines = [engine["name"] for engine in document["engines"] if not engine["missing"]]

    def cell(engine, entry):
        value = number(median(document["visits"], "median_ms", net=entry["net"], engine=engine, amx=amx, threads=threads))
        return f"**{value}**" if engine == entry["best_peer"] else value

    timed = [entry for entry in ratios if entry["ours_ms"] is not None or entry["best_ms"] is not None]
    rows = [["ms", *(entry["net"] for entry in timed)], *([engine, *(cell(engine, entry) for entry in timed)] for engine in engines),
            ["ours / best peer", *(number(entry["ratio"]) for entry in timed)], ["goal", *(number(entry["goal"]) for entry in timed)]]
    return f"### {how(amx, threads)}\n\n" + grid(rows)


def load_and_memory(document):
    threads, amx = document["visits"][0]["threads"], document["visits"][0]["amx"]
    where = {"net": MEMORY_NET, "threads": threads, "amx": amx}
    rows = [["engine", "load, ms", "peak, MB"]]
    for engine in document["engines"]:
        load = median(document["visits"], "load_ms", engine=engine["name"], **where)
        if load is not None:
            rows.append([engine["name"], number(load, 0), number(median(document["visits"], "peak_bytes", engine=engine["name"], **where) / 1e6, 1)])
    return f"### Load time and memory, {MEMORY_NET}, {how(amx, threads)}\n\n" + grid(rows) if len(rows) > 1 else ""


def missing(document):
    lines = [f"- {about['name']}: missing ({about['missing']})" for about in document["nets"] + document["engines"] if about["missing"]]
    lines += [f"- {failure['engine']}, {failure['net']}: missing ({failure['reason']})" for failure in document["failures"]]
    return "\n".join(lines) + "\n" if lines else ""


def markdown(document):
    packages = sorted({package.replace("==", " ") for engine in document["engines"] for package in engine["versions"]})
    parts = [f"{document['date']}, {document['cpu']}, {document['cpus']} processors, load average {document['load_average']:.1f} before; "
             f"rounds: {document['rounds']}. {', '.join(packages)}.\n"]
    if document["visits"]:
        threads = sorted({visit["threads"] for visit in document["visits"]})
        parts += [latencies(document, amx, count) for amx in document["amx"] for count in threads]
        parts.append(load_and_memory(document))
    if "absent" in document["amx"]:
        parts.append("With AMX refused: not applicable, this processor has no AMX.\n")
    return "\n".join(filter(None, [*parts, missing(document)]))
