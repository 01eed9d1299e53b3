#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Measures what docs/fleet.md is computed from, and prints one JSON object a line: the bytes that a receipt takes in a
journal, and how fast the courier, systemd-journal-upload with systemd-journal-remote on loopback, and
`likenessctl ledger verify --journal` go. As root; in namespaces of its own, with the machinery of
tests/ledger/test-fleet.py.

usage: bench-fleet.py BUILD-DIRECTORY SOURCE-DIRECTORY [CHECKS]     (10,000 checks, 20,021 entries, unless told)

A benchmark, not a test: nothing is asserted."""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time

BUILD, SOURCE = (os.path.realpath(path) for path in sys.argv[1:3])
sys.argv[1:3] = BUILD, SOURCE
CHECKS = int(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[3].isdigit() else 10000


def fleet_module():
    spec = importlib.util.spec_from_file_location("fleet", f"{SOURCE}/tests/ledger/test-fleet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def say(name, **values):
    print(json.dumps({"bench": name, **values}), flush=True)


def used(directory):
    """Bytes that journal files have in use: they grow in steps of 8 MiB, and zeros follow what was written."""
    total = 0
    for name in os.listdir(directory):
        with open(f"{directory}/{name}", "rb") as file:
            total += len(file.read().rstrip(b"\0"))
    return total


def wait(condition, seconds=600):
    began = time.monotonic()
    while not condition() and time.monotonic() - began < seconds:
        time.sleep(0.02)
    return time.monotonic() - began


def core_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result.stdout


def cpu_of(pid):
    """Seconds of one core that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main():
    fleet = fleet_module()
    reason = fleet.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 0
    if "--inside" not in sys.argv:
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                               "private", sys.executable, "-B", os.path.realpath(__file__), BUILD, SOURCE, str(CHECKS),
                               "--inside"]).returncode
    fleet.make_world()
    ledger, state, collected = "/run/ledger", "/run/state", "/var/log/collected"
    os.makedirs(state)
    os.makedirs(collected)
    subprocess.run([f"{BUILD}/tests/ledger/make-ledger", ledger, str(CHECKS)], check=True)
    lines = []
    for name in sorted(n for n in os.listdir(ledger) if n.endswith(".jws")):
        with open(f"{ledger}/{name}") as file:
            lines += file.read().splitlines()
    entries, size = len(lines), sum(len(line) + 1 for line in lines)
    say("ledger", entries=entries, checks=CHECKS, bytes=size, **{"bytes-per-entry": round(size / entries)})

    journald = fleet.Journald("likeness")
    empty = used(journald.files)
    courier = subprocess.Popen([f"{BUILD}/daemon/courier/likeness-courier", f"--ledger={ledger}", f"--state={state}",
                                f"--socket={journald.path}"])
    position = lambda: os.path.exists(state + "/position") and int(open(state + "/position").read().split()[0])
    seconds = wait(lambda: position() == entries)
    time.sleep(1)
    with open(f"/proc/{courier.pid}/status") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    say("courier", entries=entries, seconds=round(seconds, 2), **{"entries-per-second": round(entries / seconds),
        "core-seconds": cpu_of(courier.pid), "memory-peak-kB": memory})
    stored = used(journald.files)
    say("journal", bytes=stored, **{"bytes-per-entry": round(stored / entries), "bytes-when-empty": empty})

    port = fleet.free_port()
    remote = subprocess.Popen([fleet.REMOTE, f"--listen-http=127.0.0.1:{port}", f"--output={collected}"],
                              stderr=subprocess.DEVNULL)
    time.sleep(1)
    began = time.monotonic()
    upload = subprocess.Popen([fleet.UPLOAD, f"--directory={journald.files}", f"--url=http://127.0.0.1:{port}",
                               "--save-state=/run/upload"], stderr=subprocess.DEVNULL)
    sent = received_bytes()
    last = lines[-1]
    tail = ["journalctl", f"--directory={collected}", "--output=cat", "--output-fields=LIKENESS_RECEIPT", "--lines=1"]
    wait(lambda: last in subprocess.run(tail, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout)
    seconds = time.monotonic() - began
    sent = received_bytes() - sent
    say("upload", entries=entries, seconds=round(seconds, 2), **{"entries-per-second": round(entries / seconds),
        "bytes-per-entry-on-the-wire": round(sent / entries), "upload-core-seconds": cpu_of(upload.pid),
        "remote-core-seconds": cpu_of(remote.pid)})
    stored = used(collected)
    say("collector", bytes=stored, **{"bytes-per-entry": round(stored / entries)})

    for process in (courier, upload, remote):
        process.terminate()
        process.wait()
    seconds, out = core_seconds([f"{BUILD}/client/likenessctl/likenessctl", "ledger", "verify",
                                 f"--journal={collected}", f"--keys={ledger}/keys.json", "--json"])
    say("verify-journal", entries=json.loads(out)["terminals"][0]["entries"], whole=json.loads(out)["whole"],
        **{"core-seconds": round(seconds, 2), "entries-per-core-second": round(entries / seconds)})
    return 0


def received_bytes():
    """What went over the loopback, in both directions as it is one interface: /proc/net/dev."""
    with open("/proc/net/dev") as file:
        return next(int(line.split()[1]) for line in file if line.strip().startswith("lo:"))


if __name__ == "__main__":
    sys.exit(main())
