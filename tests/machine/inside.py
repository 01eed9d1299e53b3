# SPDX-License-Identifier: Apache-2.0
"""Runs all tests of this directory, or those with a word in their name; tools/check-machine starts it in the machine
and shows what it says."""

import glob
import os
import sys
import time

TESTS = os.path.dirname(os.path.realpath(__file__))
SHARED = os.path.dirname(TESTS)
sys.path[:0] = [TESTS, SHARED + "/system"]
os.environ["LIKENESS_TEST_SHARED"] = SHARED

import harness
from terminal import tap


def main():
    with open(SHARED + "/word") as file:
        word = file.read()
    for path in sorted(glob.glob(TESTS + "/test_*.py")):
        name, began = os.path.basename(path)[:-len(".py")], time.monotonic()
        harness.run_module(name, word or None)
        tap.say(f"== {name}, {time.monotonic() - began:.0f} s")
    tap.say("# all tests ended")


if __name__ == "__main__":
    main()
