# SPDX-License-Identifier: Apache-2.0
"""What an administrator gets by installing two packages on a terminal without a network."""

import install
from harness import TestCase


class Install(TestCase):
    @classmethod
    def prepare(cls):
        cls.seen = install.seen()

    def test_without_a_network(self):
        interfaces = [line.split(":")[0].strip() for line in self.seen["network"].splitlines()[2:]]
        self.assertEqual(interfaces, ["lo"])
        self.assertEqual(self.seen["status"], 0, self.seen["said"])
        self.assertEqual(self.seen["failed-units"], "")
