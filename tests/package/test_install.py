#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Installs, upgrades, removes and purges the Debian package, in a copy of this machine's files and without systemd (the
system tests do the same with it). arguments: BUILD-DIRECTORY SOURCE-DIRECTORY [TEST…]"""

import hashlib
import os
import re
import shutil
import tempfile
import unittest

import package

# What is there outside /usr, but for what package managers note of themselves; who owns it as well.
LIST = """
list() { find /etc /var -xdev \\( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log \\) -prune -o \\
    -printf '%p %u %g %m\\n' | grep -v -e '-old ' -e '^/etc/[.a-z]*- ' | sort; }
rm -f /var/lib/man-db/auto-update       # slow, and of no interest here
"""
INSTALL = "dpkg --force-unsafe-io --install /tmp/given/{deb} >/tmp/log 2>&1 || {{ cat /tmp/log; exit 1; }}\n"
PURGE = "dpkg --purge likeness\n"

# A ledger, a key and a configuration as a terminal in use has them.
USED = """
install -d -o likeness -g likeness -m 0700 /var/lib/likeness/ledger /var/lib/likeness/ledger-demo
install -d -o likeness-keyring -g likeness-keyring -m 0700 /var/lib/likeness/keyring
install -d -m 0755 /etc/likeness
echo entry >/var/lib/likeness/ledger/ledger-0000000000000001.jws
echo 1 >/var/lib/likeness/ledger/unexported
echo entry >/var/lib/likeness/ledger-demo/ledger-0000000000000001.jws
echo key >/var/lib/likeness/keyring/production
echo password >/etc/credstore.encrypted/likeness-keyring
echo '[Terminal]' >/etc/likeness/likeness.conf
"""
STATE = "/var/lib/likeness"


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.install = INSTALL.format(deb=os.path.basename(package.make_deb()))

    def inside(self, script, **more):
        """What a script in the copy prints, after installing."""
        result = package.in_root(LIST + script, **more)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_install_upgrade_remove(self):
        newer = INSTALL.format(deb=os.path.basename(package.make_deb("--version=0.1.0+test")))
        said = self.inside(self.install + f"""
            for user in likeness likeness-examiner likeness-decoder likeness-keyring; do
                getent passwd $user; id --groups --name $user
            done
            getent group likeness-operators
            stat --format='%n %U %a' {STATE}
            likenessctl --version
            """ + USED + "list >/tmp/before\n" + newer + f"""
            list >/tmp/after
            echo =====
            diff /tmp/before /tmp/after || true
            likenessctl --version
            dpkg --remove likeness >/dev/null 2>&1
            cat {STATE}/ledger/*.jws {STATE}/keyring/production /etc/likeness/likeness.conf
            """)
        for user in ("likeness", "likeness-examiner", "likeness-decoder", "likeness-keyring"):
            self.assertRegex(said, rf"(?m)^{user}:.*nologin$")
            self.assertRegex(said, rf"(?m)^{user}$")            # in no group but its own
        self.assertRegex(said, r"(?m)^likeness-operators:x:\d+:$")
        self.assertIn(f"{STATE} root 755", said)
        self.assertEqual(said.split("=====")[1].strip(), "likenessctl 0.1.0+test\nentry\nkey\n[Terminal]", said)

    def test_models(self):
        """Their package with the program's own; whoever installs one is told what is missing."""
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(directory + "/models/licenses")
            shutil.copy(package.make_deb(), directory + "/likeness.deb")
            manifest = package.read("models/manifest")
            for name in set(re.findall(r"(?m)^LicenceFile=(.*)$", manifest)):
                with open(f"{directory}/models/licenses/{name}", "w") as file:
                    file.write("text\n")
            for name in re.findall(r"(?m)^File=(.*)$", manifest):
                with open(f"{directory}/models/{name}", "w") as file:
                    file.write(name)
                manifest = re.sub(rf"(?m)^(File={re.escape(name)}\nSHA256=).*$",
                                  r"\g<1>" + hashlib.sha256(name.encode()).hexdigest(), manifest)
            with open(directory + "/models/manifest", "w") as file:
                file.write(manifest)
            said = self.inside(INSTALL.format(deb="likeness.deb") + """
                likenessctl models check 2>&1 || echo status $?
                echo =====
                cd /tmp
                dpkg --force-unsafe-io --install $(likenessctl models pack /tmp/given/models) >/dev/null
                likenessctl models check
                cd /usr/share/likeness/models; sha256sum --check --quiet SHA256SUMS
                dpkg --purge likeness-models >/dev/null
                test ! -e /usr/share/likeness/models && likenessctl --version
                """, given=directory)
        before, after = said.split("=====\n")
        self.assertIn("/usr/share/likeness/models/face_detection_yunet_2022mar.onnx: No such file", before)
        self.assertTrue(before.endswith("status 1\n"), before)
        self.assertEqual(after.count("is the manifest's\n"), 5, after)

    def test_purge_leaves_nothing(self):
        """Also of a terminal in use, if its administrator said so beforehand."""
        said = self.inside("list >/tmp/before\n" + self.install + USED + """
            echo 'likeness likeness/delete-ledger boolean true' | debconf-set-selections
            """ + PURGE + """
            list >/tmp/after
            echo =====
            diff /tmp/before /tmp/after || true
            getent passwd | grep likeness || true
            getent group | grep likeness || true
            """)
        self.assertEqual(said.split("=====")[1].strip(), "", said)

    def test_purge_deletes_no_record_unasked(self):
        """Nobody could be asked; then the same with a ledger that was exported, whose record others have."""
        said = self.inside(self.install + USED + PURGE + f"""
            echo =====
            test ! -e {STATE}
            cat /var/backups/likeness-ledger-*/ledger/*.jws
            stat --format='%U %a' /var/backups/likeness-ledger-*
            rm -r /var/backups/likeness-ledger-*
            echo =====
            """ + self.install + USED + f"rm {STATE}/ledger/unexported\n" + PURGE + f"""
            test ! -e {STATE}
            echo kept: /var/backups/likeness*
            """)
        self.assertEqual(said.split("=====")[1].split(), ["entry", "root", "700"], said)
        self.assertIn("the record of attempts was never exported; it is kept in /var/backups/likeness-ledger-", said)
        self.assertTrue(said.endswith("kept: /var/backups/likeness*\n"), said)

    def test_the_administrator_is_asked(self):
        """By debconf's plainest interface."""
        answers = "".join(self.install + USED + f"""
            printf '{answer}\\n' | script --quiet --return --command 'dpkg --purge likeness' /dev/null
            test ! -e {STATE}
            test -e /var/backups/likeness-ledger-* && echo '=====kept' || echo '=====deleted'
            """ for answer in ("yes", "no"))
        said = self.inside(answers, environment={"DEBIAN_FRONTEND": "teletype", "TERM": "dumb"})
        self.assertEqual(said.count("Delete the record of attempts, which was never exported?"), 2, said)
        self.assertLess(said.index("=====deleted"), said.index("=====kept"), said)


if __name__ == "__main__":
    package.main(package.why_no_root)
