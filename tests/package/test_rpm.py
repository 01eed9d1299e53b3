#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The RPM package: it builds of the same tree, and installs the same files as the Debian package.
arguments: BUILD-DIRECTORY SOURCE-DIRECTORY [TEST…]"""

import re
import shutil
import subprocess
import tempfile
import unittest

import package

# Where the two systems want different things.
DEBIAN_ONLY = re.compile(r"/usr/share/lintian/|/usr/share/doc/likeness/(changelog\.gz|copyright)$")
RPM_ONLY = re.compile(r"/usr/lib/\.build-id|/usr/share/licenses/")


def normal(paths):
    """Whichever compresses manuals, and whether /lib is a link to /usr/lib."""
    return {re.sub(r"^/lib/", "/usr/lib/", re.sub(r"^(/usr/share/man/.*)\.gz$", r"\1", path)) for path in paths}


class Rpm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rpm = package.run(package.SOURCE + "/tools/make-rpm", "--output=" + package.BUILD + "/rpm").stdout.split()[-1]

    def query(self, *arguments):
        return subprocess.run(["rpm", "--query", "--package", *arguments, self.rpm], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def test_same_files_as_the_debian_package(self):
        listed = self.query("--queryformat", "[%{FILENAMES} %{FILEMODES:perms}\n]").splitlines()
        ours = {path for path, mode in (line.rsplit(" ", 1) for line in listed)
                if not mode.startswith("d") and not RPM_ONLY.match(path)}
        theirs = {path for path, (mode, _) in package.contents(package.make_deb()).items()
                  if not mode.startswith("d") and not DEBIAN_ONLY.match(path)}
        self.assertEqual(normal(ours), normal(theirs))
        self.assertGreater(len(ours), 60)

    def test_one_version(self):
        version = re.search(r"^    version: '(.*)',", package.read("meson.build"), re.MULTILINE)[1]
        spec = package.read("packaging/rpm/likeness.spec")
        self.assertEqual(re.search(r"^Version: +(.*)$", spec, re.MULTILINE)[1], version)
        self.assertEqual(re.search(r"^\* .* - (.*)-1$", spec, re.MULTILINE)[1], version)
        self.assertEqual(self.query("--queryformat", "%{VERSION}"), version)

    def test_same_units_as_the_debian_package(self):
        units = re.search(r"^%global units (.*)$", package.read("packaging/rpm/likeness.spec"), re.MULTILINE)[1].split()
        rules = re.search(r"--restart-after-upgrade (likenessd(?:.*\\\n)*.*)", package.read("packaging/debian/rules"))[1]
        self.assertEqual(set(units), set(re.findall(r"[\w-]+\.(?:service|socket)", rules)))

    def test_what_it_needs_is_what_meson_asks_for(self):
        asked = set(re.findall(r"dependency\('([\w.-]+)'", package.read("meson.build") + package.read("units/meson.build")))
        wanted = set(re.findall(r"pkgconfig\(([\w.-]+)\)", package.read("packaging/rpm/likeness.spec")))
        self.assertEqual(wanted, asked - {"threads"})

    def test_its_scripts_are_shell(self):
        for tag in ("PREIN", "POSTIN", "PREUN", "POSTUN", "TRANSFILETRIGGERSCRIPTS"):
            text = self.query("--queryformat", f"%{{{tag}}}")
            self.assertNotIn("(none)", text, tag)
            self.assertNotRegex(text, r"%\{?\w", tag)       # a macro that was not there
            package.run("sh", "-n", "-c", text)

    def test_it_runs(self):
        with tempfile.TemporaryDirectory() as root:
            package.run("sh", "-c", 'rpm2archive - <"$2" | tar --extract --gzip --directory="$1"', "sh", root, self.rpm)
            version = re.search(r"^    version: '(.*)',", package.read("meson.build"), re.MULTILINE)[1]
            self.assertEqual(package.run(root + "/usr/bin/likenessctl", "--version").stdout, f"likenessctl {version}\n")


if __name__ == "__main__":
    package.main(lambda: None if shutil.which("rpmbuild") else "rpmbuild is not installed (the package rpm)")
