#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""likenessctl against a scripted service on a private bus: every way in which a call can end.

Starts itself a second time inside tools/private-bus: arguments: BUILD-DIRECTORY SOURCE-DIRECTORY."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import unittest

MATCH, OTHER, USAGE, FAILED = 0, 1, 2, 3
ERROR = "org.likeness.Verifier1.Error."


def likenessctl(*arguments, **more):
    return subprocess.run(["likenessctl", *arguments], capture_output=True, text=True, timeout=30, **more)


def verify(script, *arguments, **more):
    return likenessctl("verify", "--transaction", script, *arguments, **more)


def answer(result):
    """The one JSON object on stdout."""
    assert result.stdout.count("\n") == 1, result.stdout
    return json.loads(result.stdout)


class Verdicts(unittest.TestCase):
    def test_match(self):
        result = verify("match", "--json")
        self.assertEqual(result.returncode, MATCH, result.stderr)
        self.assertEqual(answer(result), {"verdict": "match", "reasons": [], "receipt": "", "binding": False,
                                          "duration": 800000, "support-code": "TEST-0001"})
        self.assertEqual(result.stderr, "Please look at the [2Jcamera.\nThank you. Just a moment.\n")

    def test_plain(self):
        result = verify("unusable")
        self.assertEqual(result.returncode, OTHER)
        self.assertIn("reference-unusable: the portrait cannot be used", result.stdout)
        self.assertIn("no face in the portrait: check that", result.stdout)
        self.assertIn("0.8 s", result.stdout)
        self.assertIn("TEST-0001", result.stdout)
        self.assertIn("not binding", result.stdout)
        self.assertEqual(result.stderr, "")

    def test_other_verdict(self):
        self.assertEqual(verify("no-match").returncode, OTHER)

    def test_unknown_fields_and_words(self):
        result = verify("future", "--json")
        self.assertEqual(result.returncode, OTHER)
        self.assertEqual(answer(result), {"verdict": "postponed", "reasons": ["too-dark", "moon-phase"],
                                          "attempt": 4000000000, "delta": -5, "big": 2.0 ** 64, "ratio": 0.5,
                                          "support-code": "\033[2JX"})
        self.assertNotIn("\033", verify("future").stdout)

    def test_nobody_else_speaks_for_the_session(self):
        result = verify("forged", "--json")
        self.assertEqual(answer(result)["verdict"], "no-match")
        self.assertEqual(result.returncode, OTHER)


class Request(unittest.TestCase):
    def received(self, *arguments, **more):
        result = verify("receive", "--json", *arguments, **more)
        return dict(entry.split("=", 1) for entry in answer(result)["received"])

    def test_everything(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 12345)
            file.flush()
            self.assertEqual(
                self.received("--reference", file.name, "--document", "passport", "--challenge", "light",
                              "--nonce", "n" * 22, "--operator", "o1", "--pace", "relaxed", "--locale", "ko_KR.UTF-8",
                              "--notice", "privacy@3"),
                {"reference": "12345 bytes, sealed", "document": "passport", "challenge": "light", "nonce": "n" * 22,
                 "transaction": "receive", "operator": "o1", "pace": "relaxed", "locale": "ko_KR.UTF-8",
                 "notice": "privacy@3"})

    def test_defaults(self):
        environment = {"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": os.environ["DBUS_SYSTEM_BUS_ADDRESS"]}
        self.assertEqual(self.received(env=environment), {"document": "auto", "transaction": "receive"})
        environment["LANG"] = "ko_KR.UTF-8"
        self.assertEqual(self.received(env=environment)["locale"], "ko_KR.UTF-8")
        environment["LC_ALL"] = "C"
        self.assertNotIn("locale", self.received(env=environment))


class Failures(unittest.TestCase):
    def check(self, script, error, *arguments):
        result = verify(script, "--json", *arguments)
        self.assertEqual(result.returncode, FAILED, result)
        self.assertEqual(answer(result)["error"], error)
        plain = verify(script, *arguments)
        self.assertEqual(plain.returncode, FAILED)
        self.assertTrue(plain.stderr.startswith("likenessctl: "), plain.stderr)
        return plain.stderr

    def test_refusals(self):
        self.assertIn("A verification is running.", self.check("busy", ERROR + "Busy"))
        said = self.check("denied", "org.freedesktop.DBus.Error.AccessDenied")
        self.assertIn("group likeness-operators", said)
        self.assertIn("/etc/polkit-1/rules.d/50-likeness-operators.rules", said)

    def test_error_after_begin(self):
        self.assertIn("The camera went away", self.check("lost", ERROR + "CameraLost"))

    def test_time_out(self):
        for script in ("wait", "deaf", "silent"):
            self.assertIn("within 1 s", self.check(script, "org.freedesktop.DBus.Error.Timeout", "--timeout=1"))

    def test_no_bus(self):
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        result = verify("match", env=environment)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("system bus cannot be reached at unix:path=/nonexistent", result.stderr)

    def interrupted(self, script, number):
        process = subprocess.Popen(["likenessctl", "verify", "--json", "--transaction", script], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stderr.readline()       # the first prompt: the session runs
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
        self.assertEqual(process.returncode, FAILED)
        self.assertEqual(json.loads(output)["error"], ERROR + "Cancelled")

    def test_interrupted(self):
        for script, number in (("wait", signal.SIGINT), ("deaf", signal.SIGINT), ("wait", signal.SIGTERM)):
            self.interrupted(script, number)


class References(unittest.TestCase):
    def refused(self, path, words):
        result = verify("receive", "--json", "--reference", path)
        self.assertEqual(result.returncode, USAGE, result)
        self.assertEqual(answer(result)["error"], ERROR + "BadReference")
        self.assertIn(words, answer(result)["message"])

    def test_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkfifo(directory + "/fifo")
            open(directory + "/empty", "w").close()
            with open(directory + "/large", "w") as file:
                file.truncate(8 * 1024 * 1024 + 1)
            self.refused(directory, "is a directory")
            self.refused(directory + "/fifo", "not a regular file")
            self.refused("/dev/zero", "not a regular file")
            self.refused(directory + "/empty", "is empty")
            self.refused(directory + "/large", "more than 8 MiB")
            self.refused(directory + "/nothing", "No such file")

    def test_largest(self):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(8 * 1024 * 1024)
            self.assertEqual(verify("match", "--reference", file.name).returncode, MATCH)


class Terminal(unittest.TestCase):
    def test_one_line_is_rewritten(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp("likenessctl", ["likenessctl", "verify", "--transaction", "match"])
        output = b""
        while select.select([terminal], [], [], 20)[0]:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            if not part:
                break
            output += part
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), MATCH)
        lines = output.decode().replace("\r\n", "\n").split("\n")
        self.assertEqual(lines[0].split("\r\033[K"),
                         ["", "  0 %  Please look at the [2Jcamera.", " 40 %  Please look at the [2Jcamera.",
                          "100 %  Thank you. Just a moment.", "match: the live person is the person of the portrait"])


class Examples(unittest.TestCase):
    """The documentation's programs, as they are printed there."""

    def check(self, *command):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"a picture")
            file.flush()
            result = subprocess.run([*command, file.name], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.strip(), "match")

    def test_c(self):
        self.check(os.environ["LIKENESS_TEST_BUILD"] + "/tests/bus/example-verify")

    def test_python(self):
        if subprocess.run([sys.executable, "-c", "import gi"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("python3-gi is not installed")
        self.check(sys.executable, os.environ["LIKENESS_TEST_SOURCE"] + "/docs/examples/verify.py")


class Status(unittest.TestCase):
    def test_status(self):
        result = likenessctl("status")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("0.0-scripted", result.stdout)
        self.assertIn("00ff", result.stdout)
        self.assertEqual(json.loads(likenessctl("status", "--json").stdout),
                         {"Version": "0.0-scripted", "Models": {"detector": "00ff"}})


class ZEnd(unittest.TestCase):
    """Last, because nobody answers afterwards."""

    def test_service_ends(self):
        result = verify(os.environ["LIKENESS_TEST_END"], "--json")
        self.assertEqual(result.returncode, FAILED)
        self.assertEqual(answer(result)["error"], "org.freedesktop.DBus.Error.NoReply")
        for command in (["verify"], ["status"]):
            result = likenessctl(*command)
            self.assertEqual(result.returncode, FAILED)
            self.assertIn("systemctl start likenessd", result.stderr)


def main():
    build, source = sys.argv[1:3]
    if os.geteuid() != 0:
        print("skipped: a private bus needs root")
        return 77
    for end, tests in (("die-early", []), ("die", ["ZEnd"])):
        status = subprocess.run(
            [source + "/tools/private-bus", "--build-dir=" + build,
             f"--likenessd={build}/tests/bus/scripted-likenessd", "--examiner=/bin/false", "--",
             sys.executable, os.path.realpath(__file__), "--inside", *tests],
            env={**os.environ, "LIKENESS_TEST_END": end, "LIKENESS_TEST_BUILD": build,
                 "LIKENESS_TEST_SOURCE": source}).returncode
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        del sys.argv[1]
        unittest.main(verbosity=2)
    sys.exit(main())
