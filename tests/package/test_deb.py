#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what it needs and holds, whether Debian's checker finds anything, whether the same tree gives the
same bytes. arguments: BUILD-DIRECTORY SOURCE-DIRECTORY [TEST…]"""

import re
import shutil
import tempfile
import unittest

import package


def list_of(name):
    """A list of packages in packaging/debian/control, without versions and substitutions."""
    text = re.search(rf"^{name}: (.*?)(?=^\S|\Z)", package.read("packaging/debian/control"),
                     re.MULTILINE | re.DOTALL)[1]
    return {word.split()[0] for word in text.replace("\n", " ").split(",") if word.strip() and "$" not in word}


def is_binary(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Lists(unittest.TestCase):
    def test_one_list_of_packages(self):
        self.assertEqual(list_of("Build-Depends") - {"debhelper-compat"}, package.packages("build") - {"debhelper"})
        self.assertEqual(list_of("Depends"), package.packages("run"))

    def test_one_version(self):
        version = re.search(r"^    version: '(.*)',", package.read("meson.build"), re.MULTILINE)[1]
        self.assertEqual(package.read("packaging/debian/changelog").split("\n")[0].split()[1], f"({version})")


class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deb = package.make_deb()

    def test_lintian_finds_nothing(self):
        result = package.run("lintian", "--fail-on", "error,warning,pedantic", "--pedantic", "--info",
                             self.deb.replace(".deb", ".changes"), check=False)
        found = [line for line in result.stdout.splitlines() if re.match(r"[EWP]: ", line)]
        self.assertEqual(found, [], result.stdout)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_every_override_has_a_reason(self):
        lines = package.read("packaging/debian/likeness.lintian-overrides").splitlines()
        for before, line in zip([""] + lines, lines):
            if not line.startswith("#"):
                self.assertTrue(before.startswith("#") or before.split()[:2] == line.split()[:2], line)

    def test_what_it_holds(self):
        paths = package.contents(self.deb)
        for path in ("/usr/bin/likenessctl", "/usr/libexec/likeness/likenessd", "/usr/libexec/likeness/likeness-examiner",
                     "/usr/libexec/likeness/likeness-keyring", "/usr/libexec/likeness/likeness-courier",
                     "/usr/share/likeness/manifest", "/usr/share/bash-completion/completions/likenessctl",
                     "/usr/share/man/man1/likenessctl.1.gz",
                     "/usr/share/man/man5/likeness.conf.5.gz", "/usr/share/man/man8/likenessd.8.gz",
                     "/usr/share/polkit-1/actions/org.likeness.verifier1.policy",
                     "/usr/share/dbus-1/system.d/org.likeness.Verifier1.conf"):
            self.assertIn(path, paths)
        for path, (mode, size) in paths.items():
            self.assertNotRegex(mode, "[sS]", path)                     # nobody's rights but the caller's
            self.assertNotRegex(path, r"\.(onnx|bin|avi|jpe?g|png)$")   # neither weights nor pictures
            self.assertNotRegex(path, r"^/(etc|home|root|tmp|var|run|usr/local)/.")
            if path.startswith("/usr/share/likeness/models/"):
                self.fail(f"{path} is for the package of models")

    def test_programs_are_hardened_and_stripped(self):
        with tempfile.TemporaryDirectory() as root:
            package.run("dpkg-deb", "--extract", self.deb, root)
            programs = [root + path for path, (mode, size) in package.contents(self.deb).items()
                        if path.startswith(("/usr/bin/", "/usr/libexec/")) and "x" in mode and mode[0] == "-"]
            programs = [path for path in programs if is_binary(path)]
            self.assertEqual(len(programs), 5)
            for program in programs:
                said = package.run("readelf", "--wide", "--file-header", "--dynamic", "--program-headers", "--sections",
                                   "--symbols", program).stdout
                self.assertRegex(said, r"Type: +DYN \(Position-Independent Executable", program)
                self.assertRegex(said, r"\(FLAGS_1\) .*\bNOW\b", program)
                self.assertIn("GNU_RELRO", said, program)
                self.assertRegex(said, r"GNU_STACK .* RW +0x", program)
                self.assertIn("__stack_chk_fail", said, program)
                self.assertRegex(said, r"__(\w+)_chk@", program)
                self.assertNotIn(".debug_info", said, program)
                self.assertNotIn(".symtab", said, program)

    def test_an_upgrade_stops_before_and_restarts_after(self):
        """Restarts: a caller may have had the old version started again while files changed."""
        scripts = tempfile.TemporaryDirectory()
        self.addCleanup(scripts.cleanup)
        package.run("dpkg-deb", "--control", self.deb, scripts.name + "/control")
        script = {}
        for name in ("preinst", "postinst", "prerm"):
            with open(f"{scripts.name}/control/{name}") as file:
                script[name] = file.read()
        for unit in ("likenessd.service", "likeness-examiner.socket", "likeness-decoder.socket", "likeness-keyring.socket"):
            self.assertRegex(script["preinst"], rf"(?s)= upgrade \].*\bstop\b.*{unit}")
            self.assertRegex(script["postinst"], rf"_dh_action=restart(?s:.*)\$_dh_action\b.*'{unit}'")
            self.assertRegex(script["prerm"], rf"= remove \](?s:.*)\bstop\b.*'{unit}'")
        self.assertIn("deb-systemd-invoke try-restart 'likeness-courier.service'", script["postinst"])

    def test_same_tree_same_bytes(self):
        """Elsewhere, later, and by the first build of this test."""
        with tempfile.TemporaryDirectory() as elsewhere:
            again = package.run(package.SOURCE + "/tools/make-deb", "--output=" + elsewhere).stdout.split()[-1]
            with open(self.deb, "rb") as first, open(again, "rb") as second:
                self.assertTrue(first.read() == second.read(), package.run("cmp", self.deb, again, check=False).stdout)

    def test_another_version(self):
        with tempfile.TemporaryDirectory() as root:
            deb = package.make_deb("--version=0.1.0+test")
            self.assertEqual(package.fields(deb)["Version"], "0.1.0+test")
            package.run("dpkg-deb", "--extract", deb, root)
            self.assertEqual(package.run(root + "/usr/bin/likenessctl", "--version").stdout, "likenessctl 0.1.0+test\n")


if __name__ == "__main__":
    package.main()
