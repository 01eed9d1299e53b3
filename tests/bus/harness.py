# SPDX-License-Identifier: Apache-2.0
"""What the tests of the real daemon on a real private bus share.

A test file ends with `harness.main()` and is started as `test_x.py BUILD-DIRECTORY SOURCE-DIRECTORY`. It starts itself
again inside tools/private-bus, once for every different `terminal` (private-bus's options) that its test cases ask for,
and says in the Test Anything Protocol how each single test ended.
"""

import importlib
import os
import subprocess
import sys
import unittest

import tap
from tap import say
from testdata import data

NAME = "org.likeness.Verifier1"
PATH = "/org/likeness/Verifier1"
SESSION = NAME + ".Session"
ERROR = NAME + ".Error."
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NO_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"

PLACE = "/run/private-bus"
CLIP = PLACE + "/face-camera.avi"
STATE = PLACE + "/state"

# Longer than any check takes, also with sanitizers on a busy machine: a test that waits so long has failed anyway.
PATIENCE = 60


def build_directory():
    return os.environ["LIKENESS_TEST_BUILD"]


def source_directory():
    return os.environ["LIKENESS_TEST_SOURCE"]


def models_directory():
    return os.environ["LIKENESS_MODELS"]


def file_of(content, name):
    """A file inside the private terminal that its services may read."""
    path = f"{PLACE}/{name}"
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o644)
    return path


def why_no_mock():
    if not os.path.exists(build_directory() + "/tests/pipeline/v4l2-mock"):
        return "there is no v4l2-mock; install libumockdev-dev and umockdev"
    return None


class Terminal:
    """How private-bus is to be started for a test case, and what has to be made for it before: `prepare` is called
    outside, with a scratch directory, and returns the options (with a recording, unless it names one). `why_not` says
    why there can be none here, or None. With `cameras`, the environment of tests/pipeline's v4l2-mock, these are all
    that the terminal has, and no recording stands in for them."""

    def __init__(self, *options, clip="person01-live.avi", prepare=None, why_not=lambda: None, cameras=None):
        self.options, self.clip, self.prepare, self.why_not = list(options), clip, prepare, why_not
        self.cameras = cameras
        if cameras is not None:
            self.clip = None
            self.why_not = lambda: why_not() or why_no_mock()

    def mock(self):
        if self.cameras is None:
            return []
        place = build_directory() + "/tests/pipeline/"
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        environment = {"MOCK_CAMERA_CLIP": data("person01-live.avi"), **self.cameras, "ASAN_OPTIONS": sanitizer,
                       "LD_PRELOAD": f"libumockdev-preload.so.0:{place}mock-shim.so"}
        return ["env", *(f"{name}={value}" for name, value in environment.items()), place + "v4l2-mock"]

    def command(self, scratch):
        options = self.options + (self.prepare(scratch) if self.prepare else [])
        return [*self.mock(), source_directory() + "/tools/private-bus", "--build-dir=" + build_directory(),
                "--models=" + models_directory(), *([f"--face-camera={data(self.clip)}"] if self.clip else []),
                *options]


class TestCase(unittest.TestCase):
    terminal = Terminal()
    maxDiff = None

    def setUp(self):
        services = importlib.import_module("services")
        self.assertTrue(services.likenessd(), "likenessd has ended")
        if not services.polkitd() and not services.owned("org.freedesktop.PolicyKit1"):
            # on a terminal the bus would start it when it is asked next
            say("# polkitd has ended; it is started again")
            services.start_polkitd()
        services.wait_idle()


def eventually(condition, seconds=PATIENCE):
    """Waits for a condition that needs no message of the bus; its last value."""
    return tap.eventually(condition, seconds)


def cases(module):
    """The test cases of a test file in its order."""
    return [case for case in vars(module).values()
            if isinstance(case, type) and issubclass(case, TestCase) and case.__module__ == module.__name__ and
            unittest.defaultTestLoader.getTestCaseNames(case)]


def run_inside(module, names):
    for case in cases(module):
        if case.__name__ not in names:
            continue
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        if os.environ.get("LIKENESS_TEST_ONLY"):
            tests = unittest.TestSuite(t for t in tests if os.environ["LIKENESS_TEST_ONLY"] in t.id())
        tests.run(tap.Result())
    say("# end")


class Numbered:
    """Relays the inside's lines with numbers."""

    def __init__(self):
        self.count = 0

    def relay(self, line):
        for word in ("ok ", "not ok "):
            if line.startswith(word):
                self.count += 1
                line = f"{word}{self.count} " + line[len(word):]
        say(line)


def why_not():
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "a private bus needs root"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        return "a private bus needs namespaces of its own (in a container: --privileged)"
    for name, place in (("LIKENESS_DATA", "data"), ("LIKENESS_MODELS", "models")):
        os.environ.setdefault(name, os.path.realpath(f"{source_directory()}/../shared/{place}"))
        if not os.path.isdir(os.environ[name]):
            return f"{name} names no directory: {os.environ[name]}"
    for module in ("gi", "PIL"):
        try:
            importlib.import_module(module)
        except ImportError:
            return f"the package python3-{module.lower()} is missing"
    return None


def run_outside(module):
    import tempfile

    build, source = (os.path.realpath(path) for path in sys.argv[1:3])
    os.environ.update(LIKENESS_TEST_BUILD=build, LIKENESS_TEST_SOURCE=source)
    reason = why_not()
    if reason:
        say(f"1..0 # SKIP {reason}")
        return
    if len(sys.argv) > 3:               # by hand: only tests with this in their name
        os.environ["LIKENESS_TEST_ONLY"] = sys.argv[3]

    terminals = {}
    for case in cases(module):
        terminals.setdefault(case.terminal, []).append(case.__name__)
    numbered = Numbered()
    for terminal, names in terminals.items():
        if terminal.why_not():
            numbered.relay(f"ok - {'+'.join(names)} # SKIP {terminal.why_not()}")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            os.chmod(scratch, 0o755)
            run_terminal(terminal.command(scratch), module, names, numbered)
    say(f"1..{numbered.count}")


def run_terminal(command, module, names, numbered):
    """One terminal, from start to end; that it was taken down in order and that no sanitizer complained is a test."""
    file = os.path.realpath(module.__file__)
    ended = False
    with subprocess.Popen([*command, "--", "/usr/bin/python3", "-B", file, "--inside", *names],
                          stdout=subprocess.PIPE, text=True) as terminal:
        for line in terminal.stdout:
            ended = ended or line == "# end\n"
            numbered.relay(line.rstrip("\n"))
    status = terminal.returncode
    numbered.relay(("ok" if ended and status == 0 else "not ok") + f" - {'+'.join(names)}: the terminal ended in order")
    if not ended or status != 0:
        say(f"# private-bus exited with status {status}" + ("" if ended else ", before the tests had ended"))


def main():
    module = sys.modules["__main__"]
    if sys.argv[1:2] == ["--inside"]:
        run_inside(module, sys.argv[2:])
    else:
        run_outside(module)
