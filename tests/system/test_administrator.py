# SPDX-License-Identifier: Apache-2.0
"""An administrator's days with a terminal: look, rotate the key, change the configuration, ship receipts, restart."""

import json

from harness import TestCase
from shop import claims_of
from terminal import NAME, OBJECT, Failed, eventually

COURIER = "likeness-courier.service"


class Administrator(TestCase):
    def reload(self, configuration):
        self.shop.write("/etc/likeness/likeness.conf", configuration)
        self.shop.run("root", "systemctl", "reload", "likenessd.service")

    def test_status_tells_what_the_terminal_is(self):
        done = self.shop.run("root", "likenessctl", "status", "--json", check=False)
        said = json.loads(done.stdout)
        self.assertEqual((said["Mode"], said["State"], said["KeyProtection"]), ("enforce", "idle", "host"))
        # of the machine, not of ours: a container's clock is nobody's to set
        self.assertLessEqual(set(said["Problems"]), {"clock-not-synchronised", "disk-nearly-full"}, said)
        self.assertIn(done.returncode, (0, 19, 20))
        self.assertIn("enforce", self.shop.run("visitor", "likenessctl", "status", check=False).stdout)

        self.shop.unplug_camera()
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.assertEqual(self.shop.run("visitor", "likenessctl", "status", check=False).returncode, 17)
        self.shop.connect_camera()

        self.shop.run("root", "systemctl", "mask", "--runtime", "--now", "likenessd.service")
        try:
            self.assertEqual(self.shop.run("root", "likenessctl", "status", check=False).returncode, 3)
        finally:
            self.shop.run("root", "systemctl", "unmask", "--runtime", "likenessd.service")
            self.shop.run("root", "systemctl", "start", "likenessd.service")

    def test_the_key_is_rotated(self):
        """What was signed before stays provable, and the new key signs from then on."""
        old = self.shop.public_keys()["kid"]
        before = self.verdict("match").receipt
        new = self.shop.run("root", "likenessctl", "key", "rotate").stdout.strip()
        self.assertNotEqual(new, old)
        self.assertEqual(self.shop.public_keys()["kid"], new)
        self.verdict("match")
        self.assertEqual([header["kid"] for header in self.shop.headers()][-1], new)
        self.assertIn(before, self.shop.receipts())
        known = json.loads(self.shop.run("root", "likenessctl", "key", "show", "--json").stdout)
        self.assertLessEqual({old, new}, {key["kid"] for key in known["keys"]})
        self.shop.shell("root", "cd $(mktemp -d) && likenessctl key show --json >keys.json && "
                                "likenessctl ledger export --output ledger.jws && "
                                "likenessctl ledger verify ledger.jws --keys keys.json")

    def test_the_ledger_is_shown_and_exported(self):
        answer = self.verdict("match")
        self.shop.shell("root", "likenessctl ledger export --output /root/exported.jws")
        shown = self.shop.run("root", "likenessctl", "ledger", "show", "/root/exported.jws").stdout
        self.assertIn(answer.fields["support-code"], shown)
        self.assertEqual(self.shop.read("/root/exported.jws").splitlines(), self.shop.receipts())
        self.shop.shell("root", "sed -i '$d' /root/exported.jws && sed -i '2d' /root/exported.jws && "
                                "likenessctl provision --json >/root/keys.json")
        with self.assertRaisesRegex(Failed, "NOT WHOLE"):
            self.shop.run("root", "likenessctl", "ledger", "verify", "/root/exported.jws", "--keys", "/root/keys.json")

    def test_the_configuration_is_changed_and_reloaded(self):
        own = self.shop.read("/etc/likeness/likeness.conf")
        try:
            self.reload(own.replace("enforce", "pilot"))
            self.assertTrue(eventually(lambda: "pilot" in self.shop.get("Mode"), 10))
            self.assertEqual(self.verdict("match").claims["binding"], False)
            self.assertEqual(self.shop.ledger("configuration-changed")[-1]["changed"], ["Verification.Mode"])

            # one with a mistake is not taken, and it is said where the mistake is
            self.shop.write("/etc/likeness/likeness.conf", own.replace("enforce", "enforced"))
            with self.assertRaisesRegex(Failed, "likeness.conf:.*enforced"):
                self.shop.run("root", "likenessctl", "config", "check")
            self.reload(own.replace("enforce", "enforced"))
            self.assertTrue(eventually(lambda: [said for said in self.shop.messages("--unit=likenessd.service")
                                                if "enforced" in said], 10))
            self.assertIn("pilot", self.shop.get("Mode"))
        finally:
            self.reload(own)
        self.assertTrue(eventually(lambda: "enforce" in self.shop.get("Mode"), 10))
        self.verdict("match")

    def test_cameras(self):
        """A camera that is pinned is used, and nothing in its place; a real terminal never takes one of software, whether it
        is asked to while it runs or when it starts."""
        own = self.shop.read("/etc/likeness/likeness.conf")
        refused = lambda: sum("AllowSoftwareCameras=yes in [Cameras] is not possible without --demo" in line
                              for line in self.shop.messages("--unit=likenessd.service"))
        try:
            self.reload(own + "\n[Cameras]\nFace=usb-1d6b:0102-MOCK0001@*\n")
            identity = self.verdict("match").claims["camera-identity"]
            self.assertRegex(identity, r"^[A-Za-z0-9_-]{43}$")
            self.reload(own + "\n[Cameras]\nFace=usb-1d6b:0102-OTHER@*\n")
            self.assertEqual(self.shop.verify().error, "org.likeness.Verifier1.Error.NoCamera")

            self.reload(own + "\n[Cameras]\nAllowSoftwareCameras=yes\n")
            self.assertTrue(eventually(lambda: refused() == 1, 10))
            self.assertIn("configuration-refused", self.shop.get("Problems"))
            self.shop.run("root", "systemctl", "restart", "likenessd.service", check=False)
            self.assertTrue(eventually(lambda: refused() == 2, 10))
            self.assertIsNone(self.shop.pid())
        finally:
            self.shop.write("/etc/likeness/likeness.conf", own)
            self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.assertEqual(self.verdict("match").claims["camera-identity"], identity)

    def test_a_camera_is_exchanged_during_a_check(self):
        """In its sandbox likenessd hears udev write, as on a machine where there is one."""
        database = "/run/udev/data"
        self.shop.shell("root", f"mkdir -p {database} && echo I:100 >{database}/c81:0")
        self.addCleanup(self.shop.run, "root", "rm", "-r", "/run/udev")
        self.shop.connect_camera(None)
        self.addCleanup(self.shop.connect_camera)
        before = len(self.shop.ledger())
        check = self.shop.begin_verifying()
        self.shop.shell("root", f"echo I:200 >{database}/new && mv {database}/new {database}/c81:0")
        self.assertEqual(self.shop.finish_verifying(check).error, "org.likeness.Verifier1.Error.CameraRefused")
        self.closed_as("camera-changed", before)

    def test_the_journal_tells_what_happened_and_nothing_about_the_customer(self):
        answer = self.verdict("match", transaction="sale-in-journal", operator="operator-in-journal")
        said = "\n".join(self.shop.messages("--unit=likenessd.service"))
        self.assertIn(answer.fields["support-code"], said)
        for word in ("sale-in-journal", "operator-in-journal", "portrait.jpg", answer.claims["nonce"]):
            self.assertNotIn(word, "\n".join(self.shop.messages("--boot")).replace("COMMAND", ""))
        entry = self.shop.journal("--unit=likenessd.service", "--lines=1")[0]
        self.assertEqual(entry["_UID"], str(self.shop.identity("likeness")[0]))

    def test_the_courier_ships_receipts_to_a_journal_of_their_own(self):
        self.shop.run("root", "systemctl", "enable", "--now", COURIER)
        receipt = self.verdict("match").receipt

        def shipped():
            done = self.shop.run("root", "journalctl", "--namespace=likeness", "--output=json", "--all", check=False)
            return [entry["LIKENESS_RECEIPT"] for entry in map(json.loads, done.stdout.splitlines())
                    if "LIKENESS_RECEIPT" in entry]

        self.assertTrue(eventually(lambda: receipt in shipped(), 20))
        self.assertEqual(shipped(), self.shop.receipts())
        self.assertEqual([entry for entry in self.shop.journal("--boot") if "LIKENESS_RECEIPT" in entry], [])

        # a restart of either loses nothing
        self.shop.run("root", "systemctl", "kill", "--signal=KILL", COURIER)
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        receipt = self.verdict("match").receipt
        self.assertTrue(eventually(lambda: receipt in shipped(), 20))
        self.assertEqual(set(shipped()), set(self.shop.receipts()))
        self.shop.run("root", "systemctl", "disable", "--now", COURIER)

    def test_a_restart_of_the_terminal(self):
        """Key and ledger are what they were, and the ledger says that there was one. (Within a container only the manager
        sees a boot id of the container's; a service with a /proc of its own sees the machine's. So it is shown to it.)"""
        self.shop.write("/etc/systemd/system/boot-id.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                        "ExecStart=sh -c 'cat /proc/sys/kernel/random/boot_id >/opt/boot-id'\n")
        self.shop.drop_in("likenessd.service", "[Unit]\nRequires=boot-id.service\nAfter=boot-id.service\n[Service]\n"
                          "BindReadOnlyPaths=/opt/boot-id:/proc/sys/kernel/random/boot_id\n")
        self.addCleanup(self.shop.no_drop_in, "likenessd.service")
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.verdict("match")
        before, kid = self.shop.receipts(), self.shop.public_keys()["kid"]
        self.shop.reboot()
        self.assertEqual(self.shop.show("likenessd.service", "ActiveState"), "active")
        self.shop.connect_camera()
        self.shop.wait_served()
        self.assertEqual(self.shop.receipts()[:len(before)], before)
        self.assertEqual(self.shop.public_keys()["kid"], kid)
        first = self.shop.ledger()[len(before)]
        self.assertEqual(first["entry"], "started")
        self.assertNotEqual(first["boot"], claims_of(before[-1])["boot"])
        self.assertEqual(self.verdict("match").claims["boot"], first["boot"])
        self.assertEqual(self.shop.shell("root", "systemctl --failed --plain --no-legend").stdout, "")
        self.shop.check_ledger()

    def test_the_first_call_starts_the_service(self):
        self.shop.run("root", "systemctl", "stop", "likenessd.service")
        self.assertIsNone(self.shop.pid())
        said = self.shop.busctl("visitor", "get-property", NAME, OBJECT, NAME, "Mode").stdout
        self.assertIn("enforce", said)
        self.assertIsNotNone(self.shop.pid())
        self.shop.run("root", "systemctl", "stop", "likenessd.service")
        self.verdict("match")

    def test_logind_waits_for_a_check(self):
        """A terminal does not fall asleep, and does not write a customer's face to its disk, before the check has ended."""
        check = self.shop.begin_verifying()
        locks = self.shop.run("root", "systemd-inhibit", "--list", "--no-legend").stdout
        self.assertEqual(self.shop.finish_verifying(check).verdict, "match")
        lock = [line for line in locks.splitlines() if "ikeness" in line]
        self.assertEqual(len(lock), 1, locks)
        self.assertRegex(lock[0], "sleep.*delay")
