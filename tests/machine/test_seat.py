# SPDX-License-Identifier: Apache-2.0
"""Who may have a check made: polkit's actions name the one who sits at the counter, which only a real seat shows."""

import fcntl

import machine
from machine import eventually

VT_ACTIVATE = 0x5606                    # linux/vt.h
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NO_CAMERA = "org.likeness.Verifier1.Error.NoCamera"


class Seat(machine.TestCase):
    def test_the_clerk_sits_at_it(self):
        shown = self.shop.run("root", "loginctl", "show-session", self.shop.seat_session())
        lines = shown.stdout.splitlines()
        for line in ("Seat=seat0", "Active=yes", "State=active", "Remote=no"):
            self.assertIn(line, lines)

    def test_who_sits_at_it_may_verify(self):
        """Without any rule: the action's allow_active. (What stops him is that there is no camera.)"""
        answer = self.shop.verify("clerk")
        self.assertEqual(answer.error, NO_CAMERA, answer)

    def test_the_same_user_elsewhere_may_not(self):
        self.assertEqual(self.shop.verify("clerk@nowhere").error, DENIED)

    def test_another_user_may_not(self):
        self.assertEqual(self.shop.verify("visitor").error, DENIED)

    def test_he_may_not_administer(self):
        self.assertNotEqual(self.shop.run("clerk", "likenessctl", "key", "rotate", check=False).returncode, 0)

    def test_while_another_session_is_at_the_screen_he_may_not(self):
        """allow_inactive: the clerk's session is there, and somebody has switched to another screen."""
        self.switch_to(2)
        self.addCleanup(self.switch_to, 1)
        self.assertTrue(eventually(lambda: self.active() != "yes"))
        self.assertEqual(self.shop.verify("clerk").error, DENIED)
        self.switch_to(1)
        self.assertTrue(eventually(lambda: self.active() == "yes"))
        self.assertEqual(self.shop.verify("clerk").error, NO_CAMERA)

    def switch_to(self, screen):
        with open("/dev/tty0") as terminal:
            fcntl.ioctl(terminal, VT_ACTIVATE, screen)

    def active(self):
        return self.shop.run("root", "loginctl", "show-session", "--property=Active", "--value",
                             self.shop.seat_session()).stdout.strip()
