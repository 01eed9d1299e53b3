#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/examples/likeness.conf says every setting, with its default. arguments: BUILD-DIRECTORY SOURCE-DIRECTORY"""

import re
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = sys.argv[1:3]


def settings(path):
    result = subprocess.run([BUILD + "/client/likenessctl/likenessctl", "config", "check", path], capture_output=True,
                            text=True)
    assert result.returncode == 0, result
    return result.stdout


class Example(unittest.TestCase):
    def setUp(self):
        with open(SOURCE + "/docs/examples/likeness.conf", encoding="utf-8") as file:
            self.text = file.read()

    def test_as_it_is_it_changes_nothing(self):
        self.assertEqual(settings(SOURCE + "/docs/examples/likeness.conf"), settings("/dev/null"))

    def test_every_setting_with_its_default(self):
        defaults = re.sub(r"(?m)^Name=.*$", "Name=", settings("/dev/null"))
        lines = [line.lstrip("#") for line in self.text.splitlines() if re.match(r"#\w+=|\[", line)]
        self.assertEqual(lines, [line for line in defaults.splitlines() if line])

    def test_its_lines_can_be_used(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(re.sub(r"(?m)^#(\w+=.)", r"\1", self.text))
            file.flush()
            self.assertEqual(settings(file.name), settings("/dev/null"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
