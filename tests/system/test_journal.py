# SPDX-License-Identifier: Apache-2.0
"""What an administrator finds in the real journal of a terminal, and what monitoring is told."""

import json
import os
import re
import signal

from harness import TestCase
from terminal import eventually

STATUS = ("likenessctl", "status", "--json")


def message_id(catalog, subject):
    return re.search(rf"^-- ([0-9a-f]{{32}})\nSubject: {re.escape(subject)}$", catalog, re.MULTILINE)[1]


class Journal(TestCase):
    def setUp(self):
        super().setUp()
        self.catalog = self.shop.read("/usr/lib/systemd/catalog/likeness.catalog")

    def said(self, *options):
        return [m for m in self.shop.journal("--unit=likenessd.service", "_COMM=likenessd", *options)]

    def with_id(self, subject):
        return self.shop.journal("--unit=likenessd.service", "MESSAGE_ID=" + message_id(self.catalog, subject))

    def test_the_service_speaks_to_journald_itself(self):
        """Through its sandbox, as its unit, with the catalogue's ids; journalctl explains them."""
        ready = self.with_id("Likeness is ready")[-1]
        self.assertEqual(ready["_TRANSPORT"], "journal")
        self.assertEqual(ready["_SYSTEMD_UNIT"], "likenessd.service")
        self.assertEqual(ready["SYSLOG_IDENTIFIER"], "likenessd")
        self.assertEqual({m["_TRANSPORT"] for m in self.said()}, {"journal"})
        shown = self.shop.shell("root", "journalctl -u likenessd -x --no-pager --identifier=likenessd").stdout
        self.assertIn("The service has its key and its ledger and answers calls.", shown)

    def test_a_check(self):
        answer = self.verdict("match", transaction="sale-journal", operator="operator-journal")
        code = answer.fields["support-code"]
        said = self.shop.journal("LIKENESS_SUPPORT_CODE=" + code)
        self.assertEqual([m["MESSAGE"] for m in said],
                         [f"{code}: opened for uid {self.shop.identity('clerk')[0]}", f"{code}: closed: answered"])
        # what the clerk typed may be in the log of how he came in; never in ours
        ours = json.dumps([m for m in self.shop.journal("--boot") if m.get("_COMM", "").startswith("likeness")])
        self.assertIn(code, ours)
        for word in ("sale-journal", "operator-journal", answer.receipt):
            self.assertNotIn(word, ours)

    def test_what_is_wrong_is_told(self):
        """By the exit status of status, and by a message of the catalogue."""
        before = self.shop.run("nobody", *STATUS, check=False)
        self.assertNotIn("configuration-refused", json.loads(before.stdout)["Problems"])
        good = self.shop.read("/etc/likeness/likeness.conf")
        self.shop.write("/etc/likeness/likeness.conf", "[Verification]\nMode=neither\n")
        try:
            self.shop.run("root", "systemctl", "reload", "likenessd.service", check=False)
            self.assertTrue(eventually(lambda: "configuration-refused" in json.loads(
                self.shop.run("nobody", *STATUS, check=False).stdout)["Problems"], 10))
            refused = self.with_id("Likeness refused its configuration")[-1]
            self.assertEqual(refused["PRIORITY"], "3")
        finally:
            self.shop.write("/etc/likeness/likeness.conf", good)
            self.shop.run("root", "systemctl", "reload", "likenessd.service", check=False)

    def test_a_refused_configuration_is_said_once(self):
        """At a start as well: systemd does not try again what an administrator has to mend first."""
        before = len(self.with_id("Likeness refused its configuration"))
        good = self.shop.read("/etc/likeness/likeness.conf")
        self.shop.write("/etc/likeness/likeness.conf", "[Verification]\nMode=neither\n")
        try:
            self.shop.run("root", "systemctl", "restart", "likenessd.service", check=False)
            # one that is to be started again is "activating"
            self.assertTrue(eventually(lambda: self.shop.show("likenessd.service", "ActiveState") == "failed", 10))
            self.assertEqual(self.shop.show("likenessd.service", "NRestarts"), "0")
            self.assertEqual(len(self.with_id("Likeness refused its configuration")), before + 1)
        finally:
            self.shop.write("/etc/likeness/likeness.conf", good)
            self.shop.run("root", "systemctl", "restart", "likenessd.service")
            self.shop.wait_served()

    def test_a_stopped_journald_holds_nobody_up(self):
        journald = self.shop.outside(self.shop.pid("systemd-journald.service"))
        os.kill(journald, signal.SIGSTOP)
        try:
            self.verdict("match")
        finally:
            os.kill(journald, signal.SIGCONT)
