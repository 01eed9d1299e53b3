# SPDX-License-Identifier: Apache-2.0
"""The kernel's own test camera (vivid), which a demonstration may use and nothing else: capture from a real driver in
the form that it has, and what that driver can do to whoever reads it."""

import glob
import time

import asleep
import machine
from machine import SLOW, eventually
from shop import CONFIGURATION

ERROR = "org.likeness.Verifier1.Error."
ALLOWED = CONFIGURATION + "\n[Cameras]\nAllowSoftwareCameras=yes\n"
LEDGER = "/var/lib/likeness/demo/ledger-demo"
LIKENESSD = "/usr/libexec/likeness/likenessd"
# A demonstration has a ledger of its own.
# Of all of them each looks whether the other is of a demonstration, too.
OTHERS = {"likeness-keyring@.service": "likeness-keyring --demo",
          "likeness-decoder@.service": "likeness-examiner --decode --demo"}
DEMO = f"""\
[Service]
ExecStart=
ExecStart={LIKENESSD} --demo --state=/var/lib/likeness/demo
StateDirectory=likeness/demo
"""


class Vivid(asleep.Sleeps, machine.TestCase):
    @classmethod
    def prepare(cls):
        cls.shop.ledger_directory = LEDGER
        cls.shop.drop_in("likenessd.service", DEMO)
        for unit, command in OTHERS.items():
            cls.shop.drop_in(unit, f"[Service]\nExecStart=\nExecStart=/usr/libexec/likeness/{command}\n")
        cls.shop.set_up(ALLOWED, "--demo")
        cls.shop.wait_served(SLOW)

    def setUp(self):
        super().setUp()
        self.shop.load("vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0")
        self.addCleanup(self.shop.unload, "vivid")
        self.node, = glob.glob("/dev/video*")

    def control(self, text):
        self.shop.run("root", "v4l2-ctl", "-d", self.node, "-c", text)

    def check_while(self, disturb, error, within=3.0):
        self.shop.scripted(0)
        check = self.shop.begin_verifying()
        self.assertTrue(eventually(lambda: self.shop.holders(self.node), 20), "it is not opened")
        time.sleep(1.5)
        began = time.monotonic()
        disturb()
        answer = self.shop.finish_verifying(check)
        self.assertEqual(answer.error, ERROR + error, answer)
        self.assertLess(time.monotonic() - began, within)

    def test_match_that_does_not_bind(self):
        self.shop.scripted(20)
        answer = self.verdict("match")
        self.assertFalse(answer.fields["binding"])
        self.assertEqual(self.shop.holders(self.node), [])

    def test_disconnected_in_the_middle(self):
        self.check_while(lambda: self.control("disconnect=1"), "CameraLost")

    def test_a_fatal_streaming_error(self):
        self.check_while(lambda: self.control("inject_fatal_streaming_error=1"), "CameraLost")
        self.assertEqual(self.shop.holders(self.node), [])

    def test_unbound_and_bound(self):
        def driver(what):
            with open("/sys/bus/platform/drivers/vivid/" + what, "w") as file:
                file.write("vivid.0")

        self.check_while(lambda: driver("unbind"), "CameraLost")
        driver("bind")
        self.shop.run("root", "udevadm", "settle")
        self.shop.scripted(20)
        self.verdict("match")

    def test_the_machine_falls_asleep_in_the_middle(self):
        self.fall_asleep(self.node, "vivid.0")
        self.shop.scripted(20)
        self.verdict("match")
        self.assertEqual(self.shop.holders(self.node), [])
