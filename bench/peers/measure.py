# SPDX-License-Identifier: Apache-2.0
"""Everything that is measured, as the document that `run --json` writes: rounds in which each engine has its turn at each net."""
import itertools
import statistics
import subprocess

import engines
from environments import Missing, python, run
from folders import HERE, MADE
from machine import about, cpu_field, say
from nets import RANDOM, WRITER


def launchers():
    """What stands before a command, by what happens to AMX."""
    if "amx_int8" not in cpu_field("flags").split():
        return {"absent": []}
    MADE.mkdir(parents=True, exist_ok=True)
    refuse = MADE / "refuse_amx"
    subprocess.run(["cc", "-O2", "-o", refuse, HERE / "refuse_amx.c"], check=True)
    return {"allowed": [], "refused": [refuse]}


def make_net(net):
    """The model, where it is one with random weights, and what is put in."""
    if net.lacks:
        raise Missing(", ".join(f"{path} is not there" for path in net.lacks))
    place = engines.inputs(net).parent
    place.mkdir(parents=True, exist_ok=True)
    if not net.model.exists():
        say("writing the nets with random weights")
        RANDOM.mkdir(parents=True, exist_ok=True)
        run([python("nets"), WRITER], RANDOM / "log.txt", WRITER.name, cwd=RANDOM)
    run([python("nets"), HERE / "make_inputs.py", net.model, engines.inputs(net), *net.inputs], place / "inputs.log", "no inputs")


def reason(call, *arguments):
    """Why a call cannot be done; none where it was."""
    try:
        call(*arguments)
    except Missing as missing:
        return str(missing)
    return None


def take_turns(pairs, failures, ways, threads, rounds):
    """All visits; an engine that fails at a net is not asked again."""
    visits = []
    for turn, amx, count, (net, engine) in itertools.product(range(1, rounds + 1), ways, threads, pairs):
        if failures[net, engine]:
            continue
        try:
            figures = engine.time(net, count, ways[amx])
        except Missing as missing:
            failures[net, engine] = str(missing)
            continue
        say(f"round {turn}, AMX {amx}, threads {count}, {net.name}: {engine.name} {figures['median_ms']:.2f} ms")
        visits.append({"round": turn, "amx": amx, "threads": count, "net": net.name, "engine": engine.name, **figures})
    return visits


def measure(nets, peers, threads, rounds):
    chosen, failures, ways = [*peers, engines.OURS], {}, launchers()
    document = {**about(), "rounds": rounds, "amx": list(ways)}
    document["nets"] = [{"name": net.name, "goal": net.goal, "missing": reason(make_net, net)} for net in nets]
    document["engines"] = [{"name": engine.name, "versions": engine.versions, "missing": reason(engine.install)} for engine in chosen]
    pairs = [(net, engine) for net, about in zip(nets, document["nets"]) for engine, state in zip(chosen, document["engines"])
             if not about["missing"] and not state["missing"]]
    for net, engine in pairs:
        say(f"{net.name}: {engine.name} gets its model")
        failures[net, engine] = reason(engine.prepare, net)
    visits = document["visits"] = take_turns(pairs, failures, ways, threads, rounds)
    document["failures"] = [{"net": net.name, "engine": engine.name, "reason": why} for (net, engine), why in failures.items() if why]
    document["ratios"] = [ratio(visits, net, amx, count, chosen) for amx in ways for count in threads for net in nets]
    return document


def median(visits, key, **where):
    """Of the rounds; none where nothing was measured."""
    values = [visit[key] for visit in visits if all(visit[name] == value for name, value in where.items())]
    return statistics.median(values) if values else None


def ratio(visits, net, amx, threads, chosen):
    """Ours over the best peer's."""
    where = {"net": net.name, "amx": amx, "threads": threads}
    times = {engine.name: median(visits, "median_ms", engine=engine.name, **where) for engine in chosen}
    ours = times.pop(engines.OURS.name)
    times = {name: value for name, value in times.items() if value is not None}
    best = min(times, key=times.get, default=None)
    return {**where, "ours_ms": ours, "best_peer": best, "best_ms": times.get(best), "goal": net.goal,
            "ratio": ours / times[best] if ours is not None and best else None}
