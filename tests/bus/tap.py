# SPDX-License-Identifier: Apache-2.0
"""The Test Anything Protocol for the tests that run inside of something, a terminal say: each says at once how it ended."""

import time
import unittest

MOST_LINES = 40                         # at the beginning and the end of what is said about a failure


def eventually(condition, seconds, pause=0.02):
    """Waits for a condition, and looks every `pause` seconds; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(pause)


def say(line):
    print(line, flush=True)


def comment(text):
    lines = text.splitlines()
    for line in lines if len(lines) <= 2 * MOST_LINES else lines[:MOST_LINES] + ["…"] + lines[-MOST_LINES:]:
        say("# " + line)


class Result(unittest.TestResult):
    """What goes wrong while a class of tests is set up or taken down counts as a test of its own."""

    def startTest(self, test):
        super().startTest(test)
        self.problems, self.skipped_because, self.began = [], None, time.monotonic()

    def addError(self, test, err):
        text = self._exc_info_to_string(err, test)
        if isinstance(test, unittest.TestCase):
            self.problems.append(text)
        else:
            say(f"not ok - {test.id()}")
            comment(text)

    def addFailure(self, test, err):
        self.addError(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.problems.append(subtest._subDescription() + "\n" + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        self.skipped_because = reason

    def stopTest(self, test):
        super().stopTest(test)
        name = ".".join(test.id().split(".")[-2:])
        took = f"({time.monotonic() - self.began:.1f} s)"
        if self.problems:
            say(f"not ok - {name} {took}")
            comment("\n".join(self.problems))
        elif self.skipped_because:
            say(f"ok - {name} # SKIP {self.skipped_because}")
        else:
            say(f"ok - {name} {took}")
