#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/install-models with a manifest of its own and a stand-in for curl. argument: SOURCE-DIRECTORY"""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest

CURL = """#!/bin/sh
# writes the address itself to --output, as if it were the file there
while [ $# -gt 1 ]; do [ "$1" = --output ] && output=$2; shift; done
printf %s "$1" > "$output"
"""


class InstallModels(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = scratch.name
        self.source, self.target = self.place + "/source", self.place + "/deep/target"
        os.mkdir(self.source)
        self.write("source/a.onnx", "first")
        self.write("source/b.onnx", "second")
        self.manifest("a.onnx", "first", "b.onnx", "second")

    def write(self, name, text):
        with open(f"{self.place}/{name}", "w") as file:
            file.write(text)

    def manifest(self, *files, upstream="https://example.com/"):
        """`files`: a name, the contents that the hash is of, a name, …"""
        sections = (f"[{name[0]}]\nFile={name}\nSHA256={hashlib.sha256(text.encode()).hexdigest()}\n"
                    f"Upstream={upstream}{name}\nCalibration=x 1\nCalibration=y 2\n"
                    for name, text in zip(files[::2], files[1::2]))
        self.write("manifest", "# a comment\n" + "".join(sections))

    def run_installer(self, *arguments):
        return subprocess.run([SOURCE + "/tools/install-models", "--manifest", self.place + "/manifest", "--target",
                               self.target, *arguments], capture_output=True, text=True,
                              env={**os.environ, "PATH": self.place + "/bin:" + os.environ["PATH"]})

    def installed(self):
        contents = {}
        for name in os.listdir(self.target):
            with open(f"{self.target}/{name}") as file:
                contents[name] = file.read()
        return contents

    def test_licences(self):
        self.assertEqual(self.run_installer(self.source).returncode, 0)
        with open(self.place + "/manifest", "a") as file:
            file.write("Licence=MIT\nLicenceFile=MIT_LICENSE\n")
        said = self.run_installer(self.source).stdout
        self.assertIn(f"needs the text of its licence (MIT) as {self.target}/licenses/MIT_LICENSE", said)
        os.mkdir(self.source + "/licenses")
        self.write("source/licenses/MIT_LICENSE", "text")
        self.assertIn("licenses/MIT_LICENSE installed", self.run_installer(self.source).stdout)
        with open(self.target + "/licenses/MIT_LICENSE") as file:
            self.assertEqual(file.read(), "text")
        self.assertNotIn("licen", self.run_installer(self.source).stdout)

    def test_from_directory(self):
        self.assertEqual(self.run_installer(self.source).returncode, 0)
        self.assertEqual(self.installed(), {"a.onnx": "first", "b.onnx": "second"})
        self.assertEqual(os.stat(self.target + "/a.onnx").st_mode & 0o777, 0o644)

        os.unlink(self.source + "/a.onnx")      # not needed: it is there already
        self.assertIn("is there already", self.run_installer(self.source).stdout)

    def test_altered_source(self):
        self.write("source/b.onnx", "altered")
        result = self.run_installer(self.source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("b: b.onnx is another file than the manifest names", result.stderr)
        self.assertEqual(self.installed(), {"a.onnx": "first"})

    def test_altered_target_is_replaced(self):
        self.run_installer(self.source)
        self.write("deep/target/a.onnx", "damaged")
        self.assertEqual(self.run_installer(self.source).returncode, 0)
        self.assertEqual(self.installed()["a.onnx"], "first")

    def test_missing_source(self):
        os.unlink(self.source + "/a.onnx")
        result = self.run_installer(self.source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("a.onnx does not exist", result.stderr)
        self.assertEqual(self.installed(), {"b.onnx": "second"})

    def test_download(self):
        os.mkdir(self.place + "/bin")
        self.write("bin/curl", CURL)
        os.chmod(self.place + "/bin/curl", 0o755)
        self.manifest("a.onnx", "https://example.com/a.onnx", "b.onnx", "something else")
        result = self.run_installer()
        self.assertEqual(result.returncode, 1)
        self.assertIn("b.onnx is another file", result.stderr)
        self.assertEqual(self.installed(), {"a.onnx": "https://example.com/a.onnx"})

    def test_only_https(self):
        self.manifest("a.onnx", "first", upstream="file:///etc/")
        result = self.run_installer()
        self.assertEqual(result.returncode, 1)
        self.assertIn("no Upstream= to download it from", result.stderr)

    def test_manifest_cannot_name_other_places(self):
        self.manifest("../a.onnx", "first")
        result = self.run_installer(self.source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("needs File= (no directory)", result.stderr)


if __name__ == "__main__":
    SOURCE = os.path.realpath(sys.argv.pop(1))
    unittest.main(verbosity=2)
