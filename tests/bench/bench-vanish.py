#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How long after its caller's end a check's examiner is gone, and with it the camera: prints one JSON object.

usage: bench-vanish.py BUILD-DIRECTORY [RUNS]     (as root; recordings from LIKENESS_DATA or ../shared/data)

A benchmark, not a test: nothing is asserted. Each caller is a process of its own that is killed at a moment of its own,
spread over the first second of a check.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
DATA = os.environ.get("LIKENESS_DATA") or os.path.join(os.path.dirname(SOURCE), "shared", "data")
PATIENCE = 10
# So long after its first sight an examiner may still load its libraries: it has no lifeline yet, nor picture or camera,
# and ends when it has come so far.
STARTING_SECONDS = 0.1


def processes(name):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                program = f.read().decode(errors="replace").split("\0")[0]
        except OSError:
            continue
        if os.path.basename(program) == name:
            found.append(pid)
    return found


def gone_after(portrait, moment):
    """Milliseconds from the kill until no examiner or decoder is left; None if there was none when it was killed."""
    caller = subprocess.Popen(["likenessctl", "verify", "--reference", portrait, "--document", "passport",
                               "--challenge", "none"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while not processes("likeness-examiner") and time.monotonic() - began < PATIENCE:
        time.sleep(0.005)
    time.sleep(moment)
    running = [f"/proc/{pid}" for pid in processes("likeness-examiner")]
    caller.kill()
    killed = time.monotonic()
    while any(map(os.path.exists, running)) and time.monotonic() - killed < PATIENCE:
        time.sleep(0.001)
    ended = time.monotonic()
    caller.wait()
    while processes("likeness-examiner"):
        time.sleep(0.01)
    return (ended - killed) * 1e3 if running else None


def inside(portrait, runs):
    source = random.Random(4)
    starting, working = [], []
    while len(starting) + len(working) < runs:
        moment = source.random()
        taken = gone_after(portrait, moment)
        if taken is not None:
            (starting if moment < STARTING_SECONDS else working).append(taken)
    show("caller killed to examiner gone, at work", working)
    show("caller killed to examiner gone, while it starts", starting)


def show(name, times):
    times.sort()
    if times:
        print(json.dumps({"name": name, "unit": "ms", "n": len(times), "median": round(statistics.median(times), 2),
                          "p95": round(times[int(0.95 * (len(times) - 1))], 2), "max": round(times[-1], 2)}))


def main():
    build, runs = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "100"
    if not os.path.isdir(f"{DATA}/camera"):
        sys.exit("bench: no recordings; set LIKENESS_DATA to the directory that holds camera/")
    sys.exit(subprocess.run([f"{SOURCE}/tools/private-bus", f"--build-dir={build}",
                             f"--face-camera={DATA}/camera/person01-live.avi", "--", "/usr/bin/python3", "-B",
                             os.path.realpath(__file__), "--inside", f"{DATA}/camera/person01-portrait.jpg",
                             runs]).returncode)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    elif len(sys.argv) < 2:
        sys.exit(__doc__)
    else:
        main()
