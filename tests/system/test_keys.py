# SPDX-License-Identifier: Apache-2.0
"""The keyring's password is lost, damaged, or another one: the terminal says so, makes no key and no password
instead, and goes on with the same key when the right one is back."""

import json

from harness import TestCase

CREDENTIAL = "/etc/credstore.encrypted/likeness-keyring"
SETUP = "likeness-key-setup.service"


class Keys(TestCase):
    @classmethod
    def prepare(cls):
        cls.shop.set_up()
        cls.shop.wait_served()

    def setUp(self):
        self.keys = self.public_keys()
        self.assertTrue(self.keys)
        self.keyring = self.shop.run("root", "sha256sum", "/var/lib/likeness/keyring/production/signing.keyring").stdout
        with open(self.shop.path(CREDENTIAL), "rb") as file:
            self.right = file.read()

    def status(self):
        return json.loads(self.shop.run("root", "likenessctl", "status", "--json", check=False).stdout)

    def public_keys(self):
        return self.status()["PublicKey"]

    def with_credential(self, contents):
        """Starts likenessd anew while that is its helper's credential (None: there is none); what is wrong with it."""
        if contents is None:
            self.shop.run("root", "rm", CREDENTIAL)
        else:
            with open(self.shop.path(CREDENTIAL), "wb") as file:
                file.write(contents)
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.shop.wait_served()
        try:
            return self.status()["Problems"]
        finally:
            self.after = self.shop.exists(CREDENTIAL)
            with open(self.shop.path(CREDENTIAL), "wb") as file:
                file.write(self.right)
            self.shop.run("root", "chmod", "0600", CREDENTIAL)

    def is_as_before(self):
        now = self.shop.run("root", "sha256sum", "/var/lib/likeness/keyring/production/signing.keyring").stdout
        self.assertEqual(now, self.keyring)
        self.shop.run("root", "systemctl", "reset-failed")
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.shop.wait_served()
        self.assertEqual(self.public_keys(), self.keys)
        self.assertNotIn("no-key", self.status()["Problems"])

    def test_lost(self):
        self.assertIn("no-key", self.with_credential(None))
        self.assertFalse(self.after, "another password was made")
        self.assertEqual(self.shop.show(SETUP, "Result"), "exit-code")
        said = "\n".join(self.shop.messages())
        self.assertIn("its password is gone", said)
        self.assertIn("was not given the credential", said)
        self.is_as_before()

    def test_damaged(self):
        """systemd does not start the helper at all; likenessd does not wait for it."""
        self.assertIn("no-key", self.with_credential(self.right[:-9] + b"0123" + self.right[-5:]))
        self.assertTrue(self.after)
        self.is_as_before()

    def test_another(self):
        self.shop.run("root", "mv", CREDENTIAL, "/root/right")
        self.shop.run("root", "mv", "/var/lib/likeness/keyring", "/root/keyring")
        self.shop.run("root", "systemctl", "restart", SETUP)
        with open(self.shop.path(CREDENTIAL), "rb") as file:
            other = file.read()
        self.shop.shell("root", "mv /root/keyring /var/lib/likeness/keyring")
        self.assertNotEqual(other, self.right)
        self.assertIn("no-key", self.with_credential(other))
        self.is_as_before()
