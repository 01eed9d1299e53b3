#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/private-bus: exit statuses, certain take-down, an untouched host, and the two policies that it puts in force.

arguments: BUILD-DIRECTORY SOURCE-DIRECTORY"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PATIENCE = 30


def options(*more, likenessd=None):
    return [SOURCE + "/tools/private-bus", "--build-dir=" + BUILD,
            "--likenessd=" + (likenessd or BUILD + "/tests/bus/scripted-likenessd"), "--examiner=/bin/false", *more]


def run(*command, more=(), **arguments):
    return subprocess.run([*options(*more, **arguments), "--", *command], capture_output=True, text=True,
                          timeout=4 * PATIENCE)


def processes(word):
    """Command lines of this machine's processes that contain `word`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                line = file.read().replace("\0", " ")
        except OSError:
            continue
        if word in line and int(pid) != os.getpid():
            found.append(line)
    return found


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class Status(unittest.TestCase):
    def test_is_commands(self):
        self.assertEqual(run("true").returncode, 0)
        self.assertEqual(run("sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(run("sh", "-c", "kill -9 $$").returncode, 128 + 9)
        self.assertEqual(run("/nonexistent/program").returncode, 127)
        self.assertEqual(run("/etc/passwd").returncode, 126)

    def refused(self, words, *more, **arguments):
        result = run("true", more=more, **arguments)
        self.assertEqual(result.returncode, 125)
        self.assertIn(words, result.stderr.splitlines()[0])

    def test_refusals(self):
        self.refused("there is no user nosuch", "--as=nosuch")
        self.refused("there is no recording /nonexistent", "--face-camera=/nonexistent")
        self.refused("there is no build directory /nonexistent; run: make build", "--build-dir=/nonexistent")
        self.refused("not recognized", "--colour=red")
        self.refused("likenessd ended with status 1 before it was ready", likenessd="/bin/false")

    def test_unreadable_recording(self):
        with tempfile.NamedTemporaryFile() as file:     # mode 0600
            self.refused(f"likeness-examiner may not read {file.name}", "--face-camera=" + file.name)

    def test_needs_root(self):
        result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", *options(), "true"], text=True,
                                capture_output=True, cwd="/")
        self.assertNotEqual(result.returncode, 0)
        if "Permission denied" not in result.stderr:    # a checkout that only root may read
            self.assertIn("needs root", result.stderr)

    def test_sanitizer_report_is_a_failure(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
            file.write(f"#!/bin/sh\necho 'x.c:1:2: runtime error: shift exponent is too large' >&2\n"
                       f"exec {BUILD}/tests/bus/scripted-likenessd\n")
            file.flush()
            os.chmod(file.name, 0o755)
            os.link(file.name, file.name + ".run")      # a script that is open for writing cannot be run
        try:
            result = run("true", likenessd=file.name + ".run")
        finally:
            os.unlink(file.name + ".run")
        self.assertEqual(result.returncode, 125)
        self.assertIn("shift exponent", result.stderr)


class TakeDown(unittest.TestCase):
    def start(self, *command, before=()):
        mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
        process = subprocess.Popen([*before, *options(), "--", *command, mark], stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        self.assertTrue(processes(mark))
        return process, mark

    def test_signals(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process, mark = self.start("sh", "-c", "setsid sh -c 'sleep 1000; true' $0 & echo ready; wait")
            process.send_signal(number)
            status = process.wait(PATIENCE)
            self.assertEqual(status, -number if number == signal.SIGKILL else 128 + number)
            self.assertTrue(eventually(lambda: not processes(mark)), number)
            process.stdout.close()

    def test_a_command_that_does_not_listen(self):
        process, mark = self.start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGTERM)
        self.assertTrue(eventually(lambda: not processes(mark)))
        process.stdout.close()

    def test_parent_is_killed(self):
        process, mark = self.start("sh", "-c", "echo ready; sleep 1000", before=["sh", "-c", '"$@" & wait', "sh"])
        process.kill()
        process.wait()
        self.assertTrue(eventually(lambda: not processes(mark)))
        process.stdout.close()

    def test_what_the_command_leaves_behind(self):
        self.assertEqual(run("sh", "-c", "setsid sleep 1000 left-behind-$0 & exit 3", str(os.getpid())).returncode, 3)
        self.assertFalse(processes(f"left-behind-{os.getpid()}"))


class World(unittest.TestCase):
    def test_the_host_is_untouched(self):
        def host():
            with open("/etc/passwd") as passwd, open("/etc/group") as group, open("/proc/self/mounts") as mounts:
                return passwd.read(), group.read(), mounts.read(), os.path.exists("/run/private-bus")

        before = host()
        result = run("sh", "-c", "id clerk && ls /run/private-bus && touch /etc/polkit-1/rules.d/x /run/x")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(host(), before)
        self.assertFalse(os.path.exists("/etc/polkit-1/rules.d/x"))
        self.assertFalse(os.path.exists("/run/x"))

    def test_users(self):
        result = run("sh", "-c", "id -un; id -Gn; echo $HOME; stat -c '%U %a' /run/likeness/*.sock", more=["--as=clerk"])
        self.assertEqual(result.stdout, "clerk\nclerk likeness-operators\n/run/clerk\n" + 3 * "likeness 600\n")

    def test_configuration(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("[Verification]\nMode=enforce\n")
            file.flush()
            result = run("cat", "/run/private-bus/likenessd.conf", more=["--config=" + file.name])
        self.assertEqual(result.stdout, "[Verification]\nMode=enforce\n")


class Policies(unittest.TestCase):
    def answers(self, script, user):
        return run("sh", "-c", script, more=["--as=" + user])

    def test_bus(self):
        call = "busctl call org.likeness.Verifier1 /org/likeness/Verifier1 "
        for refused in ("org.example.Other Method", "org.freedesktop.DBus.Properties Set ssv org.likeness.Verifier1 "
                        "Version s x", "org.freedesktop.DBus.ObjectManager GetManagedObjects"):
            self.assertIn("Access denied", self.answers(call + refused, "nobody").stderr, refused)
        for allowed in ("org.freedesktop.DBus.Properties GetAll s org.likeness.Verifier1",
                        "org.freedesktop.DBus.Peer Ping", "org.freedesktop.DBus.Introspectable Introspect"):
            self.assertEqual(self.answers(call + allowed, "nobody").returncode, 0, allowed)

    def test_nobody_else_may_own_the_name(self):
        own = "gdbus call --system -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.RequestName " \
              "org.likeness.Verifier1 4"
        self.assertIn("not allowed to own", self.answers(own, "clerk").stderr)
        self.assertIn("not allowed to own", self.answers(own, "root").stderr)

    def test_polkit(self):
        script = "for a in verify decline diagnose ledger manage; do pkcheck --process $$ --action-id " \
                 "org.likeness.verifier1.$a 2>/dev/null; echo $a $?; done"
        expected = {"clerk": (0, 0, 2, 2, 2), "nobody": (2, 2, 2, 2, 2), "root": (0, 0, 0, 0, 0)}
        for user, answers in expected.items():
            lines = [f"{action} {answer}" for action, answer in
                     zip(("verify", "decline", "diagnose", "ledger", "manage"), answers)]
            self.assertEqual(self.answers(script, user).stdout.splitlines(), lines, user)


if __name__ == "__main__":
    BUILD, SOURCE = (os.path.realpath(path) for path in sys.argv[1:3])
    del sys.argv[1:3]
    if os.geteuid() != 0:
        print("skipped: a private bus needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
