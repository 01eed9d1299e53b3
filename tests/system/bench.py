# SPDX-License-Identifier: Apache-2.0
"""Measures the installed package in a container: from a call to a stopped service to its answer, and from a call to its
verdict. Prints one JSON object a line, as tests/bench does. A benchmark, not a test: nothing is asserted.

The caller is a program of the bench's own, without a start to be waited for: a connection of the container's bus as the
clerk, from outside its files but among its processes."""

import json
import os
import statistics
import subprocess
import sys
import time

STARTS, CHECKS = 20, 6                  # CHECKS for each of PEOPLE
PEOPLE = ("person01", "person02", "person03", "person04", "person05")
LIMITS = "\n[Limits]\nTerminalAttemptsPerHour=1000\nOperatorAttemptsPerHour=1000\n"
SEALS = 0x1 | 0x2 | 0x4 | 0x8


def show(name, values, unit="ms"):
    values = sorted(values)
    print(json.dumps({"name": name, "unit": unit, "n": len(values), "median": round(statistics.median(values), 2),
                      "p95": round(values[min(len(values) - 1, int(0.95 * len(values)))], 2),
                      "max": round(values[-1], 2)}), flush=True)


class Caller:
    """The part that is among the container's processes; it reads what to measure and writes milliseconds."""

    def __init__(self, shop):
        uid, gid = shop.identity("clerk")
        self.process = subprocess.Popen(
            ["nsenter", "--target", str(shop.leader), "--pid", "/usr/bin/python3", "-B", os.path.realpath(__file__),
             shop.root + "/run/dbus", str(uid), str(gid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        answer = self.process.stdout.readline().split()
        if not answer:
            raise SystemExit("bench: the caller ended")
        return float(answer[0]), answer[1]

    def close(self):
        self.process.communicate("")


def caller(directory, uid, gid):
    import gi
    gi.require_version("Gio", "2.0")
    from gi.repository import Gio, GLib

    # the way there is root's alone
    os.chdir(directory)
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    bus = Gio.DBusConnection.new_for_address_sync("unix:path=system_bus_socket", flags, None, None)

    def call(interface, method, body, fds=None):
        began = time.monotonic()
        reply, _ = bus.call_with_unix_fd_list_sync("org.likeness.Verifier1", "/org/likeness/Verifier1", interface, method,
                                                   body, None, Gio.DBusCallFlags.NONE, 60000, fds, None)
        return (time.monotonic() - began) * 1e3, reply.unpack()[0]

    for line in sys.stdin:
        what = line.strip()
        if what == "start":
            took, _ = call("org.freedesktop.DBus.Properties", "GetAll", GLib.Variant("(s)", ("org.likeness.Verifier1",)))
            print(took, "served", flush=True)
            continue
        request = {"document": GLib.Variant("s", "passport"), "challenge": GLib.Variant("s", "none"),
                   "reference": GLib.Variant("h", 0)}
        for key in ("nonce", "transaction", "notice"):
            request[key] = GLib.Variant("s", os.urandom(16).hex())
        request["transaction"] = GLib.Variant("s", "sale-" + os.urandom(4).hex())
        fds = Gio.UnixFDList.new_from_array([sealed(what)])
        print(*call("org.likeness.Verifier1", "Verify", GLib.Variant("(a{sv})", (request,)), fds), flush=True)


def sealed(path):
    import fcntl

    fd = os.memfd_create("reference", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as file:
        os.write(fd, file.read())
    fcntl.fcntl(fd, 1033, SEALS)        # F_ADD_SEALS
    return fd


def measure():
    import harness
    from shop import CONFIGURATION, data

    shop = harness.boot()
    shop.set_up(CONFIGURATION + LIMITS)
    shop.write("/etc/polkit-1/rules.d/40-bench.rules", "polkit.addRule(function(action, subject) { return subject.user == "
               "\"clerk\" ? polkit.Result.YES : polkit.Result.NOT_HANDLED; });\n")
    shop.drop_in("likenessd.service", "[Unit]\nStartLimitIntervalSec=0\n")
    shop.connect_camera("person01-live.avi")
    shop.wait_served()
    client = Caller(shop)

    def stop():
        shop.run("root", "systemctl", "stop", "likenessd.service")

    starts, checks = [], []
    for _ in range(STARTS):
        stop()
        starts.append(client.ask("start")[0])
    show("cold start, installed: first call to answer", starts)
    show("served call, installed", [client.ask("start")[0] for _ in range(STARTS)])

    for person in PEOPLE:
        shop.connect_camera(f"{person}-live.avi")
        shop.wait_served()
        mine = [client.ask(data(f"{person}-portrait.jpg")) for _ in range(CHECKS)]
        show(f"call-to-verdict, installed, {person} ({mine[0][1]})", [took for took, _ in mine])
        checks += [took for took, _ in mine]
    show("call-to-verdict, installed", checks)

    cold = []
    for _ in range(CHECKS):
        stop()
        cold.append(client.ask(data(f"{PEOPLE[-1]}-portrait.jpg"))[0])
    show(f"call-to-verdict, installed, service stopped before, {PEOPLE[-1]}", cold)
    client.close()
    shop.close()


if __name__ == "__main__":
    caller(*sys.argv[1:])
