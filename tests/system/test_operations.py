# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md, run from the page: each block of commands after a line "<!-- tried … -->", in its order, as root."""

import datetime
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

import harness
import install
from harness import TestCase
from shop import RULE, claims_of, data
from terminal import eventually

# Blocks that another test file runs.
ELSEWHERE = {"by tests/system/install.py"}


def blocks(path):
    """[(name, commands)] of all blocks of the page."""
    with open(path) as file:
        text = file.read()
    return re.findall(r"^<!-- tried(?::? ([^>]*))? -->\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Operations(TestCase):
    """The tests are the page's chapters, in their order."""
    installed = False

    @classmethod
    def prepare(cls):
        cls.blocks = blocks(harness.SOURCE + "/docs/operations.md")
        cls.next = 0
        cls.stumbled = False
        shop = cls.shop
        for name in os.listdir(harness.PACKAGES):
            if name.endswith(".deb"):
                shop.copy(f"{harness.PACKAGES}/{name}", "/root/" + name)
        shop.shell("root", "mkdir -p /media/backup && useradd --create-home clerk")
        shop.copy(data("person01-portrait.jpg"), "/home/clerk/portrait.jpg")

    def setUp(self):
        """A chapter needs the ones before it."""
        if type(self).stumbled:
            self.skipTest("a chapter before it failed")
        type(self).stumbled = True

    def tearDown(self):
        type(self).stumbled = bool(self._outcome.result.problems)

    def run_block(self, name="", within=60):
        """Runs the page's next block, which must have this name; what it said."""
        found, commands = self.blocks[type(self).next]
        while found in ELSEWHERE:
            type(self).next += 1
            found, commands = self.blocks[type(self).next]
        self.assertEqual(found, name, f"the page's next block is another one:\n{commands}")
        type(self).next += 1
        done = self.shop.shell("root", "cd /root && set -eu\n" + commands, check=False, timeout=within,
                               environment={"DEBIAN_FRONTEND": "noninteractive"})
        self.assertEqual(done.returncode, 0, f"{commands}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def install(self, *options):
        self.shop.shell("root", f"cd /root && apt-get install --yes --no-install-recommends {' '.join(options)}", timeout=300,
                        environment={"DEBIAN_FRONTEND": "noninteractive"})
        self.shop.wait_served()

    def match(self):
        """A clerk's check; the entries of it."""
        answer = self.verdict("match")
        return answer.claims

    def exported(self, path):
        with open(self.shop.path(path)) as file:
            return [claims_of(line) for line in file.read().splitlines()]

    def test_01_install(self):
        self.run_block("before the installation")
        self.install(*install.packages(harness.PACKAGES))
        said = self.run_block()
        self.assertIn("signs now", said)
        self.assertIn("active (running)", said)
        self.assertEqual(self.shop.get("Terminal", user="root"), 's "seoul-0417-2"')
        self.run_block()
        self.assertTrue(self.shop.exists(RULE))
        self.shop.connect_camera()
        self.shop.wait_served()

    def test_02_configure(self):
        self.assertNotEqual(self.shop.verify().verdict, "match", "the defaults are strict")
        self.assertIn("Mode=pilot", self.run_block())
        self.assertTrue(eventually(lambda: self.shop.get("Mode", user="root") == 's "pilot"'))
        self.assertFalse(self.match()["binding"])

    def test_03_provision(self):
        self.run_block()
        registered = json.loads(self.shop.read("/root/seoul-0417-2.json"))
        self.assertEqual((registered["terminal"], registered["key-protection"]), ("seoul-0417-2", "host"))
        type(self).first = registered["kid"]

    def test_04_every_day(self):
        self.assertIn('"Terminal":"seoul-0417-2"', self.run_block())
        self.run_block()
        self.assertEqual(json.loads(self.shop.read("/root/checkpoint.json"))["sequence"], len(self.shop.receipts()))

    def test_05_change_the_key(self):
        self.run_block()
        self.assertNotEqual(json.loads(self.shop.read("/root/seoul-0417-2.second.json"))["kid"], self.first)
        self.match()

    def test_06_back_up(self):
        self.run_block()
        today = self.shop.shell("root", "date +%F").stdout.strip()
        self.assertEqual(self.exported(f"/media/backup/ledger-{today}.jws")[-1]["sequence"], len(self.shop.receipts()))
        self.assertIn("whole", self.run_block())
        listed = self.shop.shell("root", f"tar -tzf /media/backup/settings-{today}.tar.gz").stdout
        self.assertIn("etc/likeness/likeness.conf.d/50-pilot.conf", listed)
        self.assertIn("etc/polkit-1/rules.d/50-likeness-operators.rules", listed)

    def test_07_an_older_ledger_is_a_fork(self):
        """What the page warns of: the ledger alone, put back."""
        self.shop.run("root", "systemctl", "stop", "likenessd.service")
        self.shop.shell("root", "cp -a /var/lib/likeness/ledger /root/kept")
        self.shop.run("root", "systemctl", "start", "likenessd.service")
        self.match()
        self.shop.shell("root", "likenessctl ledger export --output /root/a.jws && systemctl stop likenessd.service && "
                                "rm -r /var/lib/likeness/ledger && mv /root/kept /var/lib/likeness/ledger && "
                                "systemctl start likenessd.service")
        self.match()
        self.shop.shell("root", "likenessctl ledger export --output /root/b.jws && cat /root/a.jws /root/b.jws >/root/ab.jws")
        said = self.shop.shell("root", "likenessctl ledger verify /root/ab.jws --keys /root/seoul-0417-2.json", check=False)
        self.assertEqual(said.returncode, 1)
        self.assertIn("fork", said.stdout)

    def test_08_an_older_keyring_is_refused(self):
        self.shop.shell("root", "cp -a /var/lib/likeness/keyring /root/kept-keyring && likenessctl key rotate && "
                                "systemctl stop likenessd.service && mv /var/lib/likeness/keyring /root/right-keyring && "
                                "mv /root/kept-keyring /var/lib/likeness/keyring && systemctl start likenessd.service")
        self.shop.wait_served()
        entries = len(self.shop.receipts())
        self.assertEqual(self.shop.verify().error, "org.likeness.Verifier1.Error.Unavailable")
        self.assertEqual(len(self.shop.receipts()), entries)
        self.shop.shell("root", "systemctl stop likenessd.service && rm -r /var/lib/likeness/keyring && "
                                "mv /root/right-keyring /var/lib/likeness/keyring && systemctl start likenessd.service && "
                                "rm /root/*.jws")
        self.match()

    def test_09_move(self):
        before = self.shop.receipts()
        self.run_block()
        self.assertNotEqual(self.shop.verify().status, 0, "the next call starts it")
        self.shop.shell("root", "systemctl unmask --runtime likenessd.service && "
                                "cp -a /etc/systemd/system /root/units && "
                                "apt-get purge --yes likeness && rm -f /var/lib/systemd/credential.secret",
                        environment={"DEBIAN_FRONTEND": "noninteractive"})
        self.assertFalse(self.shop.exists("/var/lib/likeness"))
        self.install(*install.packages(harness.PACKAGES, "likeness_"))
        self.assertIn("whole", self.run_block("on the other machine"))
        self.assertEqual(self.shop.receipts()[:len(before)], before)
        self.shop.shell("root", "usermod --append --groups likeness-operators clerk")
        self.match()

    def test_10_begin_anew(self):
        old = self.shop.receipts()
        self.run_block()
        self.assertEqual(json.loads(self.shop.read("/root/seoul-0417-2b.json"))["terminal"], "seoul-0417-2b")
        with open(glob.glob(self.shop.path("/root/seoul-0417-2/ledger") + "/*.jws")[0]) as file:
            self.assertTrue(set(file.read().splitlines()) <= set(old))
        self.assertEqual(self.match()["terminal"], "seoul-0417-2b")
        said = self.shop.shell("root", "likenessctl ledger verify /var/lib/likeness/ledger --keys /root/seoul-0417-2b.json")
        self.assertIn("whole", said.stdout)

    def test_11_another_name_alone_is_refused(self):
        path = "/etc/likeness/likeness.conf.d/10-terminal.conf"
        right = self.shop.read(path)
        self.shop.write(path, "[Terminal]\nName=elsewhere\n")
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        entries = len(self.shop.receipts())
        self.assertEqual(self.shop.verify().error, "org.likeness.Verifier1.Error.Unavailable")
        self.assertIn("is that of the terminal seoul-0417-2b", "\n".join(self.shop.messages("--unit=likenessd.service")))
        self.assertEqual(len(self.shop.receipts()), entries)
        self.shop.write(path, right)
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.match()

    def test_12_roll_out_and_back(self):
        self.run_block()
        self.assertTrue(eventually(lambda: self.shop.get("Mode", user="root") == 's "enforce"'))
        self.assertTrue(self.match()["binding"])
        entries = len(self.shop.receipts())
        self.shop.shell("root", "mkdir /root/new && mv /root/likeness_*.deb /root/new && apt-mark hold likeness")
        self.shop.copy(self.older(), "/root/likeness_0.0.9_amd64.deb")
        self.run_block("an older release", within=300)
        self.assertIn("0.0.9", self.shop.shell("root", "dpkg-query --show likeness").stdout)
        self.shop.wait_served()
        self.assertFalse(self.match()["binding"])
        self.assertGreater(len(self.shop.receipts()), entries + 2)
        self.shop.shell("root", "apt-mark unhold likeness")
        self.install("/root/new/likeness_*.deb")
        self.match()
        self.shop.shell("root", "likenessctl ledger verify /var/lib/likeness/ledger --keys /root/seoul-0417-2b.json")

    def older(self):
        """The same package with an older number."""
        deb = next(path for path in glob.glob(harness.PACKAGES + "/likeness_*.deb"))
        directory = tempfile.mkdtemp(dir=harness.SCRATCH)
        subprocess.run(["dpkg-deb", "--raw-extract", deb, directory + "/tree"], check=True)
        path = directory + "/tree/DEBIAN/control"
        with open(path) as file:
            text = re.sub(r"^Version: .*$", "Version: 0.0.9", file.read(), flags=re.MULTILINE)
        with open(path, "w") as file:
            file.write(text)
        subprocess.run(["dpkg-deb", "-Znone", "--build", directory + "/tree", directory + "/older.deb"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(directory + "/tree")
        return directory + "/older.deb"

    def test_13_retire(self):
        self.shop.shell("root", "mkdir -p /var/log/journal && systemctl enable --now likeness-courier.service")
        copied = ("journalctl", "--namespace=likeness", "--output=cat", "--lines=1", "--no-pager")
        wanted = f"receipt {len(self.shop.receipts())} of seoul-0417-2b"
        self.assertTrue(eventually(lambda: wanted in self.shop.run("root", *copied, check=False).stdout), "nothing was copied")
        self.assertIn("whole", self.run_block())
        last = len(self.shop.receipts())
        self.assertEqual(self.exported("/media/backup/last.jws")[-1]["sequence"], last)
        self.assertEqual(json.loads(self.shop.read("/media/backup/last.json"))["sequence"], last)
        revoked = {"revoked": [{"kid": json.loads(self.shop.read("/root/seoul-0417-2b.json"))["kid"],
                                "since": int(datetime.datetime.now().timestamp()) + 60, "reason": "retired"}]}
        self.shop.write("/root/revoked.json", json.dumps(revoked))
        self.shop.shell("root", "likenessctl ledger verify /media/backup/last.jws --keys /root/seoul-0417-2b.json "
                                "--revoked /root/revoked.json")
        self.run_block()
        for path in ("/var/lib/likeness", "/etc/likeness", "/etc/credstore.encrypted/likeness-keyring",
                     "/usr/share/likeness", "/etc/polkit-1/rules.d/50-likeness-operators.rules"):
            self.assertFalse(self.shop.exists(path), path)
        self.assertNotIn("likeness", self.shop.read("/etc/passwd"))
        self.assertEqual(glob.glob(self.shop.path("/var/log/journal") + "/*.likeness"), [])

    def test_14_the_whole_page_was_run(self):
        self.assertEqual(self.next, len(self.blocks))
        self.assertGreater(len(self.blocks), 12)
