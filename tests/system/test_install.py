# SPDX-License-Identifier: Apache-2.0
"""What an administrator gets by installing two packages on a terminal without a network."""

import install
from harness import TestCase


class Install(TestCase):
    @classmethod
    def prepare(cls):
        cls.seen = install.seen()

    def test_it_needs_no_network(self):
        interfaces = [line.split(":")[0].strip() for line in self.seen["network"].splitlines()[2:]]
        self.assertEqual(interfaces, ["lo"])
        self.assertEqual(self.seen["status"], 0, self.seen["said"])

    def test_all_of_it_works_at_once(self):
        """No unit failed, then or at the next start, and the service says that it is ready."""
        self.assertEqual(self.seen["failed-units"], "")
        self.assertNotIn("likenessd.service: Failed", self.seen["journal"])
        self.assertEqual(self.shop.shell("root", "systemctl --failed --plain --no-legend").stdout, "")
        self.assertEqual(self.shop.show("likenessd.service", "ActiveState"), "active")

    def test_the_first_start_makes_the_key(self):
        """One that only this terminal can use, before anybody asks for it; the next start takes the same."""
        made = {path: about[:3] for path, about in self.seen["files-after"].items()
                if path not in self.seen["files-before"]}
        self.assertEqual(made["/etc/credstore.encrypted/likeness-keyring"], ["-rw-------", 0, 0])
        self.assertIn("/var/lib/likeness/keyring/production.provisioned", made)
        self.assertIn("the keyring's password is protected by: host", self.seen["journal"])
        keys = self.shop.public_keys()
        self.assertEqual(keys["key-protection"], "host")
        self.assertFalse(keys["demo"])
        kids = {header["kid"] for header in self.shop.headers()}
        self.assertEqual(kids, {keys["kid"]})

    def test_each_process_reaches_its_own_alone(self):
        """The state's directories, as their owners see them: each of root's or of one service."""
        expected = {"": ("root", "drwxr-xr-x"), "/ledger": ("likeness", "drwx------"),
                    "/keyring": ("likeness-keyring", "drwx------")}
        files = self.shop.files("/var/lib")
        for path, (owner, mode) in expected.items():
            self.assertEqual(files["/var/lib/likeness" + path][:2], (mode, self.shop.identity(owner)[0]), path)
        for path, about in files.items():
            if path.startswith("/var/lib/likeness/"):
                self.assertNotEqual(about[1], 0, f"{path} is root's")
                self.assertEqual(about[0][7:], "---" if about[4] is None else about[0][7:], f"{path} is open to others")

    def test_users_and_nothing_else_are_added_to_others_files(self):
        users = {line.split(":")[0]: line for line in self.seen["users-after"].splitlines()}
        new = set(users) - {line.split(":")[0] for line in self.seen["users-before"].splitlines()}
        self.assertLessEqual({"likeness", "likeness-examiner", "likeness-decoder", "likeness-keyring"}, new)
        for name in new:
            self.assertTrue(users[name].endswith("/nologin"), users[name])
