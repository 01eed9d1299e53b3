#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures whole verifications on a private bus and prints one JSON object a line.

usage: bench.py BUILD-DIRECTORY [RUNS]        (as root; recordings from LIKENESS_DATA or ../shared/data)

A benchmark, not a test: nothing is asserted. Times are milliseconds from the call as likenessd saw it; "call-to-verdict"
is what a caller sees. CPU is the examiner's own, in milliseconds of one core, from the kernel's run-time counters.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
DATA = os.environ.get("LIKENESS_DATA") or os.path.join(os.path.dirname(SOURCE), "shared", "data")
PEOPLE = ("person01", "person02", "person03", "person04", "person05")
SEALS = 0x1 | 0x2 | 0x4 | 0x8
SAMPLE_SECONDS = 0.004

sys.path.insert(0, SOURCE + "/tools")

import control_groups


def processes(name, *without):
    """The ids of the processes whose program has this name and whose command line lacks these words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == name and not any(w in words for w in without):
            found.append(int(pid))
    return found


def status(pid, key):
    """A line of /proc/PID/status in KiB; 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return int(re.search(rf"^{key}:\s+(\d+)", f.read(), re.M).group(1))
    except (OSError, AttributeError):
        return 0


class Sampler(threading.Thread):
    """Follows the examiner's CPU time and peak memory while a verification runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.samples = []               # (time, CPU seconds)
        self.peak = 0
        self.stopped = threading.Event()

    def run(self):
        pid = None
        while not self.stopped.is_set():
            if pid is None:
                pids = processes("likeness-examiner", "--decode")
                pid = pids[0] if pids else None
            else:
                cpu = 0
                try:
                    for task in os.listdir(f"/proc/{pid}/task"):
                        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                            cpu += int(f.read().split()[0])
                    if cpu:
                        self.samples.append((time.monotonic(), cpu / 1e9))
                    self.peak = max(self.peak, status(pid, "VmHWM"))
                except OSError:
                    pass
            time.sleep(SAMPLE_SECONDS)

    def cpu_at(self, when):
        """CPU seconds used until then."""
        before = [cpu for t, cpu in self.samples if t <= when]
        return before[-1] if before else 0.0


def sealed(path):
    import fcntl
    fd = os.memfd_create("reference", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as f:
        os.write(fd, f.read())
    fcntl.fcntl(fd, 1033, SEALS)        # F_ADD_SEALS
    return fd


def verify_once(bus, portrait):
    from gi.repository import Gio, GLib
    fd = sealed(portrait)
    fds = Gio.UnixFDList.new_from_array([fd])
    request = GLib.Variant("(a{sv})", ({"document": GLib.Variant("s", "passport"),
                                        "challenge": GLib.Variant("s", "none"),
                                        "reference": GLib.Variant("h", 0)},))
    sampler = Sampler()
    sampler.start()
    began = time.monotonic()
    reply, _ = bus.call_with_unix_fd_list_sync("org.likeness.Verifier1", "/org/likeness/Verifier1",
                                               "org.likeness.Verifier1", "Verify", request, None,
                                               Gio.DBusCallFlags.NONE, 60000, fds, None)
    ended = time.monotonic()
    sampler.stopped.set()
    sampler.join()
    return began, ended, reply.unpack()[0], sampler


def inside(clip, portrait, runs):
    """Runs beside likenessd: one line of raw measurements a verification."""
    import gi
    gi.require_version("Gio", "2.0")
    from gi.repository import Gio
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    daemon = processes("likenessd")[0]
    idle = status(daemon, "VmRSS")

    for _ in range(runs):
        began, ended, verdict, sampler = verify_once(bus, portrait)
        time.sleep(0.05)                # the log's line is written after the answer
        with open(os.environ["LIKENESS_LOG"], errors="replace") as f:
            line = [text for text in f if ": timing:" in text][-1]
        times = {k: int(v) for k, v in re.findall(r" ([a-z-]+)=(\d+)", line)}
        frames = times["frames-captured"]
        cpu = sampler.cpu_at(began + times["last-frame"] / 1e6) - sampler.cpu_at(began + times["first-frame"] / 1e6)
        print(json.dumps({"clip": clip, "verdict": verdict, "call-to-verdict": (ended - began) * 1e3,
                          "frames": frames, "cpu": cpu * 1e3, "examiner-cpu-before-first-frame":
                          sampler.cpu_at(began + times["first-frame"] / 1e6) * 1e3,
                          "examiner-peak": sampler.peak, "daemon-idle": idle,
                          "daemon-after": status(daemon, "VmRSS"), "daemon-peak": status(daemon, "VmHWM"),
                          "times": times}), flush=True)


def run_clip(build, person, runs, *options):
    clip = f"{DATA}/camera/{person}-live.avi"
    command = [f"{SOURCE}/tools/private-bus", f"--build-dir={build}", f"--face-camera={clip}", *options,
               "--", "/usr/bin/python3", os.path.realpath(__file__), "--inside", person,
               f"{DATA}/camera/{person}-portrait.jpg", str(runs)]
    done = subprocess.run(command, env={**os.environ, "LIKENESS_LOG_LEVEL": "debug"}, stdout=subprocess.PIPE,
                          text=True)
    if done.returncode != 0:
        sys.exit(f"bench: the verification of {person} failed")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def show(name, values, unit):
    values = sorted(values)
    print(json.dumps({"name": name, "unit": unit, "n": len(values), "median": round(statistics.median(values), 2),
                      "p95": round(values[min(len(values) - 1, int(0.95 * len(values)))], 2),
                      "max": round(values[-1], 2)}), flush=True)


def part(runs, begin, end):
    return [(r["times"][end] - (r["times"][begin] if begin else 0)) / 1e3 for r in runs]


def main():
    build, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    if not os.path.isdir(f"{DATA}/camera"):
        sys.exit("bench: no recordings; set LIKENESS_DATA to the directory that holds camera/")

    rows = []
    for person in PEOPLE:
        mine = run_clip(build, person, runs)
        show(f"call-to-verdict {person} ({mine[0]['verdict']})", [r["call-to-verdict"] for r in mine], "ms")
        rows += mine

    show("call-to-verdict", [r["call-to-verdict"] for r in rows], "ms")
    show("authorisation", part(rows, None, "authorised"), "ms")
    show("opening entry", part(rows, "authorised", "opened"), "ms")
    show("examiner ready", part(rows, "opened", "examiner-ready"), "ms")
    show("models loaded (since opening)", part(rows, "opened", "models-loaded"), "ms")
    show("first frame (since opening)", part(rows, "opened", "first-frame"), "ms")
    show("last frame needed (since first)", part(rows, "first-frame", "last-frame"), "ms")
    show("findings after last frame", part(rows, "last-frame", "findings"), "ms")
    show("processes seen gone, after findings", part(rows, "findings", "processes-gone"), "ms")
    show("closing entry and answer", part(rows, "processes-gone", "closed"), "ms")
    show("frames captured", [r["frames"] for r in rows], "frames")
    show("examiner CPU per captured frame", [r["cpu"] / r["frames"] for r in rows if r["frames"]], "ms")
    show("examiner CPU before first frame", [r["examiner-cpu-before-first-frame"] for r in rows], "ms")
    show("examiner peak resident", [r["examiner-peak"] / 1024 for r in rows], "MiB")
    show("likenessd resident when idle", [r["daemon-idle"] / 1024 for r in rows], "MiB")
    show("likenessd resident after a check", [r["daemon-after"] / 1024 for r in rows], "MiB")
    show("likenessd peak resident", [r["daemon-peak"] / 1024 for r in rows], "MiB")

    if control_groups.why_not():
        print(f"bench: no figure with control groups: {control_groups.why_not()}", file=sys.stderr)
        return
    rows = run_clip(build, PEOPLE[0], 2 * runs, "--control-groups")
    show("processes seen gone, after findings, by control groups", part(rows, "findings", "processes-gone"), "ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif len(sys.argv) < 2:
        sys.exit(__doc__)
    else:
        main()
