# SPDX-License-Identifier: Apache-2.0
"""The package in its later life: upgraded in the middle of a check, removed and installed again, purged."""

import glob
import os
import subprocess

import install
from harness import PACKAGES, TestCase

QUIET = {"DEBIAN_FRONTEND": "noninteractive"}

# What apt, dpkg and debconf note of what they did, and what a terminal changes by itself.
OTHERS = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/root", "/run", "/tmp", "/var/tmp",
          "/var/lib/systemd", "/var/lib/dbus", "/etc/machine-id")
# What the administrator and the test made themselves: a purge must not take it away.
OWN = ("/etc/systemd/system/likenessd.service.d", "/etc/systemd/system/likeness-examiner@.service.d",
       "/etc/polkit-1/rules.d/50-likeness-operators.rules", "/opt/mock-camera", "/home/", "/var/mail/")


class Package(TestCase):
    def setUp(self):
        """Each begins on a terminal of its own that has been in use."""
        if not self.shop.exists("/root/in-use"):
            return self.begin()
        self.shop.close()
        type(self).setUpClass()
        self.begin()

    def begin(self):
        self.shop.write("/root/in-use", "")
        self.verdict("match")
        self.before, self.keys = self.shop.receipts(), self.shop.public_keys()
        self.configuration = self.shop.read("/etc/likeness/likeness.conf")

    def apt(self, *arguments, environment=QUIET, **more):
        done = self.shop.run("root", "apt-get", "--yes", *arguments, environment=environment, timeout=200, **more)
        return done.stdout + done.stderr

    def is_kept(self):
        """Key, ledger and configuration are what they were, and the terminal works."""
        self.assertEqual(self.shop.receipts()[:len(self.before)], self.before)
        self.assertEqual(self.shop.read("/etc/likeness/likeness.conf"), self.configuration)
        self.shop.wait_served()
        self.assertEqual(self.shop.public_keys()["jwk"], self.keys["jwk"])
        self.verdict("match")
        self.shop.check_ledger()

    def test_an_upgrade_in_the_middle_of_a_check(self):
        """The check is closed as interrupted; key, ledger and configuration stay; the new version goes on."""
        newer = glob.glob(PACKAGES + "/newer/*.deb")[0]
        version = os.path.basename(newer).split("_")[1]
        self.shop.copy(newer, "/root/newer.deb")
        self.shop.connect_camera(None)
        self.shop.wait_served()
        self.before = self.shop.receipts()
        check = self.shop.begin_verifying()
        self.apt("install", "/root/newer.deb")
        answer = self.shop.finish_verifying(check)
        self.assertEqual(answer.error, "org.likeness.Verifier1.Error.Unavailable", answer)
        self.closed_as("interrupted", len(self.before))
        self.shop.connect_camera()
        self.is_kept()
        self.assertEqual(self.shop.ledger("started")[-1]["software"], version)
        self.assertEqual(self.shop.ledger("closed")[-1]["software"], version)
        self.assertEqual(self.shop.shell("root", "systemctl --failed --plain --no-legend").stdout, "")

    def test_removed_and_installed_again(self):
        self.apt("remove", "likeness")
        self.assertEqual(self.shop.processes("likeness.slice") + self.shop.processes("system.slice/likenessd.service"), [])
        left = [path for path in self.shop.files() if "likeness" in path.lower()]
        for path in left:
            self.assertRegex(path, "^(/var/lib/likeness|/etc/(likeness|credstore|systemd/system|polkit-1)|/root|/usr/share/"
                                   "likeness/models|/usr/share/doc/likeness-models|/var/lib/(dpkg|systemd)|/var/cache|"
                                   "/usr/share/likeness$)", path)
        self.assertEqual(self.shop.verify(reference=None).status, 127)
        for path in install.packages(PACKAGES):
            self.shop.copy(PACKAGES + "/" + os.path.basename(path), path)
        self.apt("install", "--no-install-recommends", *install.packages(PACKAGES))
        self.is_kept()

    def test_a_purge_leaves_nothing(self):
        """With an exported ledger and what was only installed for it gone, the file system is what it was before."""
        self.shop.shell("root", "likenessctl ledger export --output /root/ledger.jws")
        said = self.apt("--option=APT::AutoRemove::SuggestsImportant=false",
                        "--option=APT::AutoRemove::RecommendsImportant=false", "purge", "--autoremove", "likeness",
                        "likeness-models")
        self.assertNotIn("warning", said.lower().replace("warning: unable to delete old directory", ""))
        self.assertEqual(self.shop.exists("/var/backups"), "/var/backups" in install.seen()["files-before"])
        self.compare(install.seen()["files-before"], self.shop.files())
        self.assertEqual([path for path in self.shop.files() if "likeness" in path.lower() and
                          not path.startswith(("/var/lib/dpkg", "/root", "/var/cache/debconf", "/var/log/apt", *OWN))], [])
        for process in self.shop.processes():
            with open(f"/proc/{process}/cmdline") as file:
                self.assertNotIn("likeness", file.read())

    def compare(self, before, after):
        """Paths, owners and modes."""
        def relevant(files):
            return {path: list(about[:3]) for path, about in files.items()
                    if not path.startswith(OTHERS + OWN) and not path.endswith("-")}
        before, after = relevant(before), relevant(after)
        self.maxDiff = None
        self.assertEqual({path: about for path, about in after.items() if before.get(path) != about}, {})
        self.assertEqual(sorted(set(before) - set(after)), [])

    def test_a_purge_never_deletes_an_unexported_ledger_unasked(self):
        """Where nobody can answer it is kept, for root alone, and it is said where."""
        said = self.apt("purge", "likeness")
        kept = glob.glob(self.shop.path("/var/backups/likeness-ledger-*"))
        self.assertEqual(len(kept), 1)
        self.assertIn(os.path.basename(kept[0]), said)
        self.assertEqual(os.stat(kept[0]).st_mode & 0o7777, 0o700)
        lines = []
        for path in sorted(glob.glob(kept[0] + "/ledger/*.jws")):
            with open(path) as file:
                lines += file.read().splitlines()
        self.assertEqual(lines[:len(self.before)], self.before)
        self.assertFalse(self.shop.exists("/var/lib/likeness"))

    def test_a_purge_asks_before_it_deletes_an_unexported_ledger(self):
        """And deletes it if the answer was yes."""
        process = subprocess.Popen(
            self.shop.command("root", "script", "--quiet", "--return", "--command",
                              "apt-get --yes purge likeness", "/dev/null",
                              environment={"DEBIAN_FRONTEND": "readline", "TERM": "dumb"}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=0)
        said = ""
        while "Delete the record" not in said.split("[yes/no]")[0] or "[yes/no]" not in said:
            more = process.stdout.read(1)
            if not more:
                break
            said += more
        self.assertIn("Delete the record of attempts, which was never exported?", said)
        self.assertTrue(self.shop.receipts())
        process.stdin.write("yes\n")
        process.stdin.flush()
        said += process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 0, said)
        self.assertFalse(self.shop.exists("/var/lib/likeness"))
        self.assertEqual(glob.glob(self.shop.path("/var/backups/likeness-*")), [])
