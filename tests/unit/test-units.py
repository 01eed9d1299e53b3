#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The unit files as they are installed: systemd understands them without a word, and `systemd-analyze security` gives
no service more than 1.0. arguments: BUILD-DIRECTORY SOURCE-DIRECTORY LIBEXECDIR
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

EXPOSURE_MAX = 10       # tenths

# What the units of ours refer to and what is not ours.
OTHERS = {"systemd-journald@.socket": "[Socket]\nListenStream=/run/%i\n",
          "systemd-journald@.service": "[Service]\nExecStart=/bin/true\n"}


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.directory = cls.scratch.name
        for path in glob.glob(BUILD + "/units/*.service") + glob.glob(SOURCE + "/units/*.s[lo]*[te]"):
            shutil.copy(path, cls.directory)
        cls.units = sorted(os.listdir(cls.directory))
        cls.services = [name for name in cls.units if name.endswith(".service")]

    def test_all_are_here(self):
        self.assertEqual(self.services, ["likeness-courier.service", "likeness-decoder@.service",
                                         "likeness-examiner@.service", "likeness-key-setup.service",
                                         "likeness-keyring@.service", "likenessd.service"])
        self.assertEqual(len([name for name in self.units if name.endswith((".socket", ".slice"))]), 6)

    def test_exposure(self):
        for name in self.services:
            with self.subTest(name):
                done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                                       f"--threshold={EXPOSURE_MAX}", f"{self.directory}/{name}"],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn("Overall exposure level", done.stdout)

    def test_systemd_understands_them(self):
        """Their programs stand where they are installed, here below a directory of the test."""
        with tempfile.TemporaryDirectory() as place:
            for name in self.units:
                text = self.text(name)
                with open(f"{place}/{name}", "w") as file:
                    file.write(text.replace(f"={LIBEXECDIR}/", f"={place}/"))
            for program in set(re.findall(f"={LIBEXECDIR}/([a-z-]+)", self.all_text())):
                shutil.copy("/bin/true", f"{place}/{program}")
            for name, text in OTHERS.items():
                with open(f"{place}/{name}", "w") as file:
                    file.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes",
                                   *[f"{place}/{name.replace('@.', '@1.')}" for name in self.units]],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env={**os.environ, "SYSTEMD_UNIT_PATH": f"{place}:"})
            said = [line for line in done.stdout.splitlines() if "likeness" in line]
            self.assertEqual((done.returncode, said), (0, []), done.stdout)

    def all_text(self):
        return "".join(self.text(name) for name in self.units)

    def test_the_bus_activates_likenessd(self):
        with open(SOURCE + "/units/org.likeness.Verifier1.service") as file:
            activation = file.read()
        self.assertIn("SystemdService=likenessd.service\n", activation)
        self.assertIn("\nBusName=org.likeness.Verifier1\n", self.text("likenessd.service"))

    def text(self, name):
        with open(f"{self.directory}/{name}") as file:
            return file.read()

    def test_who_sees_a_face_or_a_key_has_no_swap_and_no_core(self):
        for name in self.services:
            if name != "likeness-courier.service":
                self.assertIn("\nMemorySwapMax=0\n", self.text(name), name)
                self.assertIn("\nLimitCORE=0\n", self.text(name), name)

    def test_sockets_are_likenessds_alone(self):
        for name in self.units:
            if name.endswith(".socket"):
                text = self.text(name)
                for line in ("SocketUser=likeness", "SocketGroup=likeness", "SocketMode=0600", "Accept=yes"):
                    self.assertIn(f"\n{line}\n", text, name)
                self.assertRegex(text, r"\nMaxConnections=[1-9]\n", name)


def main():
    done = subprocess.run(["sh", "-c", "systemd-analyze --version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    version = re.match(r"systemd (\d+)", done.stdout)
    if not version or int(version[1]) < 252:
        print("skipped: there is no systemd-analyze of systemd 252 or later")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])


BUILD, SOURCE, LIBEXECDIR = sys.argv[1:4]
main()
