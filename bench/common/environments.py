# SPDX-License-Identifier: Apache-2.0
"""A virtual environment for each requirements file, so that engines cannot get into each other's way."""
import os
import shutil
import signal
import subprocess
import sys

from paths import COMMON, ENVIRONMENTS, ROOT


class Missing(Exception):
    """Something cannot be had, and why."""


def run(command, log, what, timeout=1800, **options):
    """Keeps all output in a file; the last line of it is the reason where the command fails."""
    with open(log, "w+") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options)
        try:
            status = process.wait(timeout)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as stop:
            os.killpg(process.pid, signal.SIGKILL)  # with what it started itself
            process.wait()
            if isinstance(stop, KeyboardInterrupt):
                raise
            raise Missing(f"{what} within {timeout} s") from None
        output.seek(0)
        if status:
            lines = [line.strip() for line in output if line.strip()]
            raise Missing(f"{what}: {lines[-1][:200] if lines else f'exit status {status}'}; {log.relative_to(ROOT)}")


def listed(name):
    """The requirement files of an environment."""
    return [path for path in (COMMON / "requirements" / f"{name}.txt", COMMON / "requirements" / f"{name}.no-deps.txt") if path.exists()]


def versions(name):
    """The packages that an environment is there for."""
    lines = "\n".join(path.read_text() for path in listed(name)).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def python(name):
    """The interpreter of an environment, which is installed where it is not, or not as its files say."""
    place = ENVIRONMENTS / name
    executable, stamp, wanted = place / "bin" / "python", place / "installed.txt", "\n".join(versions(name))
    if stamp.exists() and stamp.read_text() == wanted:
        return executable
    print(f"installing {', '.join(versions(name))}", file=sys.stderr)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    log, pip = place.with_suffix(".log"), [executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([sys.executable, "-m", "venv", place], log, "no virtual environment")
    for path in listed(name):
        run([*pip, *(["--no-deps"] if path.name.endswith(".no-deps.txt") else []), "-r", path], log, f"{path.name} cannot be installed")
    stamp.write_text(wanted)
    return executable
