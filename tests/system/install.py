# SPDX-License-Identifier: Apache-2.0
"""Installs the packages on a terminal that has nothing of Likeness and no network, as an administrator would.

What it added to the file system is kept as a layer on which all other tests begin; what was seen is kept beside it, for
test_install.py to judge."""

import json
import os
import shutil
import subprocess
import tempfile

import harness
from terminal import Failed, Terminal

SEEN = "seen.json"


def packages(directory, *parts):
    """The .deb files of a directory, as they are in the terminal."""
    return ["/root/" + name for name in sorted(os.listdir(directory)) if name.endswith(".deb")
            and all(part in name for part in parts)]


def make_layer(layer):
    """Returns when `layer` is there; raises Refused if terminals cannot be had on this machine."""
    scratch = tempfile.mkdtemp(dir=harness.SCRATCH)
    terminal = Terminal(scratch, harness.TREE).boot()
    try:
        seen = install(terminal)
        if seen["status"] != 0:
            raise Failed("\n".join(seen["said"].splitlines()[-20:]))
        terminal.power_off()
        terminal.close()
        shutil.rmtree(layer, ignore_errors=True)
        # what was running is not part of what is installed
        for path in ("/root", "/var/log/journal"):
            shutil.rmtree(terminal.upper + path, ignore_errors=True)
        with open(f"{scratch}/{SEEN}", "w") as file:
            json.dump(seen, file)
        os.makedirs(os.path.dirname(layer), exist_ok=True)
        shutil.copy(f"{scratch}/{SEEN}", f"{layer}.{SEEN}")
        subprocess.run(["cp", "--archive", terminal.upper, layer + ".new"], check=True)
        os.rename(layer + ".new", layer)
    finally:
        terminal.close()
        shutil.rmtree(scratch, ignore_errors=True)


def install(terminal):
    for name in os.listdir(harness.PACKAGES):
        if name.endswith(".deb"):
            terminal.copy(f"{harness.PACKAGES}/{name}", "/root/" + name)
    seen = {"network": terminal.shell("root", "cat /proc/net/dev").stdout,
            "files-before": terminal.files(),
            "users-before": terminal.read("/etc/passwd")}
    done = terminal.run("root", "apt-get", "install", "--yes", "--no-install-recommends", *packages(harness.PACKAGES), timeout=300, check=False,
                        environment={"DEBIAN_FRONTEND": "noninteractive"})
    seen.update({"status": done.returncode, "said": done.stdout + done.stderr,
                 "failed-units": terminal.shell("root", "systemctl list-units --failed --plain --no-legend").stdout,
                 "journal": terminal.shell("root", "journalctl --boot --no-pager").stdout,
                 "files-after": terminal.files(),
                 "users-after": terminal.read("/etc/passwd")})
    return seen


def seen():
    with open(f"{harness.INSTALLED}.{SEEN}") as file:
        return json.load(file)
