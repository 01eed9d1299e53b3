# SPDX-License-Identifier: Apache-2.0
"""What the tests of an installed terminal share: how one is had, and how it is said how each test ended.

A test file is a module test_*.py of this directory; tools/check-system starts each in mount and process namespaces of its
own. A TestCase's class has one terminal, `shop`, where Likeness is installed; it is gone after the class.
"""

import os
import tempfile
import unittest

from terminal import tap
from shop import Shop

# Set by tools/check-system.
TREE = os.environ.get("LIKENESS_TEST_TREE", "")                 # of a terminal without Likeness
INSTALLED = os.environ.get("LIKENESS_TEST_INSTALLED", "")       # what installing it added, a layer
SCRATCH = os.environ.get("LIKENESS_TEST_SCRATCH", "")
BUILD = os.environ.get("LIKENESS_TEST_BUILD", "")
SOURCE = os.environ.get("LIKENESS_TEST_SOURCE", "")
PACKAGES = os.environ.get("LIKENESS_TEST_PACKAGES", "")         # a directory with what is installed


def boot(installed=True, kind=Shop):
    """A terminal, started; close() it. With installed=False one on which there is nothing of Likeness yet."""
    layers = [INSTALLED, TREE] if installed else [TREE]
    return kind(tempfile.mkdtemp(dir=SCRATCH), *layers).boot()


class TestCase(unittest.TestCase):
    """`prepare` sets up the class's terminal; the default is a shop that is ready, with a camera."""
    maxDiff = None
    shop = None
    installed = True

    @classmethod
    def prepare(cls):
        cls.shop.set_up()
        cls.shop.connect_camera()
        cls.shop.wait_served()

    @classmethod
    def setUpClass(cls):
        cls.shop = boot(cls.installed)
        try:
            cls.prepare()
        except BaseException:
            cls.shop.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.shop.close()

    def verdict(self, expected, **more):
        """One verification that must end so; its answer."""
        answer = self.shop.verify(**more)
        self.assertEqual(answer.verdict, expected, answer)
        return answer

    def closed_as(self, cause, before):
        """The one check since there were `before` entries: that it was closed once, without a verdict, and why."""
        new = self.shop.ledger()[before:]
        opened = [claims["sequence"] for claims in new if claims["entry"] == "opened"][0]
        closed = [claims for claims in new if claims["entry"] == "closed" and claims["opening"] == opened]
        self.assertEqual([(claims["cause"], claims.get("verdict")) for claims in closed], [(cause, None)])


def run_module(name, word=None):
    """All tests of a test file, or those with a word in their name."""
    module = __import__(name)
    suite = unittest.TestSuite()
    for case in vars(module).values():
        if not (isinstance(case, type) and issubclass(case, TestCase) and case.__module__ == name):
            continue
        tests = [test for test in unittest.defaultTestLoader.loadTestsFromTestCase(case)
                 if not word or word in test.id()]
        if tests:
            suite.addTest(unittest.TestSuite(tests))
    suite.run(tap.Result())
